import { describe, expect, it } from "vitest";
import type { EventBody } from "../contracts/event.ts";
import { securityStates } from "../contracts/events.ts";
import * as made from "./audit.test-support.ts";
import { foldExecutionRecord } from "./execution-record.ts";
import { irreversibleActions } from "./irreversible-actions.ts";
import { compareSecurity, type RunSummary, summariseRun } from "./run-summary.ts";

const { begins, body, chain, committed, completes, created, effect, ends, fails, judged, observes, reuses, snapshot, started } = made;
const plan = made.plan([
  made.step("a", { effects: [effect(true), effect(null)] }),
  made.step("b", { gates: [made.commandGate("rows")], effects: [effect(false)] }),
  made.step("c"),
  made.step("d"),
  made.step("e"),
]);

function summaryOf(...bodies: readonly EventBody[]): RunSummary {
  const events = chain(bodies);
  return summariseRun(foldExecutionRecord(events, plan), events, plan);
}

const head = [created, committed, snapshot("pre", "OPERATIONAL"), started];

describe("a run's summary", () => {
  it("counts each step once, by how it rests", () => {
    const summary = summaryOf(
      ...head,
      ...[begins("a"), fails("a"), begins("a", 2), completes("a", 2), begins("b"), completes("b")],
      ...[judged("GATE_FAILED", "rows", { step_id: "b", metrics: { rows: 3 } }), reuses("c"), begins("d"), fails("d")],
      ...[body("STEP_SKIPPED", { step_id: "e", attempt: 0, reason: "d failed", because: "d" }), snapshot("post", "DEGRADED"), ends("RUN_FAILED", "d failed")],
    );
    expect(summary).toMatchObject({
      execution_id: made.runId,
      workflow: "demo",
      title: null,
      status: "FAILED",
      completion_reason: "d failed",
      duration_ms: 13_000,
      steps: { planned: 5, completed: 1, reused: 1, failed: 2, skipped: 1, pending: 0 },
      attempts: 4,
      gates: { passed: 0, failed: 1, error: 0 },
      metrics: { "b/rows.rows": 3 },
      violations: 0,
      security: { before: "OPERATIONAL", after: "DEGRADED", change: "degraded" },
      side_effects: { declared: 3, observed: 0, unknown: true },
    });
  });

  it("of an open run has no duration; a dry run is no verdict", () => {
    const titled = body("RUN_CREATED", { workspace_id: "ws-1", format: 1, kernel_version: "0.1.0", kind: "workflow", title: "nightly" });
    const dry = judged("GATE_FAILED", "total", { dry_run: true });
    expect(summaryOf(titled, committed, started, begins("a"), judged("GATE_PASSED", "total", { metrics: { share: 0.5 } }), dry)).toMatchObject({
      title: "nightly",
      duration_ms: null,
      steps: { planned: 5, pending: 5 },
      gates: { passed: 1, failed: 0, error: 0 },
      metrics: { "total.share": 0.5 },
      security: { before: null, after: null, change: "not known" },
    });
  });

  it.each(securityStates.flatMap((before) => securityStates.map((after) => [before, after] as const)))(
    "%s before and %s after are compared by rank",
    (before, after) => {
      const record = foldExecutionRecord(chain([created, committed, snapshot("pre", before), started, snapshot("post", after), ends("RUN_FAILED")]), plan);
      const order = ["OPERATIONAL", "DEGRADED", "COMPROMISED", "LOCKDOWN"];
      const rise = order.indexOf(after) - order.indexOf(before);
      const change = before === "UNKNOWN" || after === "UNKNOWN" ? "not known" : rise > 0 ? "degraded" : rise < 0 ? "improved" : "same";
      expect(compareSecurity(record)).toEqual({ before, after, change });
    },
  );
});

describe("irreversible actions", () => {
  it("are the completed steps with effects nobody can undo, with those effects alone", () => {
    const events = chain([
      ...head,
      begins("b"),
      completes("b"),
      begins("a"),
      completes("a"),
      begins("a", 2),
      completes("a", 2),
      begins("c"),
      observes("c", false),
      fails("c"),
    ]);
    const { actions, unknown_effects } = irreversibleActions(foldExecutionRecord(events, plan));
    expect(unknown_effects).toBe(true);
    expect(actions.map(({ step, step_index, attempt, completed_at }) => [step, step_index, attempt, completed_at])).toEqual([
      ["a", 0, 2, made.timeOf(9)],
      ["b", 1, 1, made.timeOf(5)],
    ]);
    expect(actions.map(({ effects }) => effects.map((one) => [one.seen, one.reversible]))).toEqual([[["declared", null]], [["declared", false]]]);
  });
});
