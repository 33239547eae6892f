/** What the references of a step or gate stand for: ids for the record, paths for commands, values for modules. */
import { assert } from "../base/assert.ts";
import { LilyError } from "../base/lily-error.ts";
import type { JsonObject, JsonValue } from "../base/json-value.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { digestBytes } from "../base/digest.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { PlanGate, PlanStep } from "../contracts/plan-document.ts";
import { type ReferenceLookup, referencesIn } from "../graph/resolve-template.ts";
import type { RunState, StepState, StoredArtifact } from "../graph/run-state.ts";
import { type Reference, referenceText } from "../graph/template.ts";
import type { AttemptFolder } from "../ports/attempt-folders.ts";
import type { RunContext } from "./run-context.ts";

const encoder = new TextEncoder();

/** References in a step's own texts; its gates have their own. */
export function templateReferences(step: PlanStep): readonly Reference[] {
  const { executor } = step;
  const argv = executor.kind === "process" ? executor.argv : [];
  return referencesIn([...argv, step.env, step.with]);
}

const referencesOfSteps = new WeakMap<PlanStep, readonly Reference[]>();

/**
 * What a step is given: its references, and the inputs that it reads in place, which are handed over by no text. A plan does not
 * change, so they are looked for once.
 */
export function stepReferences(step: PlanStep): readonly Reference[] {
  const known = referencesOfSteps.get(step);
  if (known !== undefined) return known;
  const reads: readonly Reference[] = (step.reads ?? []).map((name) => ({ kind: "input", name }));
  const found = [...templateReferences(step), ...reads];
  referencesOfSteps.set(step, found);
  return found;
}

export function gateReferences(gate: PlanGate): readonly Reference[] {
  switch (gate.check.kind) {
    case "command":
      return referencesIn([...gate.check.argv, gate.check.env]);
    case "schema":
      return referencesIn(gate.check.of);
    case "module":
      return referencesIn(gate.check.with);
    case "hash":
      return [];
  }
}

/** Artifact ids that the references name, each once, in order. Empty for a reference that is not produced (an optional output). */
export function artifactIdsOf(state: RunState, references: readonly Reference[]): readonly ArtifactId[] {
  const ids = new Set<ArtifactId>();
  for (const reference of references) for (const id of idsOf(state, reference) ?? []) ids.add(id);
  return [...ids];
}

/** Ids behind an artifact reference; undefined when it is another reference or nothing was produced. */
function idsOf(state: RunState, reference: Reference): readonly ArtifactId[] | undefined {
  if (reference.kind === "input") {
    const id = state.inputs.get(reference.name);
    assert(id !== undefined, `A3: input ${reference.name} is stored before anything refers to it`);
    return [id];
  }
  if (reference.kind === "output") return state.byId.get(reference.step)?.outputs.get(reference.output);
  return undefined;
}

/** The artifacts behind a reference. Throws STEP_OUTPUT_MISSING when there are none. */
export function storedArtifacts(state: RunState, reference: Reference): readonly StoredArtifact[] {
  const ids = idsOf(state, reference);
  if (ids === undefined) throw new LilyError("STEP_OUTPUT_MISSING", `${referenceText(reference)} was not produced`);
  return ids.map((id) => {
    const stored = state.artifacts.get(id);
    assert(stored !== undefined, `A3: artifact ${id} behind ${referenceText(reference)} is in the record`);
    return stored;
  });
}

/** True when the reference stands for several files (a glob). */
function isPlural(state: RunState, reference: Reference): boolean {
  return reference.kind === "output" && (state.byId.get(reference.step)?.plan.outputs[reference.output]?.glob ?? null) !== null;
}

/** How artifacts are handed over: as paths of copies, or as JSON values with paths for files. */
export type ArtifactForm = (stored: StoredArtifact) => Promise<JsonValue>;

/** Resolves every reference beforehand, so that the templates can be filled without waiting. */
export async function prepareLookup(
  run: RunContext,
  step: StepState | null,
  attempt: number,
  references: readonly Reference[],
  form: ArtifactForm,
): Promise<ReferenceLookup> {
  const values = new Map<string, JsonValue>();
  for (const reference of references) {
    const text = referenceText(reference);
    if (!values.has(text)) values.set(text, await valueOf(run, step, attempt, reference, form));
  }
  return (reference) => {
    const value = values.get(referenceText(reference));
    assert(value !== undefined, `R4: reference ${referenceText(reference)} was prepared`);
    return value;
  };
}

async function valueOf(run: RunContext, step: StepState | null, attempt: number, reference: Reference, form: ArtifactForm): Promise<JsonValue> {
  switch (reference.kind) {
    case "param": {
      const value = run.plan.params[reference.name];
      assert(value !== undefined, `R4: a plan gives parameter ${reference.name} a value`);
      return value;
    }
    case "attempt":
      return attempt;
    case "route":
      return step?.routeId ?? "";
    case "run_id":
      return run.runId;
    case "input":
    case "output": {
      const stored = storedArtifacts(run.state, reference);
      const forms: JsonValue[] = [];
      for (const one of stored) forms.push(await form(one));
      const first = forms[0];
      return isPlural(run.state, reference) || first === undefined ? forms : first;
    }
  }
}

/** Hands an artifact over as the absolute path of a copy. Envelopes are opened: a command sees the payload. */
export function asPath(run: RunContext, folder: AttemptFolder): ArtifactForm {
  return async (stored) => materialize(run, folder, stored);
}

/** Hands JSON over as values, files as {path, digest, size, media_type}. */
export function asValue(run: RunContext, folder: AttemptFolder): ArtifactForm {
  return async (stored) => {
    const { ref } = stored;
    if (ref.storage_kind === "file") {
      const file: JsonObject = { path: await materialize(run, folder, stored), digest: ref.digest, size: ref.size, media_type: ref.media_type };
      return file;
    }
    return readPayload(run, stored);
  };
}

/** The payload of a JSON artifact, its envelope opened and verified. */
export async function readPayload(run: RunContext, stored: StoredArtifact): Promise<JsonValue> {
  const bytes = await run.deps.artifacts.readArtifact(stored.ref, stored.inline ?? undefined);
  return run.deps.artifacts.payloadOf(stored.ref, bytes);
}

async function materialize(run: RunContext, folder: AttemptFolder, stored: StoredArtifact): Promise<string> {
  const { ref } = stored;
  if (ref.storage_kind === "json") {
    const bytes = await payloadBytes(run, stored);
    return folder.materialize(digestBytes(bytes), fileNameOf(stored), async () => bytes);
  }
  return folder.materialize(ref.digest, fileNameOf(stored), () => contentOf(run, stored));
}

async function payloadBytes(run: RunContext, stored: StoredArtifact): Promise<Uint8Array> {
  return encoder.encode(canonicalJson(await readPayload(run, stored), { fractions: true }));
}

/** What a command is given of an artifact: the payload of JSON, the bytes of the rest. */
export async function contentOf(run: RunContext, stored: StoredArtifact): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  if (stored.ref.storage_kind === "json") return payloadBytes(run, stored);
  if (stored.inline !== null) return run.deps.artifacts.readArtifact(stored.ref, stored.inline);
  return objectBytes(run, stored);
}

async function* objectBytes(run: RunContext, stored: StoredArtifact): AsyncIterable<Uint8Array> {
  const source = await run.deps.objects.open(stored.ref.digest);
  try {
    for (;;) {
      const piece = new Uint8Array(1024 * 1024);
      const count = await source.read(piece);
      if (count === 0) return;
      yield piece.subarray(0, count);
    }
  } finally {
    await source.close();
  }
}

function fileNameOf(stored: StoredArtifact): string {
  const name = stored.ref.artifact_name ?? "artifact";
  const base = name.slice(name.lastIndexOf("/") + 1);
  return stored.ref.storage_kind === "json" && !base.includes(".") ? `${base}.json` : base;
}
