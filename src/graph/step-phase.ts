import { assert } from "../base/assert.ts";
import type { RunState, StepPhase, StepState } from "./run-state.ts";

/** Moves a step to another phase and keeps every set and counter of the state in agreement. The only place that assigns `phase`. */
export function movePhase(state: RunState, step: StepState, phase: StepPhase): void {
  leave(state, step);
  step.phase = phase;
  enter(state, step);
}

function leave(state: RunState, step: StepState): void {
  switch (step.phase) {
    case "ready":
      state.ready.remove(step.index);
      return;
    case "backoff":
      state.backoff.remove(step.index);
      return;
    case "running":
      state.running.delete(step.index);
      return;
    case "gating":
      state.gating.delete(step.index);
      return;
    case "deciding":
      state.deciding.remove(step.index);
      return;
    case "succeeded":
      state.succeededCount--;
      changeUnmet(state, step, 1);
      return;
    case "failed":
      state.failedCount--;
      return;
    case "skipped":
      state.skippedCount--;
      return;
    case "waiting":
      return;
  }
}

function enter(state: RunState, step: StepState): void {
  switch (step.phase) {
    case "ready":
      assert(step.unmet === 0, "E1: a step is ready only when every dependency succeeded");
      state.ready.push(step.index);
      return;
    case "backoff":
      state.backoff.push(step.index);
      return;
    case "running":
      state.running.add(step.index);
      return;
    case "gating":
      state.gating.add(step.index);
      return;
    case "deciding":
      state.deciding.push(step.index);
      return;
    case "succeeded":
      state.succeededCount++;
      changeUnmet(state, step, -1);
      return;
    case "failed":
      state.failedCount++;
      return;
    case "skipped":
      state.skippedCount++;
      return;
    case "waiting":
      return;
  }
}

function changeUnmet(state: RunState, step: StepState, by: 1 | -1): void {
  for (const position of state.dependents[step.index] ?? []) {
    const dependent = state.steps[position];
    if (dependent === undefined) continue;
    dependent.unmet += by;
    if (dependent.phase === "waiting" && dependent.unmet === 0 && state.phase !== "created") movePhase(state, dependent, "ready");
    else if (dependent.phase === "ready" && dependent.unmet > 0) movePhase(state, dependent, "waiting");
  }
}

/** A waiting step whose dependencies are all met becomes ready. */
export function wakeIfMet(state: RunState, step: StepState): void {
  if (step.phase === "waiting" && step.unmet === 0) movePhase(state, step, "ready");
}

/** The positions of a step's strict dependents, direct and indirect, in plan order. Iterative: chains may be 100,000 long. */
export function strictDependents(state: RunState, index: number): readonly number[] {
  const found = new Set<number>();
  const open = [index];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const next of state.dependents[at] ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  found.delete(index);
  return [...found].sort((a, b) => a - b);
}
