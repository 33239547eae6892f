import type { RunState, StoredArtifact } from "../../src/graph/run-state.ts";

/** Everything that a run's state says, as text: two states are equal when their texts are. */
export function stateText(state: RunState): string {
  const { plan, steps, byId, dependents, running, gating, ready, backoff, deciding, toSkip, routeCounts, inputs, artifacts, ...plain } = state;
  return JSON.stringify({
    ...plain,
    running: [...running].sort(byNumber),
    gating: [...gating].sort(byNumber),
    ready: ready.sorted(),
    backoff: backoff.sorted(),
    deciding: deciding.sorted(),
    toSkip: toSkip.sorted(),
    routeCounts: byKey(routeCounts),
    inputs: byKey(inputs),
    artifacts: byKey(artifacts).map(([id, stored]) => [id, artifactText(stored)]),
    steps: steps.map(({ plan: step, outputs, ...rest }) => ({ id: step.id, ...rest, outputs: [...outputs] })),
  });
}

/** Members of what was read from a record stand in the order of its schema, others as they were written: both say the same. */
function artifactText({ ref, inline }: StoredArtifact): string {
  const members: [string, unknown][] = Object.entries(ref);
  return JSON.stringify([members.sort(([a], [b]) => (a < b ? -1 : 1)), inline]);
}

function byNumber(one: number, other: number): number {
  return one - other;
}

function byKey<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
