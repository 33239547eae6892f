/** Transitions that a person asks for on a run that rests: steps again, an artifact replaced. The run goes on; attempts go on counting (E2). */
import type { FoldedEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import { usesInput } from "./input-users.ts";
import { resetFrom, restartRunGates, tolerate } from "./reset-steps.ts";
import type { RunPhase, RunState, StepState } from "./run-state.ts";
import { movePhase, wakeIfMet } from "./step-phase.ts";
import { illegal, requireStep } from "./transition-guards.ts";

/** A person asks again: the steps and all that needs them are pending, with a fresh allowance; the number of attempts stays (E2). */
export function rerunSteps(state: RunState, event: FoldedEvent, stepIds: readonly string[]): void {
  const targets = stepIds.map((id) => requireStep(state, event, id));
  const rested = reopenForPerson(state, event);
  for (const target of targets) resetAndForgive(state, event, target);
  for (const target of targets) target.cause = "rerun";
  if (rested) settleRest(state);
}

/**
 * Only what was made from the artifact is done again; the step that made it keeps the replacement, and its gates judge it. A step whose
 * gates failed it may be given a replacement too: that is what they are judged again for.
 */
export function replaceArtifact(state: RunState, event: FoldedEvent, data: EventData["ARTIFACT_REPLACED"]): void {
  if (!state.artifacts.has(data.replacement_artifact_id)) throw illegal(event, "A3: the replacement is not in the record");
  const rested = reopenForPerson(state, event);
  if (data.step_id === undefined) replaceInput(state, event, data);
  else replaceOutput(state, event, requireStep(state, event, data.step_id), data);
  if (state.runGateIndex > 0 || state.runFailure !== null) restartRunGates(state);
  if (rested) settleRest(state);
}

/** Whether a person may replace an output of the step: its newest attempt was completed, whatever its gates said. */
export function isReplaceable(step: StepState): boolean {
  if (step.phase === "succeeded") return true;
  return (step.phase === "failed" || step.phase === "deciding" || step.phase === "ready") && step.failure?.kind === "gate";
}

function replaceOutput(state: RunState, event: FoldedEvent, step: StepState, data: EventData["ARTIFACT_REPLACED"]): void {
  const ids = step.outputs.get(data.name);
  if (!isReplaceable(step) || ids === undefined || !ids.includes(data.original_artifact_id))
    throw illegal(event, `it is no current output of step ${step.plan.id}`);
  step.outputs = new Map(step.outputs).set(
    data.name,
    ids.map((id) => (id === data.original_artifact_id ? data.replacement_artifact_id : id)),
  );
  step.replacements++;
  step.gateIndex = 0;
  step.badGates = [];
  step.failure = null;
  step.failures = 0;
  forgive(state, [step.index]);
  // Before the dependents: whether they can be done follows from what this step is doing now.
  if (step.plan.gates.length > 0) movePhase(state, step, "gating");
  resetDependents(state, event, state.dependents[step.index] ?? []);
}

function replaceInput(state: RunState, event: FoldedEvent, data: EventData["ARTIFACT_REPLACED"]): void {
  if (state.inputs.get(data.name) !== data.original_artifact_id) throw illegal(event, `it is not input ${data.name}`);
  state.inputs.set(data.name, data.replacement_artifact_id);
  resetDependents(
    state,
    event,
    state.steps.filter((step) => usesInput(step.plan, data.name)).map((step) => step.index),
  );
}

function resetDependents(state: RunState, event: FoldedEvent, positions: readonly number[]): void {
  for (const position of positions) {
    const dependent = state.steps[position];
    if (dependent !== undefined) resetAndForgive(state, event, dependent);
  }
}

function resetAndForgive(state: RunState, event: FoldedEvent, target: StepState): void {
  const reset = resetFrom(state, target);
  if (reset === null) throw illegal(event, "a step that would be reset is still in flight");
  forgive(state, reset);
}

/** To running, with a fresh allowance for every route. False when the run was running already: a person has just unblocked it. */
function reopenForPerson(state: RunState, event: FoldedEvent): boolean {
  if (state.planHash === null) throw illegal(event, "no plan is committed");
  const isQuiet = state.phase === "running" && state.ending === null && state.running.size + state.gating.size === 0;
  if (state.sealed || !(isRested(state.phase) || isQuiet)) throw illegal(event, `the run is ${state.sealed ? "sealed" : state.phase}`);
  state.routeCounts.clear();
  if (state.phase === "running") return false;
  state.phase = "running";
  state.ending = null;
  if (state.runFailure !== null) restartRunGates(state);
  const cut = state.steps.filter((step) => step.phase === "failed" && step.failure?.status === "interrupted");
  for (const step of cut) forgive(state, resetFrom(state, step) ?? []);
  return true;
}

/**
 * After the resets: what the end of the run had cut off goes on. What failed by itself, and is not asked for again, stays failed, decided
 * or not, and what needs it is skipped.
 */
function settleRest(state: RunState): void {
  for (const step of state.steps) {
    if (step.phase === "deciding" || step.phase === "failed") tolerate(state, step);
    else wakeIfMet(state, step);
  }
}

function forgive(state: RunState, positions: readonly number[]): void {
  for (const position of positions) {
    const step = state.steps[position];
    if (step !== undefined) step.forgiven = step.attempt;
  }
}

/** Whether a run in this phase can be taken up again by a person. */
export function isRested(phase: RunPhase): boolean {
  return phase === "succeeded" || phase === "failed" || phase === "canceled";
}
