import { judgeTool, type ToolVerdict } from "../judge/policy.ts";
import type { RunContext } from "./run-context.ts";

/**
 * Whether the policy lets this run start the executable at `toolPath`, which `command` named. Names of the policy are looked up in the
 * caller's PATH: a step that sets its own PATH does not thereby say what `node` is.
 */
export async function toolVerdict(run: RunContext, toolPath: string, command: string): Promise<ToolVerdict> {
  const { tools } = run.plan.policy;
  if (tools === null) return judgeTool(run.plan.policy, toolPath, command);
  const searchPath = run.deps.probe.base().PATH;
  const allowed: string[] = [];
  for (const tool of tools) {
    const found = await run.deps.processes.resolveTool(tool, searchPath, run.sourceDir);
    if (found !== null) allowed.push(found.path);
  }
  return judgeTool(run.plan.policy, toolPath, command, allowed);
}
