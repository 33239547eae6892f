/** `artifact replace`: a person puts another artifact in the place of one that a run stands on; only what was made from it is done again. */
import { digestBytes } from "../base/digest.ts";
import { clipText } from "../base/clip-text.ts";
import { LilyError } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import { timeText } from "../base/time-text.ts";
import type { ArtifactOrigin, PreparedArtifact } from "../artifacts/artifact-store.ts";
import type { Why } from "../artifacts/builtin-schemas.ts";
import type { EventBody } from "../contracts/event.ts";
import { type ArtifactId, isSchemaId, type RunId, runStream } from "../contracts/ids.ts";
import { isReplaceable } from "../graph/apply-person.ts";
import { digestFile } from "../graph/bind-code.ts";
import { usesInput } from "../graph/input-users.ts";
import type { RunState, StepState, StoredArtifact } from "../graph/run-state.ts";
import type { ByteSource } from "../ports/object-store.ts";
import type { RunContext } from "../runtime/run-context.ts";
import { contentOf } from "../runtime/step-references.ts";
import { storedBody } from "../runtime/step-report.ts";
import type { KernelCore } from "./core.ts";
import type { Replacement, ReplaceOptions, RunHandle } from "./kernel.ts";
import { reasonMax, reopenBody } from "./reopen-run.ts";
import { takeUpRun } from "./take-up-run.ts";
import { baseOf, dirOf } from "./workflow-source.ts";

const jsonBytesMax = 64 * 1024 * 1024;
const fileBytesMax = 1024 * 1024 * 1024;

/** What is replaced: a current output of a step, or an input of the run. */
export interface ReplacedPlace {
  readonly step: StepState | null;
  /** Name of the output or input. */
  readonly name: string;
  readonly original: StoredArtifact;
  readonly schema: string | null;
}

/** Leads the run that stands on the artifact, and drives on what was made from it. */
export async function replaceArtifact(core: KernelCore, original: string, replacement: Replacement, options: ReplaceOptions): Promise<RunHandle> {
  const { runId, artifactId } = await findPlace(core, original, options.run);
  const content = await openReplacement(core, replacement);
  return takeUpRun(core, runId, undefined, (state, token) => {
    const reopened = reopenBody(state, token, options.reason, options.unblockReason);
    const place = placeOf(state, artifactId);
    return async (run) => [reopened, ...(await replacementBodies(run, place, content(run), token, options.reason))];
  });
}

/** The run whose record holds the artifact. Throws ARTIFACT_NOT_FOUND, ARTIFACT_AMBIGUOUS naming the runs. */
async function findPlace(core: KernelCore, text: string, runText: string | undefined): Promise<{ readonly runId: RunId; readonly artifactId: ArtifactId }> {
  const index = await core.freshIndex();
  const rows = await index.artifact(text);
  const [first, second] = rows;
  if (first === undefined) throw new LilyError("ARTIFACT_NOT_FOUND", `no artifact has the id ${text}`, { details: { artifact: text } });
  if (second !== undefined) throw new LilyError("ARTIFACT_AMBIGUOUS", `${text} begins more than one artifact id`, { details: { artifact: text } });
  const artifactId = first.artifact.artifact_id;
  if (runText !== undefined) return { runId: await core.findRun(runText), artifactId };
  const runs = await runsHolding(core, artifactId, first.artifact.created_at);
  const [runId] = runs;
  if (runId === undefined)
    throw new LilyError("RUN_STATE_CONFLICT", `artifact ${artifactId} belongs to no run; only what a run stands on is replaced`, {
      details: { artifact: text },
    });
  if (runs.length > 1) {
    throw new LilyError("ARTIFACT_AMBIGUOUS", `artifact ${artifactId} is in runs ${runs.join(", ")}; say which with --run RUN`, {
      details: { artifact: artifactId, runs: runs.join(" ") },
    });
  }
  return { runId, artifactId };
}

/** Forks and reuse put an artifact into several records, which the index does not tell: records that grew since it was made are read. */
async function runsHolding(core: KernelCore, artifactId: ArtifactId, createdAt: string): Promise<readonly RunId[]> {
  const ledger = await core.ledger();
  const found: RunId[] = [];
  for (const row of await (await core.freshIndex()).runs({})) {
    if (row.updated_at < createdAt) continue;
    for await (const event of ledger.readStream(runStream(row.run_id))) {
      if (event.kind !== "ARTIFACT_STORED" || event.data.artifact.artifact_id !== artifactId) continue;
      found.push(row.run_id);
      break;
    }
  }
  return found;
}

/** Where the artifact stands in the run now. Throws RUN_STATE_CONFLICT when it stands nowhere. */
export function placeOf(state: RunState, artifactId: ArtifactId): ReplacedPlace {
  const original = state.artifacts.get(artifactId);
  if (original !== undefined) {
    for (const [name, id] of state.inputs) if (id === artifactId) return { step: null, name, original, schema: state.plan.inputs[name]?.schema ?? null };
    for (const step of state.steps) {
      for (const [name, ids] of step.outputs) {
        if (ids.includes(artifactId) && isReplaceable(step)) return { step, name, original, schema: step.plan.outputs[name]?.schema ?? null };
      }
    }
  }
  throw new LilyError("RUN_STATE_CONFLICT", `artifact ${artifactId} is no current output or input of run ${state.runId}; lily run show names them`, {
    details: { artifact: artifactId, run_id: state.runId },
  });
}

/** The bytes that a person gives, and the artifact that they are of already. */
interface ReplacementContent {
  readonly label: string;
  readonly from: ArtifactId | null;
  bytes(bytesMax: number): Promise<Uint8Array>;
  /** Caller closes. */
  open(): Promise<ByteSource>;
}

async function openReplacement(core: KernelCore, replacement: Replacement): Promise<(run: RunContext) => ReplacementContent> {
  if ("file" in replacement) {
    const { file } = replacement;
    const tree = await core.parts.trees.openTree(dirOf(file));
    const path = parseRelativePath(baseOf(file));
    if ((await tree.stat(path))?.kind !== "file") throw new LilyError("INPUT_NOT_FOUND", `${file} is no plain file`, { details: { path: file } });
    return () => ({ label: file, from: null, bytes: (bytesMax) => tree.read(path, bytesMax), open: () => tree.open(path) });
  }
  const stored = await findStored(core, replacement.artifact);
  const id = stored.ref.artifact_id;
  return (run) => {
    const bytes = async (): Promise<Uint8Array> => {
      const content = await contentOf(run, stored);
      return content instanceof Uint8Array ? content : joined(content);
    };
    const isFile = stored.ref.storage_kind === "file" && stored.inline === null;
    return { label: id, from: id, bytes, open: async () => (isFile ? run.deps.objects.open(stored.ref.digest) : sourceOf(await bytes())) };
  };
}

async function findStored(core: KernelCore, text: string): Promise<StoredArtifact> {
  const rows = await (await core.freshIndex()).artifact(text);
  const [row, second] = rows;
  if (row === undefined) throw new LilyError("ARTIFACT_NOT_FOUND", `no artifact has the id ${text}`, { details: { artifact: text } });
  if (second !== undefined) throw new LilyError("ARTIFACT_AMBIGUOUS", `${text} begins more than one artifact id`, { details: { artifact: text } });
  for await (const event of (await core.ledger()).readStream(row.stream, { fromSeq: row.seq })) {
    if (event.kind === "ARTIFACT_STORED") return { ref: event.data.artifact, inline: event.data.inline ?? null };
    break;
  }
  throw new LilyError("INDEX_DAMAGED", `the index names no artifact in event ${row.seq} of ${row.stream}; run lily doctor --rebuild`);
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece.slice());
  const bytes = new Uint8Array(all.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of all) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function sourceOf(bytes: Uint8Array): ByteSource {
  let at = 0;
  return {
    read: async (into) => {
      const piece = bytes.subarray(at, at + into.length);
      into.set(piece);
      at += piece.length;
      return piece.length;
    },
    close: async () => {},
  };
}

/** The replacement, its envelope, its why and the event, not yet appended. Throws SCHEMA_MISMATCH, RUN_STATE_CONFLICT. */
export async function replacementBodies(
  run: RunContext,
  place: ReplacedPlace,
  content: ReplacementContent,
  token: number,
  reason: string,
): Promise<readonly EventBody[]> {
  const replacement = await storeReplacement(run, place, content);
  await requireInPlace(run, place, content);
  const original = place.original.ref.artifact_id;
  const said = clipText(reason, reasonMax);
  const at = timeText(run.deps.clock.nowMs());
  const id = replacement.artifact.artifact_id;
  const envelope = await run.deps.artifacts.prepareJson({
    ...kernelOrigin(run, "artifact_replacement.v1", `artifact_replacement/${token}`),
    schema_id: "artifact_replacement.v1",
    inputs: [original, id],
    value: { original_artifact_id: original, replacement_artifact_id: id, reason: said, timestamp: at },
  });
  const why = await storeWhy(run, place, replacement, token, said, at);
  const data = {
    original_artifact_id: original,
    replacement_artifact_id: id,
    artifact_id: envelope.artifact.artifact_id,
    ...(place.step === null ? {} : { step_id: place.step.plan.id }),
    name: place.name,
    reason: said,
    ...(why === null ? {} : { why_artifact_id: why.artifact.artifact_id }),
  };
  return [replacement, envelope, ...(why === null ? [] : [why])].map(storedBody).concat({ kind: "ARTIFACT_REPLACED", key: `ARTIFACT_REPLACED/${token}`, data });
}

/** Like what it replaces: the same name, the same schema, made by a person from the original. */
async function storeReplacement(run: RunContext, place: ReplacedPlace, content: ReplacementContent): Promise<PreparedArtifact> {
  const { ref } = place.original;
  const inputs = [ref.artifact_id, ...(content.from === null ? [] : [content.from])];
  const origin = {
    run_id: run.runId,
    name: ref.artifact_name ?? place.name,
    producer_id: run.principal,
    producer_kind: "human" as const,
    attempt: place.step?.attempt ?? 0,
    inputs,
  };
  if (ref.storage_kind === "json") {
    const value = parseJson(await content.bytes(jsonBytesMax));
    const schema = place.schema ?? (isSchemaId(ref.artifact_type) ? ref.artifact_type : null);
    if (schema === null) return run.deps.artifacts.prepareJson({ ...origin, artifact_type: ref.artifact_type, value });
    const problems = await run.deps.schemas.problems(schema, value);
    if (problems.length > 0)
      throw new LilyError("SCHEMA_MISMATCH", `${content.label} does not fit ${schema}: ${problems.slice(0, 5).join("; ")}`, { details: { name: place.name } });
    return run.deps.artifacts.prepareJson({ ...origin, artifact_type: schema, schema_id: schema, value });
  }
  const source = await content.open();
  try {
    return await run.deps.artifacts.prepareSource({ ...origin, artifact_type: ref.artifact_type, media_type: ref.media_type, source });
  } finally {
    await source.close();
  }
}

/** A step that reads an input where it lies would read the old file, and the record would say that it read the new one. */
async function requireInPlace(run: RunContext, { step, name }: ReplacedPlace, content: ReplacementContent): Promise<void> {
  const file = run.plan.inputs[name]?.file ?? null;
  if (step !== null || file === null) return;
  const reader = run.plan.steps.find((one) => one.reads?.includes(name) === true);
  if (reader === undefined) return;
  const path = parseRelativePath(file);
  const seen = (await run.tree.stat(path))?.kind === "file" ? await digestFile(run.tree, path) : null;
  if (seen === digestBytes(await content.bytes(fileBytesMax))) return;
  throw new LilyError(
    "RUN_STATE_CONFLICT",
    `step ${reader.id} reads ${file} where it lies, and that file is not the replacement; put the replacement there first`,
    {
      details: { path: file },
    },
  );
}

async function storeWhy(
  run: RunContext,
  place: ReplacedPlace,
  replacement: PreparedArtifact,
  token: number,
  reason: string,
  at: string,
): Promise<PreparedArtifact | null> {
  const first = place.step?.plan ?? run.plan.steps.find((step) => usesInput(step, place.name));
  // An input that no step is made from changes nothing that would have to be explained.
  if (first === undefined) return null;
  const { ref } = place.original;
  const what = place.step === null ? `input ${place.name}` : `output ${place.name} of step ${place.step.plan.id}`;
  const why: Why = {
    subject: "rerun",
    step_id: first.id,
    attempt: run.state.byId.get(first.id)?.attempt ?? 0,
    compared_with: null,
    inputs: 0,
    changed: [{ kind: "artifact", name: place.name, before: ref.digest, after: replacement.artifact.digest }],
    because: `${run.principal} replaced ${what}: ${reason}`,
    timestamp: at,
  };
  return run.deps.artifacts.prepareJson({ ...kernelOrigin(run, "why.v1", `why/replacement/${token}`), schema_id: "why.v1", value: why });
}

function kernelOrigin(run: RunContext, type: string, name: string): ArtifactOrigin {
  return { run_id: run.runId, artifact_type: type, producer_id: "kernel", producer_kind: "system", attempt: 0, inputs: [], name };
}
