import type { EventData } from "../contracts/events.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import { usesInput } from "./input-users.ts";
import type { RunState } from "./run-state.ts";
import { strictDependents } from "./step-phase.ts";

/** Steps that a person asked for again, and what needs them, keep the `why.v1` of that until they start. */
export function noteRerun(state: RunState, data: EventData["RERUN_REQUESTED"]): void {
  note(
    state,
    data.step_ids.flatMap((id) => state.byId.get(id)?.index ?? []),
    data.why_artifact_id ?? null,
  );
}

/** So do steps that are done again because something they were made from was replaced. */
export function noteReplacement(state: RunState, data: EventData["ARTIFACT_REPLACED"]): void {
  const { step_id: stepId, name } = data;
  const maker = stepId === undefined ? undefined : state.byId.get(stepId);
  const users = maker === undefined ? state.steps.filter(({ plan }) => usesInput(plan, name)).map(({ index }) => index) : (state.dependents[maker.index] ?? []);
  note(state, users, data.why_artifact_id ?? null);
}

function note(state: RunState, from: readonly number[], why: ArtifactId | null): void {
  for (const start of from) {
    for (const position of [start, ...strictDependents(state, start)]) {
      const step = state.steps[position];
      if (step !== undefined) step.askedWhy = why;
    }
  }
}
