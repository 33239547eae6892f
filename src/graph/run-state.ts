/**
 * The state of a run: a fold of its record over its plan. `applyEvent` is the only writer; `decide` the only reader that acts on it.
 *
 * Owns: what each step is doing, which steps may start, what the run as a whole is doing, artifacts by id.
 * States of a step:
 *   waiting -> ready -> running -> gating -> succeeded
 *              ^  ^        |          |
 *              |  backoff<-+          +-> deciding -> failed (tolerated) | ready | backoff
 *              +---- route, resume ---+              skipped
 * States of a run: created -> running -> (ending) -> succeeded | failed | blocked | canceled | incomplete; blocked -> running when a person
 * unblocks it; succeeded, failed, canceled -> running when a person asks for steps again or replaces an artifact. Nothing follows incomplete.
 * Invariants:
 *   E1 a step is `ready` only when `unmet` is 0, that is when every dependency succeeded.
 *   E2 `attempt` only grows.
 *   L6 the state depends on plan and events alone: no clock, no randomness, no order of arrival other than the record's.
 * Not responsible for: performing anything, durability, time other than the `at` of events.
 */
import type { Digest } from "../base/digest.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { EventData } from "../contracts/events.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { PlanDocument, PlanStep } from "../contracts/plan-document.ts";
import { IndexedHeap } from "./indexed-heap.ts";

export type StepPhase = "waiting" | "ready" | "backoff" | "running" | "gating" | "deciding" | "succeeded" | "failed" | "skipped";

export type RunPhase = "created" | "running" | "succeeded" | "failed" | "blocked" | "canceled" | "incomplete";

export type StartCause = EventData["STEP_STARTED"]["cause"];

/** Why a step or the run's gates did not pass; what routes are matched against. */
export interface Failure {
  readonly kind: "step" | "gate" | "violation";
  readonly status: "failed" | "timeout" | "interrupted" | "error";
  /** True when the retries or the attempts of the step are used up; a gate or a violation has none. */
  readonly spent: boolean;
  /** Required gates that did not pass, in document order; empty for other kinds. */
  readonly gates: readonly { readonly id: string; readonly status: "failed" | "error" }[];
  readonly reason: string;
}

export interface StepState {
  readonly index: number;
  readonly plan: PlanStep;
  phase: StepPhase;
  unmet: number;
  attempt: number;
  /** Attempts that no longer count towards `attempts_max`, because a person acted since. */
  forgiven: number;
  /** Failures since the last reset; what `retry.max` bounds. */
  failures: number;
  cause: StartCause;
  routeId: string | null;
  /** Wall time from which a retry may start. */
  readyAtMs: number;
  violated: boolean;
  /** Position of the gate that runs next. */
  gateIndex: number;
  /** Required gates of this attempt that did not pass. */
  badGates: { readonly id: string; readonly status: "failed" | "error" }[];
  failure: Failure | null;
  /** Output name to artifact ids of the newest completed attempt, or of what stands in for it. */
  outputs: ReadonlyMap<string, readonly ArtifactId[]>;
  /** The `why.v1` of the person who asked for the step again, until it starts. */
  askedWhy: ArtifactId | null;
  /** Times that earlier results stood in for the step. */
  reuses: number;
  /** Times that a person replaced an output since the step last ran; its gates then judge again. */
  replacements: number;
}

/** How the run is coming to rest: no step starts any more. */
export interface Ending {
  readonly outcome: "failed" | "blocked" | "canceled" | "incomplete";
  readonly reason: string;
  readonly stepId: string | null;
  readonly gateId: string | null;
  /** Whether what is in flight is ended (abort, cancel, security) or awaited (escalate). */
  readonly interrupts: "abort" | "cancel" | "security" | null;
}

export interface StoredArtifact {
  readonly ref: ArtifactRef;
  readonly inline: string | null;
}

export interface RunState {
  readonly runId: string;
  readonly plan: PlanDocument;
  readonly steps: readonly StepState[];
  readonly byId: ReadonlyMap<string, StepState>;
  /** Positions of the steps that need this one. */
  readonly dependents: readonly (readonly number[])[];
  phase: RunPhase;
  sealed: boolean;
  /** True from an escalation until a person lets the run go on; a cancel in between does not lift it. */
  escalated: boolean;
  parallel: number;
  /** Whether earlier results may stand in for pure steps. */
  reuse: boolean;
  ending: Ending | null;
  /** Steps by phase, as far as `decide` needs them without a scan. */
  readonly ready: IndexedHeap;
  readonly backoff: IndexedHeap;
  readonly running: Set<number>;
  readonly gating: Set<number>;
  readonly deciding: IndexedHeap;
  readonly toSkip: IndexedHeap;
  succeededCount: number;
  failedCount: number;
  skippedCount: number;
  /** Gates of the run. */
  runGateIndex: number;
  runGateRound: number;
  badRunGates: { readonly id: string; readonly status: "failed" | "error" }[];
  runFailure: Failure | null;
  readonly routeCounts: Map<string, number>;
  readonly inputs: Map<string, ArtifactId>;
  readonly artifacts: Map<ArtifactId, StoredArtifact>;
  /** Counts that the seal states, so that a missing event shows. */
  readonly counts: { attempts: number; gates: number; artifacts: number; violations: number; routes: number; reuses: number; effects: number };
  planHash: Digest | null;
  /** Events folded so far, which is the next event's `seq`. */
  events: number;
}

/** The state before the first event. Cost is linear in steps and dependencies, once. */
export function createRunState(plan: PlanDocument, runId: string): RunState {
  const positions = new Map(plan.steps.map((step, index) => [step.id, index]));
  const dependents: number[][] = plan.steps.map(() => []);
  for (const [index, step] of plan.steps.entries()) {
    for (const need of step.needs) {
      const position = positions.get(need);
      if (position !== undefined) dependents[position]?.push(index);
    }
  }
  const steps = plan.steps.map((step, index) => createStepState(step, index));
  return {
    runId,
    plan,
    steps,
    byId: new Map(steps.map((step) => [step.plan.id, step])),
    dependents,
    phase: "created",
    sealed: false,
    escalated: false,
    parallel: 1,
    reuse: true,
    ending: null,
    ready: new IndexedHeap(),
    backoff: new IndexedHeap((index) => steps[index]?.readyAtMs ?? 0),
    running: new Set(),
    gating: new Set(),
    deciding: new IndexedHeap(),
    toSkip: new IndexedHeap(),
    succeededCount: 0,
    failedCount: 0,
    skippedCount: 0,
    runGateIndex: 0,
    runGateRound: 1,
    badRunGates: [],
    runFailure: null,
    routeCounts: new Map(),
    inputs: new Map(),
    artifacts: new Map(),
    counts: { attempts: 0, gates: 0, artifacts: 0, violations: 0, routes: 0, reuses: 0, effects: 0 },
    planHash: null,
    events: 0,
  };
}

function createStepState(plan: PlanStep, index: number): StepState {
  return {
    index,
    plan,
    phase: "waiting",
    unmet: plan.needs.length,
    attempt: 0,
    forgiven: 0,
    failures: 0,
    cause: "ready",
    routeId: null,
    readyAtMs: 0,
    violated: false,
    gateIndex: 0,
    badGates: [],
    failure: null,
    outputs: new Map(),
    askedWhy: null,
    reuses: 0,
    replacements: 0,
  };
}

/** Attempts that still count towards `attempts_max` (E3). */
export function countedAttempts(step: StepState): number {
  return step.attempt - step.forgiven;
}
