import { clipText } from "../base/clip-text.ts";
import { LilyError } from "../base/lily-error.ts";
import type { JsonObject } from "../base/json-value.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { KernelCore } from "./core.ts";
import type { ExecOptions, WorkflowSource } from "./kernel.ts";

const inputFilesMax = 10_000;
const titleMax = 200;

/** The one-step workflow that `lily exec` runs: same checks, same plan, same record as any other. */
export async function execWorkflow(core: KernelCore, options: ExecOptions): Promise<WorkflowSource> {
  const inputs = await inputsOf(core, options);
  const document: JsonObject = {
    workflow: "exec",
    version: 1,
    title: execTitle(options),
    ...(Object.keys(inputs).length === 0 ? {} : { inputs }),
    steps: {
      command: {
        run: options.argv.map(literal),
        ...(Object.keys(inputs).length === 0 ? {} : { reads: Object.keys(inputs) }),
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

/** The caller's title, else the command as it was typed, on one line. */
export function execTitle(options: Pick<ExecOptions, "argv" | "title">): string {
  return options.title ?? clipText(options.argv.join(" ").replace(/\s+/g, " ").trim(), titleMax);
}

/** What the caller typed is data: `${` in it is not a reference. */
function literal(text: string): string {
  return text.replaceAll("${", () => "$${");
}

async function inputsOf(core: KernelCore, options: ExecOptions): Promise<JsonObject> {
  if (options.inputs.length === 0) return {};
  const tree = await core.parts.trees.openTree(options.cwd, { hidden: [core.parts.workspaceDir] });
  const found = (await tree.glob(options.inputs.flatMap(globsOf), inputFilesMax)).filter((entry) => entry.kind === "file");
  if (found.length === 0) throw new LilyError("INPUT_NOT_FOUND", `no file matches --in ${options.inputs.join(" --in ")} in ${options.cwd}`);
  return Object.fromEntries(found.map((entry, index) => [`in-${index + 1}`, { file: entry.path }]));
}

function outputsOf(texts: readonly string[]): JsonObject {
  return Object.fromEntries(
    texts.map((text, index) => {
      const globs = globsOf(text);
      for (const one of globs) parseRelativePath(one.replaceAll("*", "x"));
      return [`out-${index + 1}`, { glob: globs.length === 1 ? (globs[0] ?? "") : `${globs[0] ?? ""}{,/**}` }];
    }),
  );
}

/** What one --in or --out means: a folder everything below it, a plain path that file or folder, the rest are globs. */
function globsOf(text: string): readonly string[] {
  const clean = text.replace(/^(\.\/+)+/, "").replace(/\/+$/, "");
  if (clean === "" || clean === ".") return ["**"];
  return text.endsWith("/") || !/[*?[\]{}!]/.test(clean) ? [clean, `${clean}/**`] : [clean];
}
