/** Views for auditors and operators. Reads only: what it is given is an `AuditReader`. */
import { confirmRollback } from "../audit/confirm-rollback.ts";
import { foldExecutionRecord } from "../audit/execution-record.ts";
import { irreversibleActions } from "../audit/irreversible-actions.ts";
import { rollbackOf } from "../audit/rollback-planner.ts";
import { type RunSummary, summariseRun } from "../audit/run-summary.ts";
import type { Audit } from "./audit.ts";
import type { AuditReader, RunEvidence } from "./audit-reader.ts";

const trendDefault = 20;
/** Rows of the index that a trend looks at for its workflow. */
const rowsMax = 10_000;

export function auditOperations(reader: AuditReader): Pick<Audit, "record" | "summary" | "trend" | "irreversible" | "rollback" | "confirmRollback"> {
  const recordOf = ({ events, plan }: RunEvidence): ReturnType<typeof foldExecutionRecord> => foldExecutionRecord(events, plan);
  const summaryOf = (evidence: RunEvidence): RunSummary => summariseRun(recordOf(evidence), evidence.events, evidence.plan);
  return {
    record: async (run) => recordOf(await reader.run(run)),
    summary: async (run) => summaryOf(await reader.run(run)),
    trend: async ({ workflow, limit = trendDefault } = {}) => {
      const rows = (await reader.rows(workflow === undefined ? limit : rowsMax)).filter((row) => workflow === undefined || row.workflow === workflow);
      const summaries: RunSummary[] = [];
      for (const row of rows.slice(0, limit)) summaries.push(summaryOf(await reader.run(row.run_id)));
      return summaries;
    },
    irreversible: async (run) => irreversibleActions(recordOf(await reader.run(run))),
    rollback: async (run) => {
      const evidence = await reader.run(run);
      return rollbackOf(recordOf(evidence), evidence.plan);
    },
    confirmRollback: async (scaffold, typed) => confirmRollback(scaffold, typed),
  };
}
