import { type Bite, vitest } from "./bite.ts";

const planner = "src/audit/rollback-planner.ts";
const comparison = vitest("src/audit/compare-content.test.ts");

/** Execution record, guidance, comparison, and the proof that audit only reads. */
export const auditBites: readonly Bite[] = [
  {
    name: "degraded-is-possible",
    breaks: "H6 a rollback is never called possible where the state is not OPERATIONAL",
    edits: [{ file: planner, find: 'if (state !== "OPERATIONAL") {', replace: 'if (state === "LOCKDOWN") {' }],
    suite: vitest("src/audit/rollback-planner.test.ts"),
  },
  {
    name: "reopened-after-escalation",
    breaks: "S1 an escalation is INCOMPLETE whatever follows it",
    edits: [{ file: "src/audit/execution-outcome.ts", find: "        escalated = true;\n", replace: "" }],
    suite: vitest("src/audit/execution-record.test.ts"),
  },
  {
    name: "digest-without-record",
    breaks: "H1 any change of any event changes the digest",
    edits: [
      {
        file: "src/audit/execution-record.ts",
        find: "  const { execution_hash: _, ...rest }: Partial<ExecutionRecord> = content;",
        replace: "  const { execution_hash: _, record: __, ...rest }: Partial<ExecutionRecord> = content;",
      },
    ],
    suite: vitest("src/audit/execution-record.test.ts"),
  },
  {
    name: "cut-off-is-known",
    breaks: "H4 what was cut off may have done anything",
    edits: [{ file: "src/audit/side-effects.ts", find: "  return open.size > 0;", replace: "  return false;" }],
    suite: vitest("src/audit/execution-record.test.ts"),
  },
  {
    name: "envelope-digest-compared",
    breaks: "B5 structured results are compared by payload",
    edits: [{ file: "src/audit/compare-content.ts", find: "  if (one.digest === other.digest) return identical;\n", replace: "" }],
    suite: comparison,
  },
  {
    name: "everything-varies",
    breaks: "B5 only what a schema lets vary may differ",
    edits: [{ file: "src/audit/compare-content.ts", find: 'if (rule?.["x-lily-varies"] === true) return null;', replace: "if (rule !== null) return null;" }],
    suite: comparison,
  },
  {
    name: "audit-reaches-the-ledger",
    breaks: "S2 no code in reach of audit can act",
    edits: [
      {
        file: "src/audit/confirm-rollback.ts",
        find: 'import type { RollbackScaffold } from "../artifacts/builtin-schemas.ts";',
        replace: 'import type { RollbackScaffold } from "../artifacts/builtin-schemas.ts";\nexport { openLedger } from "../ledger/ledger.ts";',
      },
    ],
    suite: vitest("test/tidy/audit-reads-only.test.ts"),
  },
  {
    name: "interrupted-is-compared",
    breaks: "B10 a new run that was stopped is no evidence against reproducibility",
    edits: [{ file: "src/kernel/reproduce-run.ts", find: "    if (interrupted !== null) break;\n", replace: "" }],
    suite: vitest("test/audit/reproduce.test.ts"),
  },
  {
    name: "kept-replacement-forgotten",
    breaks: "B10 a replacement that a fork kept is named as the cause",
    edits: [{ file: "src/audit/run-facts.ts", find: '?.producer_kind === "human"', replace: '?.producer_kind === "system"' }],
    suite: vitest("test/audit/diff.test.ts"),
  },
];
