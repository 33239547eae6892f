import type { RunState } from "../../src/graph/run-state.ts";

/** Everything that a run's state says, as text: two states are equal when their texts are. */
export function stateText(state: RunState): string {
  const sets = { running: [...state.running].sort(byNumber), gating: [...state.gating].sort(byNumber) };
  const heaps = { ready: state.ready.sorted(), backoff: state.backoff.sorted(), deciding: state.deciding.sorted(), toSkip: state.toSkip.sorted() };
  const steps = state.steps.map(({ plan, outputs, ...rest }) => ({ id: plan.id, ...rest, outputs: [...outputs] }));
  const maps = { routeCounts: [...state.routeCounts].sort(), inputs: [...state.inputs].sort(), artifacts: [...state.artifacts].sort() };
  const {
    runId,
    phase,
    sealed,
    parallel,
    ending,
    succeededCount,
    failedCount,
    skippedCount,
    runGateIndex,
    runGateRound,
    badRunGates,
    runFailure,
    counts,
    planHash,
    events,
  } = state;
  const plain = {
    runId,
    phase,
    sealed,
    parallel,
    ending,
    succeededCount,
    failedCount,
    skippedCount,
    runGateIndex,
    runGateRound,
    badRunGates,
    runFailure,
    counts,
    planHash,
    events,
  };
  return JSON.stringify({ ...plain, ...sets, ...heaps, ...maps, steps });
}

function byNumber(one: number, other: number): number {
  return one - other;
}
