import { assert } from "../base/assert.ts";
import { LilyError } from "../base/lily-error.ts";
import { digestBytes } from "../base/digest.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { StepState } from "../graph/run-state.ts";
import type { AttemptFolder, AttemptWork } from "../ports/attempt-folders.ts";
import type { FileTree } from "../ports/file-tree.ts";
import { CodeGuard } from "./code-guard.ts";
import { isInside } from "./is-inside.ts";
import type { RunContext } from "./run-context.ts";
import { contentOf, storedArtifacts } from "./step-references.ts";

const codeBytesMax = 256 * 1024 * 1024;

/** Where the step's command works. */
export function attemptWork(run: RunContext, step: StepState | null): AttemptWork {
  return step?.plan.workdir === "isolated" ? { kind: "isolated" } : { kind: "source", dir: run.sourceDir };
}

/** What a command runs must be what the plan binds, in the folder where it works (E1: at the start of every attempt, not of the run alone). */
export async function checkCode(run: RunContext, folder: AttemptFolder): Promise<void> {
  if (!isInside(folder.cwd, run.deps.workspaceDir)) return run.codeGuard.check();
  // The step worked in this folder before its gates do, so nothing that was seen there earlier counts.
  return new CodeGuard(run.plan, await openWorkTree(run, folder)).check();
}

/**
 * An isolated attempt finds the code that the plan binds and the run's inputs in place, byte for byte as they were bound (an input with
 * a schema as canonical JSON), and nothing else. A source folder is left as it is.
 */
export async function prepareFolder(run: RunContext, step: StepState, folder: AttemptFolder): Promise<void> {
  if (step.plan.workdir !== "isolated") return;
  for (const code of run.plan.code) {
    const bytes = await run.tree.read(parseRelativePath(code.path), codeBytesMax);
    if (digestBytes(bytes) !== code.digest) throw new LilyError("WORKFLOW_DRIFT", `${code.path} changed after planning`, { details: { path: code.path } });
    await folder.place(parseRelativePath(code.path), async () => bytes);
  }
  for (const [name, { file }] of Object.entries(run.plan.inputs)) {
    if (file === null) continue;
    const [stored] = storedArtifacts(run.state, { kind: "input", name });
    assert(stored !== undefined, "A3: an input is one artifact");
    await folder.place(parseRelativePath(file), () => contentOf(run, stored));
  }
}

/** The folder of an attempt as a tree. An isolated one lies inside the workspace, which is hidden from everything else (S7). */
export async function openWorkTree(run: RunContext, folder: AttemptFolder): Promise<FileTree> {
  return run.deps.trees.openTree(folder.cwd, isInside(folder.cwd, run.deps.workspaceDir) ? {} : { hidden: [run.deps.workspaceDir] });
}
