/** Answers of the auditing operations, made by the real folds from hand-made events; hostile text in what a workflow or a module says. */
import type { LedgerEvent } from "../../src/contracts/event.ts";
import type { PlanDocument } from "../../src/contracts/plan-document.ts";
import { chromeTrace } from "../../src/audit/chrome-trace.ts";
import { provJson } from "../../src/audit/prov-json.ts";
import { foldProvenance } from "../../src/audit/provenance.ts";
import { confirmRollback } from "../../src/audit/confirm-rollback.ts";
import { foldExecutionRecord } from "../../src/audit/execution-record.ts";
import { irreversibleActions } from "../../src/audit/irreversible-actions.ts";
import { rollbackOf } from "../../src/audit/rollback-planner.ts";
import type { Reproduction } from "../../src/audit/reproduction.ts";
import type { RunComparison } from "../../src/audit/run-comparison.ts";
import { summariseRun } from "../../src/audit/run-summary.ts";
import type { Audit } from "../../src/kernel/audit.ts";

const effects: readonly PlanDocument["steps"][number]["effects"][number][] = [
  { category: "file_system", description: "writes out/\u001b[2J", reversible: true, hint: "delete out/\u202e" },
  { category: "data_mutation", description: "sends the table", reversible: null, hint: null },
];

const side: RunComparison["a"] = {
  run_id: "a",
  workflow: "weather",
  plan_hash: "sha256:aa",
  status: "COMPLETED",
  reason: "all steps succeeded",
  run_status: "succeeded",
  duration_ms: 1200,
  security: { before: "OPERATIONAL", after: "OPERATIONAL", change: "same" },
};
const done = { status: "succeeded", attempts: 1, duration_ms: 700, reused_from: null } as const;

function sameComparison(run: string): RunComparison {
  const step = { step_id: "clean", verdict: "identical", reason: null, same: true, outputs: [], a: done, b: done } as const;
  const both = { ...side, run_id: run };
  return { same: true, a: both, b: both, shared: null, changes: [], steps: [step], gates: [], first_divergence: null };
}

const change = { kind: "code", name: "steps/clean\u001b[1m.mjs", a: "sha256:11", b: null } as const;
export const sampleComparison: RunComparison = {
  same: false,
  a: side,
  b: { ...side, workflow: null, status: "FAILED", run_status: "failed", duration_ms: null, security: { before: null, after: null, change: "not known" } },
  shared: { fork: "b", events: 12, head: "sha256:22", proven: true, step_ids: ["report"] },
  changes: [change],
  steps: [
    { step_id: "clean", verdict: "identical", reason: null, same: true, outputs: [], a: done, b: { ...done, reused_from: "run-a/clean/1" } },
    {
      step_id: "report",
      verdict: "diverged",
      reason: "output text: the files have other bytes\u202e",
      same: false,
      outputs: [],
      a: done,
      b: { ...done, duration_ms: null },
    },
    { step_id: "extra", verdict: "only_in_b", reason: "only run B has this step", same: false, outputs: [], a: null, b: done },
  ],
  gates: [
    { gate: "clean/rows", a: "passed", b: "failed", metrics: ["rows: 3 -> 2"] },
    { gate: "total", a: "passed", b: null, metrics: [] },
  ],
  first_divergence: { step_id: "report", reason: "output text: the files have other bytes", causes: [change] },
};

export const sampleReproduction: Reproduction = {
  run_id: "a",
  reproducible: false,
  runs: [{ run_id: "b", status: "COMPLETED" }],
  steps: [
    { step_id: "clean", reproducible: true, verdicts: ["identical", "equal_by_schema"], reason: null },
    { step_id: "report", reproducible: false, verdicts: ["identical", "diverged"], reason: "output text\u001b[1m: the files have other bytes" },
    { step_id: "send", reproducible: null, verdicts: ["not_comparable", "not_comparable"], reason: null },
  ],
  first_difference: { run_id: "b", step_id: "report", output: "text", reason: "the files have other bytes", causes: [] },
  interrupted: null,
  changes: [{ kind: "tool", name: "/usr/bin/node", a: "11", b: "22" }],
};

const replacement = { kind: "replacement", name: "clean.table", a: "art_1 by user:ada\u001b[1m", b: null } as const;
/** Stopped in its first run, and after one in which a replacement in the first run shows. */
export const stoppedReproductions: { readonly atOnce: Reproduction; readonly later: Reproduction } = {
  atOnce: {
    run_id: "a",
    reproducible: null,
    runs: [],
    steps: [],
    first_difference: null,
    changes: [],
    interrupted: { run_id: "b", run_status: "incomplete", reason: "LOCKDOWN\u202e while it was going on" },
  },
  later: {
    ...sampleReproduction,
    first_difference: { run_id: "b", step_id: "clean", output: "table", reason: "the files have other bytes", causes: [replacement] },
    changes: [replacement],
    interrupted: { run_id: "c", run_status: "canceled", reason: null },
  },
};

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
    diff: async (a, b) => {
      asked("audit.diff", a, b);
      return a === b ? sameComparison(a) : { ...sampleComparison, a: { ...sampleComparison.a, run_id: a }, b: { ...sampleComparison.b, run_id: b } };
    },
    export: async (run, format) => {
      known(run);
      asked("audit.export", run, format);
      return format === "chrome-trace"
        ? chromeTrace(events, "Daily \u202eweather")
        : format === "provenance-json"
          ? provJson(run, foldProvenance(events))
          : record;
    },
    confirmRollback: async (scaffold, typed) => {
      asked("audit.confirmRollback", typed);
      return confirmRollback(scaffold, typed);
    },
  };
}
