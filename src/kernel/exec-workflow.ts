import { LilyError } from "../base/lily-error.ts";
import type { JsonObject } from "../base/json-value.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { KernelCore } from "./core.ts";
import type { ExecOptions, WorkflowSource } from "./kernel.ts";

const inputFilesMax = 10_000;

/** The one-step workflow that `lily exec` runs: same checks, same plan, same record as any other. */
export async function execWorkflow(core: KernelCore, options: ExecOptions): Promise<WorkflowSource> {
  const inputs = await inputsOf(core, options);
  const document: JsonObject = {
    workflow: "exec",
    version: 1,
    title: options.title ?? options.argv.join(" ").slice(0, 200),
    ...(Object.keys(inputs).length === 0 ? {} : { inputs }),
    steps: {
      command: {
        run: options.argv.map(literal),
        ...(options.outputs.length === 0 ? {} : { outputs: outputsOf(options.outputs) }),
        ...(options.env.length === 0 ? {} : { env_from: options.env }),
        ...(options.secrets.length === 0 ? {} : { secrets: options.secrets }),
        ...(options.timeoutMs === null ? {} : { timeout: `${options.timeoutMs}ms` }),
        ...(options.gates.length === 0 ? {} : { gates: options.gates.map((argv, index) => ({ id: `gate-${index + 1}`, run: argv.map(literal) })) }),
      },
    },
  };
  return { document, dir: options.cwd };
}

/** What the caller typed is data: `${` in it is not a reference. */
function literal(text: string): string {
  return text.replaceAll("${", () => "$${");
}

async function inputsOf(core: KernelCore, options: ExecOptions): Promise<JsonObject> {
  if (options.inputs.length === 0) return {};
  const tree = await core.parts.trees.openTree(options.cwd, { hidden: [core.parts.workspaceDir] });
  const found = (await tree.glob(options.inputs, inputFilesMax)).filter((entry) => entry.kind === "file");
  if (found.length === 0) throw new LilyError("INPUT_NOT_FOUND", `no file matches --in ${options.inputs.join(" --in ")} in ${options.cwd}`);
  return Object.fromEntries(found.map((entry, index) => [`in-${index + 1}`, { file: entry.path }]));
}

/** A folder means everything below it; a plain path is one file; the rest are globs. */
function outputsOf(globs: readonly string[]): JsonObject {
  return Object.fromEntries(globs.map((text, index) => {
    const clean = text.replace(/^\.\//, "").replace(/\/+$/, "");
    const glob = text.endsWith("/") || !/[*?[\]{}!]/.test(clean) ? [clean, `${clean}/**`] : [clean];
    for (const one of glob) parseRelativePath(one.replaceAll("*", "x"));
    return [`out-${index + 1}`, { glob: glob.length === 1 ? clean : `{${clean},${clean}/**}` }];
  }));
}
