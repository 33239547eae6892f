/**
 * Earlier results of pure steps, as their records tell them: the index only says where to look.
 *
 * Owns: what was read of records of other runs while one run is led; the oldest are forgotten beyond `eventsKeptMax` events.
 * Invariants: a result stands in for doing a step again only when its record verifies, its run came to rest, its attempt was the step's
 * last, every required gate passed in that attempt, nothing recorded later speaks against it, neither there nor (as the index names it) in a run
 * that stands on it, its materials are what they are said to be,
 * and every byte of it is still what it was (A1, E4).
 * Not responsible for: choosing among results, and recording a reuse.
 */
import { type StepMaterials, stepMaterialsSchema } from "../artifacts/builtin-schemas.ts";
import type { Digest } from "../base/digest.ts";
import { isLilyError } from "../base/lily-error.ts";
import type { EventOf, LedgerEvent } from "../contracts/event.ts";
import type { Material } from "../contracts/materials.ts";
import { type ArtifactId, type RunId, runStream } from "../contracts/ids.ts";
import type { PlanDocument, PlanGate } from "../contracts/plan-document.ts";
import { resultEffectOf } from "../contracts/result-effect.ts";
import { statusAfter } from "../contracts/status-after.ts";
import type { StoredArtifact } from "../graph/run-state.ts";
import { reuseKey } from "../judge/why.ts";
import type { ResultRow } from "../ports/run-index.ts";
import { committedPlan } from "./resume-run.ts";
import type { RuntimeDeps } from "./run-context.ts";

export interface SourceResult {
  readonly event: EventOf<"STEP_COMPLETED">;
  readonly artifacts: readonly StoredArtifact[];
  readonly materials: readonly Material[];
  readonly materialsArtifact: StoredArtifact;
}

/** Why a result that the index names does not count. */
export interface UnusableResult {
  readonly problem: string;
}

/** One step's last attempt, as far as it matters here. */
interface LastAttempt {
  completed: EventOf<"STEP_COMPLETED"> | null;
  readonly passed: Set<string>;
  readonly judged: Set<string>;
  /** What speaks against it, as a part of a sentence. */
  against: string | null;
}

interface SourceRun {
  /** Gates of each step of its plan. */
  readonly gates: ReadonlyMap<string, readonly PlanGate[]>;
  readonly status: string;
  readonly steps: ReadonlyMap<string, LastAttempt>;
  readonly stored: ReadonlyMap<ArtifactId, StoredArtifact>;
  readonly events: number;
}

const eventsKeptMax = 500_000;
/** A run that goes on may still be left incomplete; one that nobody ended may not be what its record says yet. */
const restedStatuses: readonly string[] = ["succeeded", "failed", "canceled", "blocked"];

type SourceDeps = Pick<RuntimeDeps, "ledger" | "artifacts" | "objects">;

export class SourceResults {
  readonly #deps: SourceDeps;
  readonly #runs = new Map<RunId, Promise<SourceRun | UnusableResult>>();
  #eventsKept = 0;

  constructor(deps: SourceDeps) {
    this.#deps = deps;
  }

  /** The result behind a row of the index, checked but for its bytes. Rejects on what is no LilyError only. */
  async find(row: ResultRow): Promise<SourceResult | UnusableResult> {
    const run = await this.#run(row.run_id);
    if ("problem" in run) return run;
    const step = run.steps.get(row.step_id);
    const event = step?.completed ?? null;
    if (step === undefined || event === null || event.hash !== row.event || event.data.attempt !== row.attempt)
      return { problem: "the record does not hold what the index says" };
    const problem = attemptProblem(run, step, event);
    if (problem !== null) return { problem };
    return this.#resultOf(run, event, row.key);
  }

  /** What speaks against a result that the index holds for spoiled, as the record that it names tells it; null when that holds no such thing. */
  async objection({ run_id, against }: ResultRow): Promise<string | null> {
    if (against === null) return null;
    try {
      for await (const event of this.#deps.ledger.readStream(runStream(against.run_id), { fromSeq: against.seq })) {
        const effect = event.seq === against.seq ? resultEffectOf(event) : null;
        if (effect === null || !("what" in effect)) return null;
        return against.run_id === run_id ? effect.what : `${effect.what}, in run ${against.run_id}, which stands on it`;
      }
      return null;
    } catch (thrown) {
      return problemOf(thrown);
    }
  }

  /** Null when every byte of the result is what it was; otherwise what is not. */
  async bytesProblem(result: SourceResult): Promise<string | null> {
    try {
      for (const { ref, inline } of result.artifacts) {
        if (inline !== null) await this.#deps.artifacts.readArtifact(ref, inline);
        else await (await this.#deps.objects.open(ref.digest)).close();
      }
      return null;
    } catch (thrown) {
      return problemOf(thrown);
    }
  }

  async #resultOf(run: SourceRun, event: EventOf<"STEP_COMPLETED">, key: Digest): Promise<SourceResult | UnusableResult> {
    const { artifacts, outputs, materials } = event.data;
    const materialsArtifact = materials === undefined ? undefined : run.stored.get(materials.artifact_id);
    if (materials === undefined || materialsArtifact === undefined) return { problem: "its record holds no materials" };
    const digests = Object.keys(outputs)
      .sort()
      .flatMap((name) => outputs[name] ?? []);
    const stored = artifacts.flatMap((id) => run.stored.get(id) ?? []);
    if (stored.length !== artifacts.length || digests.join() !== stored.map(({ ref }) => ref.digest).join())
      return { problem: "its record does not hold the artifacts that it names" };
    try {
      const read = await readMaterials(this.#deps, materialsArtifact);
      const found = read.materials.map((one) => ({ ...one, digest: one.digest as Digest }));
      if (materials.key !== key || reuseKey(found) !== key) return { problem: "its materials do not give its key" };
      return { event, artifacts: stored, materials: found, materialsArtifact };
    } catch (thrown) {
      return { problem: problemOf(thrown) };
    }
  }

  #run(runId: RunId): Promise<SourceRun | UnusableResult> {
    const known = this.#runs.get(runId);
    if (known !== undefined) return known;
    const read = this.#read(runId);
    this.#runs.set(runId, read);
    return read;
  }

  async #read(runId: RunId): Promise<SourceRun | UnusableResult> {
    try {
      const events: LedgerEvent[] = [];
      for await (const event of this.#deps.ledger.readStream(runStream(runId))) events.push(event);
      const committed = await committedPlan(this.#deps.artifacts, events);
      if (committed === null) return { problem: `run ${runId} has no plan` };
      this.#makeRoom(events.length);
      return foldSource(committed.plan, events);
    } catch (thrown) {
      return { problem: problemOf(thrown) };
    }
  }

  #makeRoom(events: number): void {
    this.#eventsKept += events;
    if (this.#eventsKept <= eventsKeptMax) return;
    this.#runs.clear();
    this.#eventsKept = events;
  }
}

/** Throws the errors of the store, and OBJECT_CORRUPT for a payload that is no list of materials. */
export async function readMaterials(deps: Pick<RuntimeDeps, "artifacts">, { ref, inline }: StoredArtifact): Promise<StepMaterials> {
  const bytes = await deps.artifacts.readArtifact(ref, inline ?? undefined);
  return stepMaterialsSchema.parse(deps.artifacts.payloadOf(ref, bytes));
}

function foldSource(plan: PlanDocument, events: readonly LedgerEvent[]): SourceRun {
  const steps = new Map<string, LastAttempt>();
  const stored = new Map<ArtifactId, StoredArtifact>();
  let status = "created";
  for (const event of events) {
    status = statusAfter[event.kind] ?? status;
    if (event.kind === "ARTIFACT_STORED") stored.set(event.data.artifact.artifact_id, { ref: event.data.artifact, inline: event.data.inline ?? null });
    foldAttempt(steps, event);
  }
  return { gates: new Map(plan.steps.map(({ id, gates }) => [id, gates])), status, steps, stored, events: events.length };
}

function foldAttempt(steps: Map<string, LastAttempt>, event: LedgerEvent): void {
  switch (event.kind) {
    case "STEP_STARTED":
      steps.set(event.data.step_id, { completed: null, passed: new Set(), judged: new Set(), against: null });
      return;
    case "STEP_COMPLETED": {
      const step = steps.get(event.data.step_id);
      if (step !== undefined) step.completed = event;
      return;
    }
    case "GATE_PASSED":
    case "GATE_FAILED":
    case "GATE_ERROR": {
      const { gate_id, step_id, dry_run } = event.data;
      const step = step_id === undefined ? undefined : steps.get(step_id);
      if (step !== undefined && dry_run !== true) {
        step.judged.add(gate_id);
        if (event.kind === "GATE_PASSED") step.passed.add(gate_id);
      }
      break;
    }
    case "SIDE_EFFECT_OBSERVED": {
      const step = steps.get(event.data.step_id);
      if (step !== undefined) step.against ??= "it changed something beside its outputs";
      return;
    }
    default:
      break;
  }
  const effect = resultEffectOf(event);
  const step = effect?.kind === "spoiled" ? steps.get(effect.step_id) : undefined;
  if (step !== undefined && effect?.kind === "spoiled") step.against ??= effect.what;
}

function attemptProblem(run: SourceRun, step: LastAttempt, event: EventOf<"STEP_COMPLETED">): string | null {
  const { step_id: stepId } = event.data;
  if (!restedStatuses.includes(run.status)) return `its run is ${run.status}`;
  if (step.against !== null) return step.against;
  const gates = run.gates.get(stepId);
  if (gates === undefined) return `the plan of its run has no step ${stepId}`;
  const open = gates.find((gate) => !(gate.required ? step.passed : step.judged).has(gate.id));
  return open === undefined ? null : `gate ${open.id} did not pass`;
}

function problemOf(thrown: unknown): string {
  if (isLilyError(thrown)) return `${thrown.code}: ${thrown.message}`;
  if (thrown instanceof Error && thrown.name === "ZodError") return "its materials are no list of materials";
  throw thrown;
}
