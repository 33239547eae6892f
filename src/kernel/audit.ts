/** What auditors and operators ask of a kernel. All of it reads only. */
import type { ExecutionRecord, RollbackScaffold } from "../artifacts/builtin-schemas.ts";
import type { IrreversibleActions } from "../audit/irreversible-actions.ts";
import type { RollbackConfirmation } from "../audit/confirm-rollback.ts";
import type { RunComparison } from "../audit/run-comparison.ts";
import type { RunSummary } from "../audit/run-summary.ts";

export type ExportFormat = "chrome-trace" | "provenance-json" | "execution-record";

export interface Audit {
  /** The execution record of a run, folded now. RUN_NOT_FOUND, RUN_AMBIGUOUS. */
  record(run: string): Promise<ExecutionRecord>;
  summary(run: string): Promise<RunSummary>;
  /** Summaries, newest first: of one workflow, or of all. */
  trend(filter?: { readonly workflow?: string; readonly limit?: number }): Promise<readonly RunSummary[]>;
  irreversible(run: string): Promise<IrreversibleActions>;
  /** Guidance for a person; nothing in Lily executes it (S2). */
  rollback(run: string): Promise<RollbackScaffold>;
  /** Two runs side by side. */
  diff(a: string, b: string): Promise<RunComparison>;
  /** A JSON document for other tools: Perfetto, readers of PROV-JSON, archives. Times and ids are those of the record. */
  export(run: string, format: ExportFormat): Promise<object>;
  /** What a person's answer to the guidance means. It is recorded nowhere and executes nothing. */
  confirmRollback(scaffold: RollbackScaffold, typed: string | null): Promise<RollbackConfirmation>;
}
