/** What completed in a run and cannot be undone, or may not be: for a person who judges the risk (H7). */
import type { ExecutionRecord } from "../artifacts/builtin-schemas.ts";
import { planRollback } from "./rollback-planner.ts";
import { isReuse } from "./step-events.ts";

type SideEffect = ExecutionRecord["side_effects"]["declared"][number];

export interface IrreversibleAction {
  /** Position in the plan. */
  readonly step_index: number;
  readonly step: string;
  /** When it last completed, and in which attempt. */
  readonly completed_at: string;
  readonly attempt: number;
  readonly effects: readonly (SideEffect & { readonly seen: "declared" | "observed" })[];
}

export interface IrreversibleActions {
  readonly execution_id: string;
  readonly status: ExecutionRecord["status"];
  /** Ascending by position in the plan. */
  readonly actions: readonly IrreversibleAction[];
  /** True: something ran that Lily did not hold, so there may be effects that nobody declared and nobody saw. */
  readonly unknown_effects: boolean;
}

export function irreversibleActions(record: ExecutionRecord): IrreversibleActions {
  const { declared, observed, unknown_effects } = record.side_effects;
  const effects = [
    ...declared.map((effect) => ({ ...effect, seen: "declared" as const })),
    ...observed.map((effect) => ({ ...effect, seen: "observed" as const })),
  ];
  const actions = planRollback(record, []).irreversible_steps.flatMap((index): readonly IrreversibleAction[] => {
    const done = record.step_events.findLast((event) => event.step_index === index && event.event_type === "STEP_COMPLETED" && !isReuse(event));
    if (done === undefined) return [];
    const own = effects.filter((effect) => effect.step === done.step_name && effect.reversible !== true);
    return [{ step_index: index, step: done.step_name, completed_at: done.timestamp, attempt: done.attempt, effects: own }];
  });
  return { execution_id: record.execution_id, status: record.status, actions, unknown_effects };
}
