/** A run as the kernel shows it, with its events; hostile text in places that a step or a person controls. */
import type { Digest } from "../../src/base/digest.ts";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import { eventDataSchemas, type EventData, type EventKind } from "../../src/contracts/events.ts";
import type { StreamId } from "../../src/contracts/ids.ts";
import type { AttemptView, GateView, RunStatus, RunView, StepView } from "../../src/contracts/run-view.ts";

export const runId = "0197a1b2-0000-7000-8000-000000000001";
export const runDir = `/work/project/.lily/runs/${runId}`;
export const planHash = digest("a");

export function digest(char: string): Digest {
  return `sha256:${char.repeat(64)}` as Digest;
}

export function artifactId(char: string): string {
  return `art_${char.repeat(32)}`;
}

function at(second: number): string {
  return `2026-01-01T00:00:${String(second).padStart(2, "0")}.000Z`;
}

/** An event whose data is checked against its schema, so that samples stay true. */
function event<K extends EventKind>(seq: number, kind: K, data: EventData[K]): LedgerEvent {
  eventDataSchemas[kind].parse(data);
  const made = {
    v: 1,
    stream: `run/${runId}` as StreamId,
    seq,
    prev: seq === 0 ? null : digest("0"),
    token: 1,
    at: at(seq),
    by: "kernel",
    kind,
    key: `${kind}/${seq}`,
    data,
    hash: digest("1"),
  };
  return made as unknown as LedgerEvent;
}

const runCreated = { workspace_id: "ws-1", format: 1, kernel_version: "0.1.0", kind: "workflow" } as const;
const planCommitted = {
  plan_hash: planHash,
  artifact_id: artifactId("1") as EventData["PLAN_COMMITTED"]["artifact_id"],
  workflow: "weather",
  source_dir: "/work/project",
};
const gate = { step_id: "clean", attempt: 1, required: true, result_artifact_id: planCommitted.artifact_id, log_artifact_ids: [], duration_ms: 20 };

export const goodEvents: readonly LedgerEvent[] = [
  event(0, "RUN_CREATED", runCreated),
  event(1, "PLAN_COMMITTED", planCommitted),
  event(2, "RUN_STARTED", { inputs: {}, parallel: 2 }),
  event(3, "STEP_STARTED", { step_id: "clean", attempt: 1, cause: "ready", inputs: [] }),
  event(4, "STEP_COMPLETED", {
    step_id: "clean",
    attempt: 1,
    outputs: {},
    artifacts: [],
    logs: [],
    duration_ms: 1200,
    executor: { kind: "process", exit_code: 0 },
  }),
  event(5, "GATE_PASSED", { ...gate, gate_id: "rows", reason: null }),
  event(6, "RUN_SUCCEEDED", { reason: "all steps succeeded" }),
  event(7, "RUN_SEALED", { outcome: "succeeded", events: 7, counts: { steps: 1 } }),
];

export const badEvents: readonly LedgerEvent[] = [
  event(0, "RUN_CREATED", runCreated),
  event(1, "PLAN_COMMITTED", planCommitted),
  event(2, "STEP_STARTED", { step_id: "clean", attempt: 1, cause: "ready", inputs: [] }),
  event(3, "STEP_FAILED", { step_id: "clean", attempt: 1, outcome: "failed", code: "STEP_FAILED", reason: "exit code 3", logs: [], duration_ms: 800 }),
  event(4, "STEP_STARTED", { step_id: "clean", attempt: 2, cause: "retry", inputs: [] }),
  event(5, "STEP_FAILED", {
    step_id: "clean",
    attempt: 2,
    outcome: "timeout",
    code: "STEP_TIMEOUT",
    reason: "\u001b]0;owned\u0007longer than 1 s",
    logs: [],
    duration_ms: 1000,
  }),
  event(6, "GATE_ERROR", { ...gate, attempt: 2, gate_id: "rows", required: false, reason: "no output" }),
  event(7, "STEP_SKIPPED", { step_id: "report", attempt: 0, reason: "its dependency failed", because: "clean" }),
  event(8, "ROUTE_TAKEN", { route_id: null, action: "abort", step_id: "clean", reason: "retries are used up" }),
  event(9, "RUN_FAILED", { reason: "step clean failed", step_id: "clean" }),
];

function attempt(n: number, changes: Partial<AttemptView> = {}): AttemptView {
  return {
    n,
    started_at: at(3),
    finished_at: at(4),
    duration_ms: 1200,
    outcome: "completed",
    error: null,
    log_paths: [],
    executor_summary: { kind: "process", exit_code: 0 },
    input_artifact_hashes: {},
    output_artifact_hashes: {},
    cause: "ready",
    ...changes,
  };
}

export function step(id: string, status: StepView["status"], attempts: readonly AttemptView[]): StepView {
  return { step_id: id, status, attempts, produced_artifact_ids: [], gate_result_ids: [], policy_violation_ids: [], why_id: null };
}

function gateView(changes: Partial<GateView> = {}): GateView {
  return {
    gate_id: "rows",
    step_id: "clean",
    attempt: 1,
    status: "passed",
    required: true,
    reason: null,
    metrics: null,
    result_artifact_id: artifactId("2"),
    log_artifact_ids: [],
    ...changes,
  };
}

export function runView(status: RunStatus, changes: Partial<RunView> = {}): RunView {
  return {
    run_id: runId,
    kind: "workflow",
    status,
    workflow: "weather",
    title: "Daily weather\u001b[2J",
    reason: null,
    plan_hash: planHash,
    created_at: at(0),
    finished_at: at(7),
    steps: [step("clean", "succeeded", [attempt(1)])],
    gates: [gateView()],
    routes: [],
    inputs: { csv: artifactId("3") },
    environment_artifact_id: null,
    record: { events: 8, head: digest("1"), sealed: true },
    run_dir: runDir,
    ...changes,
  };
}

export function failedView(): RunView {
  const error = { code: "STEP_TIMEOUT", reason: "\u001b]0;owned\u0007longer than 1 s" };
  return runView("failed", {
    reason: "step clean failed",
    steps: [
      step("clean", "failed", [
        attempt(1, { outcome: "failed", error: { code: "STEP_FAILED", reason: "exit code 3" } }),
        attempt(2, { outcome: "timeout", error }),
      ]),
      step("report", "skipped", []),
    ],
    gates: [gateView({ attempt: 2, status: "error", required: false, reason: "no output" })],
    routes: [{ route_id: null, action: "abort", step_id: "clean", gate_id: null, target: null, reason: "retries are used up" }],
    record: { events: 10, head: digest("1"), sealed: false },
  });
}

/** A run of `lily exec` whose one step ended in a given way. */
export function execView(status: RunStatus, last: Partial<AttemptView>): RunView {
  return runView(status, {
    workflow: "exec",
    title: null,
    steps: [step("command", status === "succeeded" ? "succeeded" : "failed", [attempt(1, last)])],
    gates: [],
  });
}
