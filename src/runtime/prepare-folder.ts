import { assert } from "../base/assert.ts";
import { LilyError } from "../base/lily-error.ts";
import { digestBytes } from "../base/digest.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import type { StepState } from "../graph/run-state.ts";
import type { AttemptFolder, AttemptWork } from "../ports/attempt-folders.ts";
import type { FileTree } from "../ports/file-tree.ts";
import { CodeGuard } from "./code-guard.ts";
import { isInside } from "./is-inside.ts";
import type { RunContext } from "./run-context.ts";
import { contentOf, gateReferences, storedArtifacts, stepReferences } from "./step-references.ts";

const codeBytesMax = 256 * 1024 * 1024;

/** Where the step's command works. */
export function attemptWork(run: RunContext, step: StepState | null): AttemptWork {
  return step?.plan.workdir === "isolated" ? { kind: "isolated" } : { kind: "source", dir: run.sourceDir };
}

/** What a command runs must be what the plan binds, in the folder where it works (E1: at the start of every attempt, not of the run alone). */
export async function checkCode(run: RunContext, step: StepState | null, folder: AttemptFolder): Promise<void> {
  if (!isInside(folder.cwd, run.deps.workspaceDir)) return run.codeGuard.check();
  // The step worked in this folder before its gates do, so nothing that was seen there earlier counts.
  return new CodeGuard({ code: codeInPlace(run, step) }, await openWorkTree(run, folder)).check();
}

/** The files of code that an isolated attempt finds: a pure step its own, any other step all that the plan binds. */
function codeInPlace(run: RunContext, step: StepState | null): PlanDocument["code"] {
  const own = step?.plan.pure === true ? new Set(step.plan.code) : null;
  return own === null ? run.plan.code : run.plan.code.filter(({ path }) => own.has(path));
}

/** A pure step finds the inputs that it or one of its gates names: what is not in its reuse key is not in its folder. */
function inputsInPlace(run: RunContext, { plan }: StepState): PlanDocument["inputs"] {
  if (!plan.pure) return run.plan.inputs;
  const references = [...stepReferences(plan), ...plan.gates.flatMap(gateReferences)];
  const named = new Set(references.flatMap((one) => (one.kind === "input" ? [one.name] : [])));
  return Object.fromEntries(Object.entries(run.plan.inputs).filter(([name]) => named.has(name)));
}

/**
 * An isolated attempt finds the code that the plan binds and the run's inputs in place, byte for byte as they were bound (an input with
 * a schema as canonical JSON), and nothing else; a pure step its own code and inputs only. A source folder is left as it is.
 */
export async function prepareFolder(run: RunContext, step: StepState, folder: AttemptFolder): Promise<void> {
  if (step.plan.workdir !== "isolated") return;
  for (const code of codeInPlace(run, step)) {
    const bytes = await run.tree.read(parseRelativePath(code.path), codeBytesMax);
    if (digestBytes(bytes) !== code.digest) throw new LilyError("WORKFLOW_DRIFT", `${code.path} changed after planning`, { details: { path: code.path } });
    await folder.place(parseRelativePath(code.path), async () => bytes);
  }
  for (const [name, { file }] of Object.entries(inputsInPlace(run, step))) {
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
