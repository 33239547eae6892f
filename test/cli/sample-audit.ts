/** Answers of the auditing operations, made by the real folds from hand-made events; hostile text in what a workflow or a module says. */
import type { LedgerEvent } from "../../src/contracts/event.ts";
import type { PlanDocument } from "../../src/contracts/plan-document.ts";
import { confirmRollback } from "../../src/audit/confirm-rollback.ts";
import { foldExecutionRecord } from "../../src/audit/execution-record.ts";
import { irreversibleActions } from "../../src/audit/irreversible-actions.ts";
import { rollbackOf } from "../../src/audit/rollback-planner.ts";
import { summariseRun } from "../../src/audit/run-summary.ts";
import type { Audit } from "../../src/kernel/audit.ts";

const effects: readonly PlanDocument["steps"][number]["effects"][number][] = [
  { category: "file_system", description: "writes out/\u001b[2J", reversible: true, hint: "delete out/\u202e" },
  { category: "data_mutation", description: "sends the table", reversible: null, hint: null },
];

/** `asked` is told each operation with what it was given. */
export function fakeAudit(
  events: readonly LedgerEvent[],
  plan: PlanDocument,
  known: (run: string) => void,
  asked: (operation: string, ...args: readonly unknown[]) => void,
): Audit {
  const withEffects: PlanDocument = { ...plan, steps: plan.steps.map((step) => ({ ...step, effects: [...effects] })) };
  const record = foldExecutionRecord(events, withEffects);
  const summary = summariseRun(record, events, withEffects);
  const reply = <T>(value: T, operation: string, run: string): T => {
    known(run);
    asked(operation, run);
    return value;
  };
  return {
    record: async (run) => reply(record, "audit.record", run),
    summary: async (run) => reply(summary, "audit.summary", run),
    trend: async (filter) => {
      asked("audit.trend", filter);
      return filter?.workflow === "none" ? [] : [summary, { ...summary, workflow: null, status: "INCOMPLETE", metrics: { "clean/rows.rows": 3 } }];
    },
    irreversible: async (run) => reply(irreversibleActions(record), "audit.irreversible", run),
    rollback: async (run) => reply(rollbackOf(record, withEffects), "audit.rollback", run),
    confirmRollback: async (scaffold, typed) => {
      asked("audit.confirmRollback", typed);
      return confirmRollback(scaffold, typed);
    },
  };
}
