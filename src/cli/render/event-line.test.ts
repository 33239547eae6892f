import { expect, test } from "vitest";
import type { LedgerEvent } from "../../contracts/event.ts";
import { eventLine } from "./event-line.ts";
import { foldProgress } from "./run-progress.ts";

const id = `art_${"1".repeat(32)}`;
const gate = { gate_id: "rows", attempt: 1, required: true, reason: null, result_artifact_id: id, log_artifact_ids: [], duration_ms: 1 };

function event(kind: string, data: object): LedgerEvent {
  return { kind, data, at: "2026-01-01T00:00:00.000Z", seq: 0 } as unknown as LedgerEvent;
}

const lines: readonly (readonly [kind: string, data: object, line: string | null])[] = [
  ["RUN_CREATED", {}, null],
  ["ARTIFACT_STORED", {}, null],
  ["CHECKPOINT_CUT", {}, null],
  ["RUN_RESUMED", { reason: "crash" }, "resumed   crash"],
  ["RUN_UNBLOCKED", { reason: "ok\u001b[1m" }, "unblocked ok\\x1b[1m"],
  ["RUN_REOPENED", { reason: "again" }, "reopened  again"],
  ["CANCEL_REQUESTED", { reason: "stop" }, "canceling stop"],
  ["STEP_INTERRUPTED", { step_id: "a", attempt: 1, reason: "crash" }, "step      a attempt 1 interrupted: crash"],
  ["STEP_STARTED", { step_id: "a", attempt: 2, cause: "route" }, "step      a attempt 2 started (route)"],
  ["GATE_FAILED", { ...gate, reason: "3 rows" }, "gate      rows failed: 3 rows"],
  ["GATE_PASSED", { ...gate, step_id: "a", required: false }, "gate      rows of a passed (optional)"],
  ["ROUTE_TAKEN", { route_id: "repair", action: "goto", target: "a", reason: "gate rows" }, "route     repair: goto a: gate rows"],
  ["POLICY_VIOLATION", { step_id: "a", attempt: 1, violation_type: "write_denied", details: "x\ny" }, "violation a attempt 1: write_denied: x\\ny"],
  ["RUN_BLOCKED", { reason: "ask" }, "run       blocked: ask"],
  ["RUN_CANCELED", { reason: "stop" }, "run       canceled: stop"],
  ["RECORD_RECOVERED", { bytes: 3, set_aside: "tail.bin", reason: "torn" }, "recovered 3 bytes set aside as tail.bin: torn"],
];

test.each(lines)("%s as a line", (kind, data, line) => {
  expect(eventLine(event(kind, data))).toBe(line);
});

test("progress takes events in any order: a verdict before its step, a step that nobody announced", () => {
  const empty = new Map();
  expect(foldProgress(empty, event("GATE_FAILED", { ...gate, reason: "x" }))).toBe(empty);
  const failed = foldProgress(empty, event("GATE_FAILED", { ...gate, step_id: "a" }));
  expect(failed.get("a")).toMatchObject({ status: "failed", gates: [{ gate: "rows", verdict: "failed" }] });
  const interrupted = foldProgress(failed, event("STEP_INTERRUPTED", { step_id: "b", attempt: 1, reason: "crash" }));
  expect([...interrupted.values()].map(({ status }) => status)).toEqual(["failed", "interrupted"]);
});
