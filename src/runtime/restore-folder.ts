/**
 * Owns: folders in which gates judge what is stored, in place of the folder that the attempt worked in, which is gone or holds other files.
 * Invariants: A1 what is put there is what was recorded, byte for byte; E2 a folder that was used is never used again.
 * Not responsible for: files that an attempt left beside its declared outputs (nobody kept them), and running anything.
 */
import { digestBytes } from "../base/digest.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import { parseRelativePath, type RelativePath } from "../base/relative-path.ts";
import type { RunState, StepState, StoredArtifact } from "../graph/run-state.ts";
import type { AttemptFolder, AttemptWork } from "../ports/attempt-folders.ts";
import type { RunContext } from "./run-context.ts";
import { contentOf, storedArtifacts } from "./step-references.ts";

const codeBytesMax = 256 * 1024 * 1024;
const triesMax = 100;

/** A gate that a crash cut off is judged again; what it had written stays in its folder, so the next try has its own (E2). */
export async function freshGateFolder(run: RunContext, gateId: string, name: string, work: AttemptWork): Promise<AttemptFolder> {
  for (let tries = 1; ; tries++) {
    try {
      return await run.deps.folders.open(run.runId, ["gates", gateId, tries === 1 ? name : `${name}-${tries}`], work);
    } catch (thrown) {
      if (!isLilyError(thrown, "STORAGE_FAILED") || tries === triesMax) throw thrown;
    }
  }
}

/**
 * A fresh folder of its own with the code that the plan binds, the inputs at their places and what these steps put out at theirs. Throws
 * WORKFLOW_DRIFT when code changed, STEP_OUTPUT_INVALID for an output whose place is not known, OBJECT_MISSING, OBJECT_CORRUPT.
 */
export async function restoreFolder(run: RunContext, gateId: string, name: string, steps: readonly StepState[]): Promise<AttemptFolder> {
  const folder = await freshGateFolder(run, gateId, name, { kind: "isolated" });
  for (const { path, digest } of run.plan.code) {
    const bytes = await run.tree.read(parseRelativePath(path), codeBytesMax);
    if (digestBytes(bytes) !== digest) throw new LilyError("WORKFLOW_DRIFT", `${path} changed after planning`, { details: { path } });
    await folder.place(parseRelativePath(path), async () => bytes);
  }
  for (const [input, { file }] of Object.entries(run.plan.inputs)) {
    if (file === null) continue;
    const [stored] = storedArtifacts(run.state, { kind: "input", name: input });
    if (stored !== undefined) await folder.place(parseRelativePath(file), () => contentOf(run, stored));
  }
  for (const step of steps) for (const { path, stored } of outputFiles(run.state, step)) await folder.place(path, () => contentOf(run, stored));
  return folder;
}

/** Whose outputs the folder of a step's gate holds: its own; where it worked among the files of others, theirs too. Null: of the run's gates. */
export function stepsBehind(state: RunState, step: StepState | null): readonly StepState[] {
  if (step === null) return state.steps;
  if (step.plan.workdir === "isolated") return [step];
  const found = new Set([step]);
  for (const one of found) {
    for (const need of one.plan.needs) {
      const other = state.byId.get(need);
      if (other !== undefined) found.add(other);
    }
  }
  return [...found];
}

/** The current outputs of a step that are files, with their places. */
export function outputFiles(state: RunState, step: StepState): readonly { readonly path: RelativePath; readonly stored: StoredArtifact }[] {
  const files: { path: RelativePath; stored: StoredArtifact }[] = [];
  for (const [name, ids] of step.outputs) {
    const output = step.plan.outputs[name];
    for (const id of ids) {
      const stored = state.artifacts.get(id);
      if (output === undefined || stored === undefined) continue;
      if (output.path !== null) files.push({ path: parseRelativePath(output.path), stored });
      else if (output.glob !== null) files.push({ path: placeInGlob(step, name, stored), stored });
    }
  }
  return files;
}

/** A file of a glob is named `<output>/<path>`, unless that was too long for a name. */
function placeInGlob(step: StepState, output: string, { ref }: StoredArtifact): RelativePath {
  const name = ref.artifact_name ?? "";
  const path = name.slice(output.length + 1);
  if (name.startsWith(`${output}/`) && !/^[0-9a-f]{32}$/.test(path)) return parseRelativePath(path);
  throw new LilyError(
    "STEP_OUTPUT_INVALID",
    `output ${output} of step ${step.plan.id}: the place of ${ref.artifact_id} is not known, because its path is too long`,
    {
      details: { artifact_id: ref.artifact_id },
    },
  );
}
