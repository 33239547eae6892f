/**
 * The scheduler: `decide(state, nowMs)` says what should happen next, and when to ask again. Pure: it reads, never writes; the same
 * state and time give the same commands in the same order. A shell records each command's event, applies it, performs what has an
 * effect, and asks again until nothing new comes. Cost: what is in flight and what can start, never the whole plan.
 */
import { assert } from "../base/assert.ts";
import type { EventBody } from "../contracts/event.ts";
import type { PlanGate } from "../contracts/plan-document.ts";
import { stepsAllSucceeded } from "./apply-event.ts";
import { chooseRoute, type RouteChoice } from "./choose-route.ts";
import type { IndexedHeap } from "./indexed-heap.ts";
import type { Failure, RunState, StepState } from "./run-state.ts";
import { strictDependents } from "./step-phase.ts";

export type Command =
  /** Append and apply; there is nothing to perform. */
  | { readonly kind: "record"; readonly body: EventBody }
  /** Record STEP_STARTED, apply it, and once it is durable perform the step (E1). */
  | { readonly kind: "start"; readonly step: StepState; readonly attempt: number }
  /** Run a gate whose verdict is not recorded yet; the shell keeps track of those it runs already. */
  | { readonly kind: "gate"; readonly gate: PlanGate; readonly step: StepState | null; readonly attempt: number }
  /** End an attempt that is in flight, then record STEP_INTERRUPTED. Repeated until that event is applied. */
  | { readonly kind: "interrupt"; readonly step: StepState; readonly reason: "cancel" | "abort" | "goto" | "security" }
  /** Append RUN_SEALED, with the head as a leaf of the workspace log. */
  | { readonly kind: "seal" };

export interface Decision {
  readonly commands: readonly Command[];
  /** Wall time at which a waiting retry becomes due; null when only an event can change the decision. */
  readonly wakeAtMs: number | null;
}

const nothing: Decision = { commands: [], wakeAtMs: null };

/** Steps that may not start yet although the record allows it; the shell knows why (E6). */
export type IsHeld = (step: StepState) => boolean;

const nobodyIsHeld: IsHeld = () => false;

export function decide(state: RunState, nowMs: number, isHeld: IsHeld = nobodyIsHeld): Decision {
  switch (state.phase) {
    case "created":
      return nothing;
    case "succeeded":
    case "failed":
    case "blocked":
    case "canceled":
    case "incomplete":
      return state.sealed ? nothing : only({ kind: "seal" });
    case "running":
      return state.ending === null ? decideRunning(state, nowMs, isHeld) : decideEnding(state);
  }
}

function decideRunning(state: RunState, nowMs: number, isHeld: IsHeld): Decision {
  const skip = state.toSkip.peek();
  if (skip !== undefined) return only(skipCommand(state, skip));
  const undecided = state.deciding.peek();
  if (undecided !== undefined) return decideFailure(state, stepAt(state, undecided));
  if (state.runFailure !== null) return decideRunFailure(state, state.runFailure);
  const commands = gateCommands(state);
  const { starts, wakeAtMs } = startCommands(state, nowMs, isHeld);
  const all = [...commands, ...starts];
  // What is left may be held; whoever holds it asks again.
  const open = inFlight(state) + state.ready.size + state.backoff.size;
  if (all.length > 0 || open > 0) return { commands: all, wakeAtMs };
  return decideRest(state);
}

/** Nothing runs, nothing can start: the run's gates, then the end. */
function decideRest(state: RunState): Decision {
  if (stepsAllSucceeded(state)) {
    const gate = state.plan.gates[state.runGateIndex];
    if (gate !== undefined) return only({ kind: "gate", gate, step: null, attempt: state.runGateRound });
    return only(end("RUN_SUCCEEDED", { reason: `all ${state.steps.length} steps succeeded` }, state));
  }
  assert(
    state.failedCount > 0 && state.succeededCount + state.failedCount + state.skippedCount === state.steps.length,
    "E1: a run at rest has settled every step",
  );
  const failed = state.steps.find((step) => step.phase === "failed");
  return only(end("RUN_FAILED", { reason: failed?.failure?.reason ?? "a step failed", ...(failed === undefined ? {} : { step_id: failed.plan.id }) }, state));
}

function decideEnding(state: RunState): Decision {
  const { ending } = state;
  if (ending === null) return nothing;
  if (inFlight(state) > 0) {
    const { interrupts } = ending;
    return interrupts === null ? { commands: gateCommands(state), wakeAtMs: null } : { commands: interruptCommands(state, null, interrupts), wakeAtMs: null };
  }
  const data = {
    reason: ending.reason,
    ...(ending.stepId === null ? {} : { step_id: ending.stepId }),
    ...(ending.gateId === null ? {} : { gate_id: ending.gateId }),
  };
  const kinds = { failed: "RUN_FAILED", blocked: "RUN_BLOCKED", canceled: "RUN_CANCELED", incomplete: "RUN_INCOMPLETE" } as const;
  return only(end(kinds[ending.outcome], data, state));
}

function decideFailure(state: RunState, step: StepState): Decision {
  assert(step.failure !== null, "E4: a step that is decided has a failure");
  const choice = chooseRoute(state, step.failure, step);
  const interrupts = choice.action === "goto" ? gotoInterrupts(state, choice) : [];
  if (interrupts.length > 0) return { commands: [...interrupts, ...gateCommands(state, interrupts)], wakeAtMs: null };
  return only(routeCommand(choice, step, state));
}

function decideRunFailure(state: RunState, failure: Failure): Decision {
  return only(routeCommand(chooseRoute(state, failure, null), null, state));
}

/** `goto` first ends what it would reset. */
function gotoInterrupts(state: RunState, choice: RouteChoice): readonly Command[] {
  const target = choice.target === null ? undefined : state.byId.get(choice.target);
  if (target === undefined) return [];
  return interruptCommands(state, new Set([target.index, ...strictDependents(state, target.index)]), "goto");
}

function interruptCommands(state: RunState, within: ReadonlySet<number> | null, reason: "cancel" | "abort" | "goto" | "security"): readonly Command[] {
  const commands: Command[] = [];
  for (const index of [...state.running, ...state.gating].sort((a, b) => a - b)) {
    if (within === null || within.has(index)) commands.push({ kind: "interrupt", step: stepAt(state, index), reason });
  }
  return commands;
}

function gateCommands(state: RunState, interrupted: readonly Command[] = []): readonly Command[] {
  const ended = new Set(interrupted.map((command) => (command.kind === "interrupt" ? command.step.index : -1)));
  const commands: Command[] = [];
  for (const index of state.gating) {
    const step = stepAt(state, index);
    const gate = step.plan.gates[step.gateIndex];
    if (gate !== undefined && !ended.has(index)) commands.push({ kind: "gate", gate, step, attempt: step.attempt });
  }
  return commands;
}

/** One start at most: the shell applies it and asks again, so that slots are filled in plan order. */
function startCommands(state: RunState, nowMs: number, isHeld: IsHeld): { readonly starts: readonly Command[]; readonly wakeAtMs: number | null } {
  if (inFlight(state) >= state.parallel) return { starts: [], wakeAtMs: null };
  const waiting = firstFree(state, state.backoff, isHeld);
  const dueAtMs = waiting === undefined ? null : stepAt(state, waiting).readyAtMs;
  const due = waiting !== undefined && dueAtMs !== null && dueAtMs <= nowMs ? waiting : undefined;
  const next = least(firstFree(state, state.ready, isHeld), due);
  if (next === undefined) return { starts: [], wakeAtMs: dueAtMs };
  const step = stepAt(state, next);
  return { starts: [{ kind: "start", step, attempt: step.attempt + 1 }], wakeAtMs: dueAtMs };
}

/** Held steps are few, so the heap is looked through in order no further than they reach: the others must not wait for them. */
function firstFree(state: RunState, heap: IndexedHeap, isHeld: IsHeld): number | undefined {
  return heap.firstWhere((index) => !isHeld(stepAt(state, index)));
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

function skipCommand(state: RunState, index: number): Command {
  const step = stepAt(state, index);
  // A document need not be in order of dependency: what this step needs may itself be skipped only after it.
  const because = step.plan.needs.find((need) => {
    const other = state.byId.get(need);
    return other !== undefined && (other.phase === "failed" || other.phase === "skipped" || state.toSkip.has(other.index));
  });
  const cause = because ?? step.plan.id;
  const data = { step_id: step.plan.id, attempt: step.attempt, reason: `step ${cause}, which it needs, did not succeed`, because: cause };
  return { kind: "record", body: { kind: "STEP_SKIPPED", key: `STEP_SKIPPED/${step.plan.id}/${state.events}`, data } };
}

function routeCommand(choice: RouteChoice, step: StepState | null, state: RunState): Command {
  const data = {
    route_id: choice.routeId,
    action: choice.action,
    ...(step === null ? {} : { step_id: step.plan.id }),
    ...(choice.gateId === null ? {} : { gate_id: choice.gateId }),
    ...(choice.target === null ? {} : { target: choice.target }),
    reason: choice.reason.slice(0, 4096),
  };
  return { kind: "record", body: { kind: "ROUTE_TAKEN", key: `ROUTE_TAKEN/${state.counts.routes + 1}`, data } };
}

type EndKind = "RUN_SUCCEEDED" | "RUN_FAILED" | "RUN_BLOCKED" | "RUN_CANCELED" | "RUN_INCOMPLETE";
type EndData = { readonly reason: string; readonly step_id?: string; readonly gate_id?: string };

function end(kind: EndKind, data: EndData, state: RunState): Command {
  return { kind: "record", body: { kind, key: `${kind}/${state.events}`, data: { ...data, reason: data.reason.slice(0, 4096) } } };
}

function inFlight(state: RunState): number {
  return state.running.size + state.gating.size;
}

function stepAt(state: RunState, index: number): StepState {
  const step = state.steps[index];
  assert(step !== undefined, `E1: step position ${index} is in the plan`);
  return step;
}

function only(command: Command): Decision {
  return { commands: [command], wakeAtMs: null };
}
