/**
 * Guidance for a person who has to undo a run by hand, by the decision table of docs/formats/execution-record.md. Nothing is executed,
 * nothing is inferred (S2): hints are those of the plan, word for word.
 */
import type { ExecutionRecord, RollbackScaffold } from "../artifacts/builtin-schemas.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { isReuse, stepsThatRan } from "./step-events.ts";

export type RollbackHint = RollbackScaffold["rollback_hints"][number];

const checklist: readonly string[] = [
  "Review the execution record and the logs of every step that ran.",
  "Verify the present state of each system that was touched before changing anything.",
  "Undo the steps in reverse order, one at a time, by their hints.",
  "Test that the restored state works.",
  "Document what was undone, by whom, when and why.",
];

/** The guidance for one run: hints count when their step started in it. */
export function rollbackOf(record: ExecutionRecord, plan: PlanDocument | null): RollbackScaffold {
  const ran = stepsThatRan(record.step_events);
  const hints = plan === null ? [] : hintsOf(plan).filter((hint) => ran.has(plan.steps[hint.step_index]?.id ?? ""));
  return planRollback(record, hints);
}

/** Every hint of the plan's effects, in plan order, in the author's words. */
export function hintsOf(plan: PlanDocument): readonly RollbackHint[] {
  return plan.steps.flatMap((step, step_index) =>
    step.effects.flatMap(({ description, hint }) =>
      hint === null ? [] : [{ step_index, description, actions: [hint], required_inputs: {}, risks: [], estimated_duration: null }],
    ),
  );
}

/** The decision table. `hints` are carried as they are, also where nothing can be undone. */
export function planRollback(record: ExecutionRecord, hints: readonly RollbackHint[]): RollbackScaffold {
  const { possible, reason, warnings } = decide(record, hints.length > 0);
  return deepFreeze({
    execution_id: record.execution_id,
    is_rollback_possible: possible,
    reason,
    rollback_hints: hints.map(copyOf),
    warnings: [...warnings],
    irreversible_steps: irreversibleSteps(record),
    manual_steps: possible ? [...checklist] : [],
  });
}

/** Frozen with the scaffold, so that the caller's own stay as they are. */
function copyOf(hint: RollbackHint): RollbackHint {
  return { ...hint, actions: [...hint.actions], required_inputs: { ...hint.required_inputs }, risks: [...hint.risks] };
}

interface Decided {
  readonly possible: boolean;
  readonly reason: string;
  readonly warnings: readonly string[];
}

function decide(record: ExecutionRecord, hasHints: boolean): Decided {
  switch (record.status) {
    case "COMPLETED":
      return { possible: false, reason: "The run completed; no rollback is needed.", warnings: [] };
    case "STARTED":
      return { possible: false, reason: "The run has not come to an end; no rollback is needed.", warnings: [] };
    case "INCOMPLETE":
      return {
        possible: false,
        reason: "A security escalation ended the run; it cannot be rolled back by guidance.",
        warnings: ["A security incident occurred while the run was going on. Settle it first.", "What the run touched may be in an inconsistent state."],
      };
    case "FAILED":
    case "COMPLETED_PARTIAL":
      return decidePartial(record, hasHints);
  }
}

/** UNKNOWN is not OPERATIONAL: where nobody vouches for the workspace, nothing is called possible. No snapshot says nothing against it. */
function decidePartial(record: ExecutionRecord, hasHints: boolean): Decided {
  const state = record.security_snapshot_post?.security_state ?? "OPERATIONAL";
  if (state !== "OPERATIONAL") {
    const what = state === "UNKNOWN" ? "nobody vouched for the security of the workspace" : `the security state was ${state}`;
    return {
      possible: false,
      reason: `Not possible: ${what} when the run ended.`,
      warnings: [`The security state after the run was ${state}, not OPERATIONAL.`],
    };
  }
  const what = record.status === "FAILED" ? "The run failed" : "The run completed in part";
  if (hasHints) return { possible: true, reason: `${what}; what ran may be undone by hand, by the hints of the plan.`, warnings: partialWarnings(record) };
  return { possible: false, reason: `${what}, and the plan gives no hint for what ran.`, warnings: partialWarnings(record) };
}

/** What the hints cannot tell: attempts that ended in the middle, results of another run. */
function partialWarnings(record: ExecutionRecord): readonly string[] {
  const completed = new Set(record.step_events.flatMap((event) => (event.event_type === "STEP_COMPLETED" ? [event.step_name] : [])));
  const broken = [...stepsThatRan(record.step_events)].filter((step) => !completed.has(step));
  const origins = [...new Set(record.step_events.filter(isReuse).map((event) => event.details["from_run"] ?? ""))].filter((run) => run !== record.execution_id);
  return [
    ...(broken.length === 0 ? [] : [`Started and never completed: ${broken.join(", ")}. What they did before is not known.`]),
    ...origins.map((run) => `Results of run ${run} were used; what was changed to make them is in the guidance of that run.`),
  ];
}

/** Positions of steps that completed with an effect that cannot be undone, or of which nobody knows; ascending, each once. */
function irreversibleSteps(record: ExecutionRecord): number[] {
  const { declared, observed } = record.side_effects;
  const marked = new Set([...declared, ...observed].flatMap((effect) => (effect.reversible === true ? [] : [effect.step])));
  const done = record.step_events.filter((event) => event.event_type === "STEP_COMPLETED" && !isReuse(event) && marked.has(event.step_name));
  return [...new Set(done.map((event) => event.step_index))].sort((a, b) => a - b);
}
