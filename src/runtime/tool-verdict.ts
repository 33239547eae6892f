import type { ToolLayer } from "../judge/policy.ts";
import type { RunContext } from "./run-context.ts";

/**
 * The files that the names of each layer of the policy stand for; null when all tools are allowed. Names are looked up in the caller's PATH:
 * a step that sets its own PATH does not thereby say what `node` is. Looked up for each attempt, because a program may be replaced meanwhile.
 */
export async function toolLayers(run: RunContext): Promise<readonly ToolLayer[] | null> {
  const { tools } = run.plan.policy;
  if (tools === null) return null;
  const searchPath = run.deps.probe.base().PATH;
  const layers: ToolLayer[] = [];
  for (const names of tools) {
    const paths: string[] = [];
    for (const name of names) {
      const found = await run.deps.processes.resolveTool(name, searchPath, run.sourceDir);
      if (found !== null) paths.push(found.path);
    }
    layers.push({ names, paths });
  }
  return layers;
}
