import { LilyError } from "../base/lily-error.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { CompiledPlan } from "../graph/compile-plan.ts";
import type { InputFile } from "../runtime/begin-run.ts";
import type { KernelCore } from "./core.ts";
import { baseOf, dirOf, type LoadedWorkflow } from "./workflow-source.ts";

/** The file of each declared input, the caller's in place of the document's. Throws PARAM_INVALID, INPUT_NOT_FOUND. */
export async function inputFiles(
  core: KernelCore,
  loaded: LoadedWorkflow,
  declared: CompiledPlan["plan"]["inputs"],
  given: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, InputFile>>> {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(declared, name));
  if (unknown.length > 0)
    throw new LilyError("PARAM_INVALID", `the workflow has no input ${unknown.join(", ")}; it has ${Object.keys(declared).join(", ") || "none"}`);
  const files: Record<string, InputFile> = {};
  for (const [name, input] of Object.entries(declared)) {
    const override = given[name];
    if (override !== undefined) files[name] = { tree: await core.parts.trees.openTree(dirOf(override)), path: baseOf(override) };
    else if (input.file !== null) files[name] = { tree: loaded.tree, path: input.file };
    const file = files[name];
    if (file === undefined)
      throw new LilyError("INPUT_NOT_FOUND", `input ${name} has no file: give one with --input ${name}=FILE`, { details: { input: name } });
    if ((await file.tree.stat(parseRelativePath(file.path))) === null) {
      throw new LilyError("INPUT_NOT_FOUND", `input ${name}: there is no file ${file.path} in ${file.tree.root}`, {
        details: { input: name, path: file.path },
      });
    }
  }
  return files;
}
