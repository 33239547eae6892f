/** A run in a few lines for an operator: outcome, counts, security before and after, effects (H7). Folded, never stored. */
import { timeMs } from "../base/time-text.ts";
import type { ExecutionRecord } from "../artifacts/builtin-schemas.ts";
import { securityRank } from "../contracts/security-rank.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import { isReuse } from "./step-events.ts";

type State = NonNullable<ExecutionRecord["security_snapshot_pre"]>["security_state"];

export interface RunSummary {
  readonly execution_id: string;
  readonly workflow: string | null;
  readonly title: string | null;
  readonly plan_id: string | null;
  readonly live_mode_state: ExecutionRecord["live_mode_state"];
  readonly status: ExecutionRecord["status"];
  readonly completion_reason: string;
  readonly timestamp_start: string;
  readonly timestamp_end: string | null;
  /** Milliseconds; null while the run is open. */
  readonly duration_ms: number | null;
  /** Steps, each counted once by how it rests. `pending` never started, or were asked for again. */
  readonly steps: {
    readonly planned: number;
    readonly completed: number;
    readonly reused: number;
    readonly failed: number;
    readonly skipped: number;
    readonly pending: number;
  };
  /** Attempts that started, of all steps. */
  readonly attempts: number;
  /** Newest verdict of each gate; dry runs do not count. */
  readonly gates: { readonly passed: number; readonly failed: number; readonly error: number };
  /** Metrics of the newest verdict of each gate, as `gate.metric`, or `step/gate.metric`. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly violations: number;
  readonly security: SecurityComparison;
  readonly side_effects: { readonly declared: number; readonly observed: number; readonly unknown: boolean };
  readonly execution_hash: string;
  readonly record: ExecutionRecord["record"];
}

/** What became of the security state between the snapshots. */
export interface SecurityComparison {
  readonly before: State | null;
  readonly after: State | null;
  readonly change: "same" | "degraded" | "improved" | "not known";
}

type Rest = "completed" | "reused" | "failed" | "skipped" | "pending";

export function summariseRun(record: ExecutionRecord, events: readonly LedgerEvent[], plan: PlanDocument | null): RunSummary {
  const rests = restOfSteps(record, events, plan);
  const count = (rest: Rest): number => [...rests.values()].filter((one) => one === rest).length;
  const gates = newestVerdicts(events);
  const verdicts = (status: string): number => [...gates.values()].filter((gate) => gate.kind === status).length;
  const created = events.find((event) => event.kind === "RUN_CREATED");
  return {
    execution_id: record.execution_id,
    workflow: plan?.workflow ?? null,
    title: (created?.kind === "RUN_CREATED" ? created.data.title : undefined) ?? plan?.title ?? null,
    plan_id: record.plan_id,
    live_mode_state: record.live_mode_state,
    status: record.status,
    completion_reason: record.completion_reason,
    timestamp_start: record.timestamp_start,
    timestamp_end: record.timestamp_end,
    duration_ms: record.timestamp_end === null ? null : Math.max(0, timeMs(record.timestamp_end) - timeMs(record.timestamp_start)),
    steps: {
      planned: rests.size,
      completed: count("completed"),
      reused: count("reused"),
      failed: count("failed"),
      skipped: count("skipped"),
      pending: count("pending"),
    },
    attempts: record.step_events.filter((event) => event.event_type === "STEP_STARTED").length,
    gates: { passed: verdicts("GATE_PASSED"), failed: verdicts("GATE_FAILED"), error: verdicts("GATE_ERROR") },
    metrics: Object.fromEntries(
      [...gates].flatMap(([name, gate]) => Object.entries(gate.data.metrics ?? {}).map(([metric, value]) => [`${name}.${metric}`, value])),
    ),
    violations: events.filter((event) => event.kind === "POLICY_VIOLATION").length,
    security: compareSecurity(record),
    side_effects: {
      declared: record.side_effects.declared.length,
      observed: record.side_effects.observed.length,
      unknown: record.side_effects.unknown_effects,
    },
    execution_hash: record.execution_hash,
    record: record.record,
  };
}

export function compareSecurity(record: ExecutionRecord): SecurityComparison {
  const before = record.security_snapshot_pre?.security_state ?? null;
  const after = record.security_snapshot_post?.security_state ?? null;
  if (before === null || after === null || before === "UNKNOWN" || after === "UNKNOWN") return { before, after, change: "not known" };
  const rise = securityRank(after) - securityRank(before);
  return { before, after, change: rise === 0 ? "same" : rise > 0 ? "degraded" : "improved" };
}

type GateEvent = Extract<LedgerEvent, { readonly kind: "GATE_PASSED" | "GATE_FAILED" | "GATE_ERROR" }>;

/** By `gate`, or `step/gate` for a step's gate. */
export function newestVerdicts(events: readonly LedgerEvent[]): ReadonlyMap<string, GateEvent> {
  const newest = new Map<string, GateEvent>();
  for (const event of events) {
    if (event.kind !== "GATE_PASSED" && event.kind !== "GATE_FAILED" && event.kind !== "GATE_ERROR") continue;
    const { step_id, gate_id, dry_run } = event.data;
    if (dry_run !== true) newest.set(step_id === undefined ? gate_id : `${step_id}/${gate_id}`, event);
  }
  return newest;
}

function restOfSteps(record: ExecutionRecord, events: readonly LedgerEvent[], plan: PlanDocument | null): ReadonlyMap<string, Rest> {
  const rests = new Map<string, Rest>((plan?.steps ?? []).map((step) => [step.id, "pending"]));
  for (const event of record.step_events) {
    if (event.event_type === "STEP_STARTED") rests.set(event.step_name, "pending");
    else if (event.event_type === "STEP_FAILED") rests.set(event.step_name, "failed");
    else rests.set(event.step_name, isReuse(event) ? "reused" : "completed");
  }
  for (const event of events) if (event.kind === "STEP_SKIPPED" && rests.get(event.data.step_id) === "pending") rests.set(event.data.step_id, "skipped");
  for (const { kind, data } of newestVerdicts(events).values())
    if (kind !== "GATE_PASSED" && data.required && data.step_id !== undefined && rests.get(data.step_id) === "completed") rests.set(data.step_id, "failed");
  return rests;
}
