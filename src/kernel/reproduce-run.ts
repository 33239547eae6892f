/** Doing a run again, as a new run of the same plan on the same inputs, without reuse, and comparing what came of it. */
import { isLilyError, LilyError } from "../base/lily-error.ts";
import type { RelativePath } from "../base/relative-path.ts";
import { openEnvelope } from "../artifacts/envelope-seal.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import { isSchemaId } from "../contracts/ids.ts";
import { type Interruption, interruptionOf, judgeReproduction, type Reproduction } from "../audit/reproduction.ts";
import { runFacts } from "../audit/run-facts.ts";
import type { RunComparison } from "../audit/run-comparison.ts";
import type { CompiledPlan } from "../graph/compile-plan.ts";
import type { FileTree } from "../ports/file-tree.ts";
import type { InputFile } from "../runtime/begin-run.ts";
import { auditReader, type AuditReader, type RunEvidence } from "./audit-reader.ts";
import type { KernelCore } from "./core.ts";
import { diffEvidence } from "./diff-runs.ts";
import type { ReproduceOptions, RunHandle, StartOptions } from "./kernel.ts";
import { requireBound } from "./take-up-run.ts";
import { loadConfiguration, type LoadedWorkflow, openSourceTree } from "./workflow-source.ts";

const timesMax = 100;

/** Starts a compiled plan on inputs that are stored already. */
export type StartStored = (
  core: KernelCore,
  loaded: LoadedWorkflow,
  compiled: CompiledPlan,
  options: StartOptions,
  inputs: Readonly<Record<string, InputFile>>,
) => Promise<RunHandle>;

/** Throws WORKFLOW_DRIFT naming the file that changed, RUN_STATE_CONFLICT, OBJECT_MISSING for an input that is gone. */
export async function reproduceRun(core: KernelCore, runText: string, options: ReproduceOptions, start: StartStored): Promise<Reproduction> {
  const times = options.times ?? 1;
  if (!Number.isSafeInteger(times) || times < 1 || times > timesMax) {
    throw new LilyError("USAGE_INVALID", `a run is reproduced 1 to ${timesMax} times, not ${times}`);
  }
  const reader = auditReader(core);
  const original = await reader.run(runText);
  const { plan, planHash, loaded } = await boundPlan(core, original);
  const facts = runFacts(original.runId, original.events, original.plan);
  if (facts.view.status === "running" || facts.view.status === "planned") {
    throw new LilyError("RUN_STATE_CONFLICT", `run ${original.runId} is ${facts.view.status}; what is not finished cannot be reproduced`);
  }
  const comparisons: RunComparison[] = [];
  let interrupted: Interruption | null = null;
  for (let n = 1; n <= times; n++) {
    const title = times === 1 ? `reproduction of ${original.runId}` : `reproduction of ${original.runId}, ${n} of ${times}`;
    const inputs = await storedInputs(reader, facts.view.inputs);
    const parallel = options.parallel === undefined ? {} : { parallel: options.parallel };
    const handle = await start(core, loaded, { plan, planHash }, { title, reuse: false, ...parallel }, inputs);
    await options.follow?.(handle);
    const view = await handle.done();
    // A person who cancels wants no more of them, and what was cut off shows nothing.
    interrupted = interruptionOf(view);
    if (interrupted !== null) break;
    comparisons.push(await diffEvidence(reader, original, await reader.run(view.run_id)));
  }
  return judgeReproduction(original.runId, comparisons, interrupted);
}

interface BoundPlan {
  readonly plan: NonNullable<RunEvidence["plan"]>;
  readonly planHash: CompiledPlan["planHash"];
  readonly loaded: LoadedWorkflow;
}

/** The plan as it was committed, over the folder that it was committed for, whose code must be what it was. */
async function boundPlan(core: KernelCore, { runId, events, plan }: RunEvidence): Promise<BoundPlan> {
  const committed = events.find((event) => event.kind === "PLAN_COMMITTED");
  if (plan === null || committed?.kind !== "PLAN_COMMITTED")
    throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} has no plan: there is nothing to do again`);
  const { source_dir: dir, plan_hash: planHash } = committed.data;
  const tree = await openSourceTree(core, dir);
  const configuration = await loadConfiguration(core, tree);
  try {
    await requireBound(runId, plan, tree, configuration);
  } catch (thrown) {
    if (!isLilyError(thrown, "WORKFLOW_DRIFT")) throw thrown;
    throw new LilyError("WORKFLOW_DRIFT", `reproducing would not do the same: ${thrown.message}`, { details: thrown.details, cause: thrown });
  }
  return { plan, planHash, loaded: { problems: [], document: null, tree, dir, configuration } };
}

/** Inputs as the store has them, with what a person replaced in them. */
async function storedInputs(reader: AuditReader, ids: Readonly<Record<string, string>>): Promise<Readonly<Record<string, InputFile>>> {
  const inputs: Record<string, InputFile> = {};
  for (const [name, id] of Object.entries(ids)) {
    const read = await reader.artifact(id);
    if (read === null) throw new LilyError("OBJECT_MISSING", `input ${name} of the run is not in the store any more`, { details: { artifact_id: id } });
    const path = fileNameOf(name, read.artifact);
    inputs[name] = { tree: storedTree(path, contentOf(read.artifact, read.bytes)), path };
  }
  return inputs;
}

/** The name that the input's file had: artifacts of inputs are called `NAME/FILE`. */
function fileNameOf(name: string, { artifact_name: text = name }: ArtifactRef): string {
  return text.startsWith(`${name}/`) ? text.slice(name.length + 1) : text.slice(text.lastIndexOf("/") + 1);
}

/** A structured input gets its envelope again when it is taken in. */
function contentOf(artifact: ArtifactRef, bytes: Uint8Array): Uint8Array {
  if (artifact.storage_kind !== "json" || !isSchemaId(artifact.artifact_type)) return bytes;
  return new TextEncoder().encode(canonicalJson(openEnvelope(bytes).payload, { fractions: true }));
}

/** A folder of one file, in memory. */
function storedTree(path: string, bytes: Uint8Array): FileTree {
  const absent = (asked: string): LilyError => new LilyError("INPUT_NOT_FOUND", `there is no ${asked} among the stored inputs`);
  const found = (asked: RelativePath): Uint8Array => {
    if (asked === path) return bytes;
    throw absent(asked);
  };
  return {
    root: "the artifact store",
    stat: async () => null,
    read: async (asked) => found(asked),
    open: async (asked) => sourceOf(found(asked)),
    glob: async () => [],
    walk: async () => [],
  };
}

function sourceOf(bytes: Uint8Array): Awaited<ReturnType<FileTree["open"]>> {
  let at = 0;
  return {
    size: bytes.length,
    read: (into) => {
      const part = bytes.subarray(at, at + into.length);
      into.set(part);
      at += part.length;
      return part.length;
    },
    close: async () => undefined,
  };
}
