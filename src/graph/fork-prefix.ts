/** What a fork shares with the run it comes from: a prefix of its events, and what had succeeded in it. */
import type { FoldedEvent, LedgerEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import type { RunState, StepState } from "./run-state.ts";
import { strictDependents } from "./step-phase.ts";

/** How many events came before the first that did one of these steps, or a strict dependent of one; all of them when none did. */
export function forkPrefix(state: RunState, events: readonly FoldedEvent[], steps: readonly StepState[]): number {
  const redone = new Set(steps.flatMap((step) => [step.index, ...strictDependents(state, step.index)]).map((index) => state.steps[index]?.plan.id));
  const at = events.findIndex((event) => (event.kind === "STEP_STARTED" || event.kind === "STEP_REUSED") && redone.has(event.data.step_id));
  return at === -1 ? events.length : at;
}

type ReuseOrigin = Pick<EventData["STEP_REUSED"], "from" | "outputs" | "artifacts">;

/** What stands in for a step: where it was done, and its outputs as the prefix left them, a person's replacements included. */
export function keptResult(
  runId: EventData["STEP_REUSED"]["from"]["run_id"],
  prefix: readonly LedgerEvent[],
  state: RunState,
  step: StepState,
): ReuseOrigin | null {
  const done = prefix.findLast((event) => (event.kind === "STEP_COMPLETED" || event.kind === "STEP_REUSED") && event.data.step_id === step.plan.id);
  if (done?.kind !== "STEP_COMPLETED" && done?.kind !== "STEP_REUSED") return null;
  const from = done.kind === "STEP_REUSED" ? done.data.from : { run_id: runId, step_id: done.data.step_id, attempt: done.data.attempt, event: done.hash };
  const outputs: ReuseOrigin["outputs"] = {};
  const artifacts: ReuseOrigin["artifacts"] = [];
  for (const name of Object.keys(done.data.outputs).sort()) {
    const ids = step.outputs.get(name) ?? [];
    const digests = ids.flatMap((id) => state.artifacts.get(id)?.ref.digest ?? []);
    const [first] = digests;
    outputs[name] = Array.isArray(done.data.outputs[name]) || first === undefined ? digests : first;
    artifacts.push(...ids);
  }
  return { from, outputs, artifacts };
}

/** Succeeded steps in an order in which each comes after what it needs. */
export function succeededInOrder(state: RunState): readonly StepState[] {
  const open = state.steps.filter((step) => step.phase === "succeeded");
  const missing = new Map(open.map((step) => [step.index, step.plan.needs.length]));
  const ordered = open.filter((step) => step.plan.needs.length === 0);
  for (const step of ordered) {
    for (const position of state.dependents[step.index] ?? []) {
      const left = (missing.get(position) ?? 0) - 1;
      missing.set(position, left);
      const dependent = state.steps[position];
      if (left === 0 && dependent?.phase === "succeeded") ordered.push(dependent);
    }
  }
  return ordered;
}
