/**
 * Whether an earlier result stands in for a pure step, and why or why not. Nothing here ends a run: what cannot be looked up is a step
 * that runs, and its `why.v1` says so.
 */
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import { type StepMaterials, stepMaterialsSchema, type Why } from "../artifacts/builtin-schemas.ts";
import { clipText } from "../base/clip-text.ts";
import type { Digest } from "../base/digest.ts";
import { isLilyError } from "../base/lily-error.ts";
import type { EventBody } from "../contracts/event.ts";
import type { Material } from "../contracts/materials.ts";
import type { StepState, StoredArtifact } from "../graph/run-state.ts";
import { byCloseness, changedSentence, differenceOf, type MaterialChange, reusedSentence } from "../judge/why.ts";
import type { ResultRow } from "../ports/run-index.ts";
import type { RunContext } from "./run-context.ts";
import type { SourceResult, SourceResults } from "./source-results.ts";
import type { MaterialReader, MaterialsReading } from "./step-materials.ts";
import { readMaterials } from "./source-results.ts";
import { storedBody } from "./step-report.ts";
import { prepareWhy } from "./why-artifact.ts";

/** Results of one key that are looked at, and earlier times of one step that are compared. */
const sameKeyMax = 8;
const comparedMax = 50;
/** Of those, the closest that are looked up in their records until one of them counts. */
const verifiedMax = 5;
const reasonMax = 2_000;

export type LookedUp =
  /** Recorded instead of a start. */
  | { readonly kind: "reuse"; readonly bodies: readonly EventBody[] }
  /** Recorded with the start. */
  | { readonly kind: "start"; readonly why: PreparedArtifact };

export interface LookupParts {
  readonly run: RunContext;
  readonly materials: MaterialReader;
  readonly sources: SourceResults;
}

type Known = Extract<MaterialsReading, { readonly kind: "known" }>;

/** Rejects on what is no LilyError only. */
export async function lookUp(parts: LookupParts, step: StepState): Promise<LookedUp> {
  try {
    const reading = await parts.materials.read(step, { fresh: false });
    if (reading.kind === "unknown") {
      return await start(parts, step, [], null, 0, `step ${step.plan.id} ran: what it depends on cannot be told, because ${reading.reason}`);
    }
    return await lookUpKnown(parts, step, reading);
  } catch (thrown) {
    if (!isLilyError(thrown)) throw thrown;
    return start(parts, step, [], null, 0, `step ${step.plan.id} ran: earlier results could not be looked up (${thrown.code}: ${thrown.message})`);
  }
}

async function lookUpKnown(parts: LookupParts, step: StepState, reading: Known): Promise<LookedUp> {
  const index = await parts.run.deps.index();
  const found = await firstUsable(parts, await index.results({ key: reading.key }, sameKeyMax));
  if (found.result !== null) return reuse(parts, step, reading, found.result);
  const unusable = found.problem ?? (await spoiledOf(parts, await index.results({ key: reading.key, spoiled: true }, sameKeyMax)));
  if (unusable !== null) return explainUnusable(parts, step, reading, unusable);
  const ofStep = { workflow: parts.run.plan.workflow, step_id: step.plan.id };
  const closest = await closestOf(parts, await index.results(ofStep, comparedMax), reading.materials);
  if (closest !== null) return explainChange(parts, step, reading, closest);
  return explainAlone(parts, step, reading, await spoiledOf(parts, await index.results({ ...ofStep, spoiled: true }, sameKeyMax)));
}

/** A result that does not count, and why. */
interface Unusable {
  readonly row: ResultRow;
  readonly text: string;
}

/** The newest result that something speaks against, and what. */
async function spoiledOf({ sources }: LookupParts, rows: readonly ResultRow[]): Promise<Unusable | null> {
  for (const row of rows) {
    const text = await sources.objection(row);
    if (text !== null) return { row, text };
  }
  return null;
}

/** The newest result that counts, byte for byte; otherwise why the newest does not. */
async function firstUsable(
  { sources }: LookupParts,
  rows: readonly ResultRow[],
): Promise<{ readonly result: SourceResult | null; readonly problem: Unusable | null }> {
  let problem: Unusable | null = null;
  for (const row of rows) {
    const result = await sources.find(row);
    const text = "problem" in result ? result.problem : await sources.bytesProblem(result);
    if (!("problem" in result) && text === null) return { result, problem: null };
    problem ??= { row, text: text ?? "" };
  }
  return { result: null, problem };
}

async function reuse({ run }: LookupParts, step: StepState, reading: Known, result: SourceResult): Promise<LookedUp> {
  const { event } = result;
  const { step_id, attempt, outputs, artifacts, materials } = event.data;
  const from = { run_id: sourceRunOf(result), step_id, attempt };
  const inputs = reading.materials.length;
  const because = reusedSentence(step.plan.id, from, inputs);
  const why = await prepareWhy(
    run,
    { subject: "reused", step_id: step.plan.id, attempt: step.attempt, compared_with: from, inputs, changed: [], because },
    `${step.attempt}-reused`,
  );
  const data = {
    step_id: step.plan.id,
    attempt: step.attempt,
    cause: "pure" as const,
    from: { ...from, event: event.hash },
    outputs,
    artifacts,
    ...(materials === undefined ? {} : { materials }),
    why_artifact_id: why.artifact.artifact_id,
  };
  const stored = [...result.artifacts, result.materialsArtifact].map(restoredBody);
  return { kind: "reuse", bodies: [storedBody(why), ...stored, { kind: "STEP_REUSED", key: `STEP_REUSED/${step.plan.id}/pure`, data }] };
}

function sourceRunOf({ event }: SourceResult): SourceResult["materialsArtifact"]["ref"]["run_id"] {
  return event.stream.slice("run/".length) as SourceResult["materialsArtifact"]["ref"]["run_id"];
}

/** The artifact of another run, as that run recorded it: provenance stays true, and nothing is copied. */
function restoredBody({ ref, inline }: StoredArtifact): EventBody {
  return storedBody(inline === null ? { artifact: ref } : { artifact: ref, inline });
}

function explainUnusable(parts: LookupParts, step: StepState, reading: Known, { row, text }: Unusable): Promise<LookedUp> {
  const { id } = step.plan;
  const { run_id, attempt } = row;
  const inputs = reading.materials.length;
  const because = `step ${id} ran again although nothing of ${inputs} inputs changed: its result of run ${run_id}, attempt ${attempt} cannot be used (${text})`;
  return start(parts, step, [], { run_id, step_id: id, attempt }, inputs, because);
}

function explainChange(parts: LookupParts, step: StepState, reading: Known, { row, changed }: Closest): Promise<LookedUp> {
  const { id } = step.plan;
  const from = { run_id: row.run_id, step_id: id, attempt: row.attempt };
  return start(parts, step, changed, from, reading.materials.length, changedSentence(id, changed));
}

function explainAlone(parts: LookupParts, step: StepState, reading: Known, spoiled: Unusable | null): Promise<LookedUp> {
  const { id } = step.plan;
  const because =
    spoiled === null
      ? `step ${id} ran: there is no earlier result of it to compare with`
      : `step ${id} ran: no earlier result of it counts (of run ${spoiled.row.run_id}, attempt ${spoiled.row.attempt}: ${spoiled.text})`;
  return start(parts, step, [], null, reading.materials.length, because);
}

interface Closest {
  readonly row: ResultRow;
  readonly changed: readonly MaterialChange[];
}

/** The earlier success with the fewest changes, of equals the newest; what the index says of it is looked up in its record. */
async function closestOf(parts: LookupParts, rows: readonly ResultRow[], now: readonly Material[]): Promise<Closest | null> {
  const earlier: { readonly row: ResultRow; readonly materials: readonly Material[] }[] = [];
  for (const row of rows) {
    const materials = await materialsOf(parts, row);
    if (materials !== null) earlier.push({ row, materials });
  }
  for (const { one } of byCloseness(earlier, now).slice(0, verifiedMax)) {
    const result = await parts.sources.find(one.row);
    if (!("problem" in result)) return { row: one.row, changed: differenceOf(result.materials, now) };
  }
  return null;
}

async function materialsOf({ run }: LookupParts, row: ResultRow): Promise<readonly Material[] | null> {
  if (row.materials === null) return null;
  try {
    // Of many, one is chosen; that one is then verified in its record.
    const { materials } = row.inline === null ? await readMaterials(run.deps, { ref: row.materials, inline: null }) : payloadIn(row.inline);
    return materials.map((one) => ({ ...one, digest: one.digest as Digest }));
  } catch {
    // A comparison is a help for people; what cannot be read is not compared with.
    return null;
  }
}

/** The payload of an envelope as text, looked at no closer than its shape. */
function payloadIn(text: string): StepMaterials {
  const envelope: unknown = JSON.parse(text);
  return stepMaterialsSchema.parse(typeof envelope === "object" && envelope !== null && "payload" in envelope ? envelope.payload : null);
}

async function start(
  { run }: LookupParts,
  step: StepState,
  changed: readonly MaterialChange[],
  comparedWith: Why["compared_with"],
  inputs: number,
  because: string,
): Promise<LookedUp> {
  const attempt = step.attempt + 1;
  const why = {
    subject: "executed" as const,
    step_id: step.plan.id,
    attempt,
    compared_with: comparedWith,
    inputs,
    changed: changed.map((one) => ({ ...one })),
    because: clipText(because, reasonMax),
  };
  return { kind: "start", why: await prepareWhy(run, why, String(attempt)) };
}
