/** Transitions that a person asks for on a run that rests: steps again, an artifact replaced. The run goes on; attempts go on counting (E2). */
import type { FoldedEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import { usesInput } from "./input-users.ts";
import { resetFrom, restartRunGates } from "./reset-steps.ts";
import type { RunPhase, RunState } from "./run-state.ts";
import { movePhase } from "./step-phase.ts";
import { illegal, requireStep } from "./transition-guards.ts";

/** A person asks again: the steps and all that needs them are pending, with a fresh allowance; the number of attempts stays (E2). */
export function rerunSteps(state: RunState, event: FoldedEvent, stepIds: readonly string[]): void {
  reopenForPerson(state, event);
  for (const id of stepIds) {
    const target = requireStep(state, event, id);
    const positions = resetFrom(state, target);
    if (positions === null) throw illegal(event, "a step that would be reset is still in flight");
    forgive(state, positions);
  }
  for (const id of stepIds) requireStep(state, event, id).cause = "rerun";
}

/** Only what was made from the artifact is done again; the step that made it keeps the replacement, and its gates judge it. */
export function replaceArtifact(state: RunState, event: FoldedEvent, data: EventData["ARTIFACT_REPLACED"]): void {
  if (!state.artifacts.has(data.replacement_artifact_id)) throw illegal(event, "A3: the replacement is not in the record");
  reopenForPerson(state, event);
  if (data.step_id === undefined) return replaceInput(state, event, data);
  const step = requireStep(state, event, data.step_id);
  const ids = step.outputs.get(data.name);
  if (step.phase !== "succeeded" || ids === undefined || !ids.includes(data.original_artifact_id))
    throw illegal(event, `it is no current output of step ${data.step_id}`);
  resetDependents(state, event, state.dependents[step.index] ?? []);
  step.outputs = new Map(step.outputs).set(
    data.name,
    ids.map((id) => (id === data.original_artifact_id ? data.replacement_artifact_id : id)),
  );
  step.replacements++;
  step.gateIndex = 0;
  step.badGates = [];
  forgive(state, [step.index]);
  if (state.runGateIndex > 0 || state.runFailure !== null) restartRunGates(state);
  if (step.plan.gates.length > 0) movePhase(state, step, "gating");
}

function replaceInput(state: RunState, event: FoldedEvent, data: EventData["ARTIFACT_REPLACED"]): void {
  if (state.inputs.get(data.name) !== data.original_artifact_id) throw illegal(event, `it is not input ${data.name}`);
  state.inputs.set(data.name, data.replacement_artifact_id);
  resetDependents(
    state,
    event,
    state.steps.filter((step) => usesInput(step.plan, data.name)).map((step) => step.index),
  );
  if (state.runGateIndex > 0 || state.runFailure !== null) restartRunGates(state);
}

function resetDependents(state: RunState, event: FoldedEvent, positions: readonly number[]): void {
  for (const position of positions) {
    const dependent = state.steps[position];
    const reset = dependent === undefined ? [] : resetFrom(state, dependent);
    if (reset === null) throw illegal(event, "a step that would be reset is still in flight");
    forgive(state, reset);
  }
}

/** From rest back to running. What was cut off by the end of the run, and did not fail by itself, may go on too. */
function reopenForPerson(state: RunState, event: FoldedEvent): void {
  if (state.sealed || !(isRested(state.phase) || state.phase === "running")) throw illegal(event, `the run is ${state.phase}`);
  if (state.planHash === null) throw illegal(event, "no plan is committed");
  if (state.phase === "running") return;
  state.phase = "running";
  state.ending = null;
  state.routeCounts.clear();
  if (state.runFailure !== null) restartRunGates(state);
  const cut = state.steps.filter((step) => step.phase === "failed" && step.failure?.status === "interrupted");
  for (const step of cut) forgive(state, resetFrom(state, step) ?? []);
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
