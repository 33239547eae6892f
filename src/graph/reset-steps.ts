import type { RunState, StepState } from "./run-state.ts";
import { movePhase, strictDependents, wakeIfMet } from "./step-phase.ts";

/**
 * Makes a step and its strict dependents pending again. Attempts go on counting, nothing recorded is touched (E2); produced ids are
 * cleared in the view only. Returns the positions reset, or null when one of them is in flight (end it first).
 */
export function resetFrom(state: RunState, target: StepState): readonly number[] | null {
  const positions = [target.index, ...strictDependents(state, target.index)];
  if (positions.some((position) => state.running.has(position) || state.gating.has(position))) return null;
  for (const position of positions) {
    const step = state.steps[position];
    if (step === undefined) continue;
    state.toSkip.remove(position);
    if (step.phase !== "waiting") movePhase(state, step, "waiting");
    clear(step);
  }
  if (state.runGateIndex > 0) restartRunGates(state);
  for (const position of positions) {
    const step = state.steps[position];
    if (step !== undefined) wakeIfMet(state, step);
  }
  skipUnreachable(state, positions);
  return positions;
}

/** A step that was reset may still need one that failed and was tolerated, or was skipped: it is skipped again, and what needs it. */
function skipUnreachable(state: RunState, positions: readonly number[]): void {
  for (const position of positions) {
    const step = state.steps[position];
    if (step?.plan.needs.some((need) => cannotSucceed(state.byId.get(need))) === true) skipFrom(state, position);
  }
}

function cannotSucceed(step: StepState | undefined): boolean {
  return step?.phase === "failed" || step?.phase === "skipped";
}

/** The step and its strict dependents, as far as they wait, are to be skipped. */
function skipFrom(state: RunState, position: number): void {
  for (const each of [position, ...strictDependents(state, position)]) if (state.steps[each]?.phase === "waiting") state.toSkip.push(each);
}

/** The step stays failed, what needs it is skipped, independent steps go on; the run still ends failed. */
export function tolerate(state: RunState, step: StepState): void {
  if (step.phase !== "failed") movePhase(state, step, "failed");
  for (const position of strictDependents(state, step.index)) if (state.steps[position]?.phase === "waiting") state.toSkip.push(position);
}

/** Gates of the run are judged again, as a new round, when anything they stand on is done again. */
export function restartRunGates(state: RunState): void {
  state.runGateIndex = 0;
  state.runGateRound++;
  state.badRunGates = [];
  state.runFailure = null;
}

function clear(step: StepState): void {
  step.failures = 0;
  step.cause = "ready";
  step.routeId = null;
  step.violated = false;
  step.gateIndex = 0;
  step.badGates = [];
  step.failure = null;
  step.outputs = new Map();
}
