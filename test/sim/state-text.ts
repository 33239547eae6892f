import type { RunState } from "../../src/graph/run-state.ts";

/** Everything that a run's state says, as text: two states are equal when their texts are. */
export function stateText(state: RunState): string {
  const sets = { running: [...state.running].sort(byNumber), gating: [...state.gating].sort(byNumber) };
  const heaps = { ready: state.ready.sorted(), backoff: state.backoff.sorted(), deciding: state.deciding.sorted(), toSkip: state.toSkip.sorted() };
  const steps = state.steps.map(({ plan, outputs, ...rest }) => ({ id: plan.id, ...rest, outputs: [...outputs] }));
  const maps = { routeCounts: byKey(state.routeCounts), inputs: byKey(state.inputs), artifacts: byKey(state.artifacts) };
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

function byKey<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
