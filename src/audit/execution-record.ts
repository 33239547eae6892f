/**
 * The execution record: a run as operators read it, projected from its events and its plan (docs/formats/execution-record.md).
 * Invariants
 * - H1 Everything in it is frozen, and `execution_hash` covers every member; `record` names the number of events and the hash of the last,
 *   which links to every event before it: a change of any event changes the digest.
 * - H2 Step events stand in the order of the record, each with its own hash and the hash of the step event before it.
 * Not responsible for: whether the events are what was recorded (ledger verification), guidance (rollback-planner).
 */
import { assert } from "../base/assert.ts";
import { documentDigest } from "../base/digest.ts";
import { isJsonObject, type JsonValue } from "../base/json-value.ts";
import type { ExecutionRecord } from "../artifacts/builtin-schemas.ts";
import type { EventOf, LedgerEvent } from "../contracts/event.ts";
import { runOfStream } from "../contracts/ids.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { foldOutcome } from "./execution-outcome.ts";
import { sideEffectReport } from "./side-effects.ts";
import { foldStepEvents } from "./step-events.ts";

/** `events` are all events of one run, in order; `plan` is the one it committed, null when it has none. */
export function foldExecutionRecord(events: readonly LedgerEvent[], plan: PlanDocument | null): ExecutionRecord {
  const first = events[0];
  const last = events.at(-1);
  assert(first !== undefined && last !== undefined, "H1: an execution record is of a run that was created");
  const { status, reason, endedAt } = foldOutcome(events);
  const stepEvents = foldStepEvents(events, plan);
  const content: Omit<ExecutionRecord, "execution_hash"> = {
    execution_id: runOfStream(first.stream) ?? first.stream,
    plan_id: planHashOf(events),
    live_mode_state: "LIVE",
    status,
    completion_reason: reason,
    timestamp_start: (events.find((event) => event.kind === "RUN_STARTED") ?? first).at,
    timestamp_end: endedAt,
    security_snapshot_pre: snapshotOf(events.find((event) => event.kind === "SECURITY_SNAPSHOT" && event.data.phase === "pre")),
    security_snapshot_post: endedAt === null ? null : snapshotOf(newestPost(events)),
    step_events: [...stepEvents],
    side_effects: sideEffectReport(events, plan),
    record: { events: events.length, head: last.hash },
  };
  return deepFreeze({ ...content, execution_hash: executionHash(content) });
}

/** The digest that `execution_hash` must be. */
export function executionHash(content: Omit<ExecutionRecord, "execution_hash">): string {
  const { execution_hash: _, ...rest }: Partial<ExecutionRecord> = content;
  return documentDigest("execution", jsonOf(rest));
}

function jsonOf(value: object): JsonValue {
  assert(isJsonObject(value), "H1: an execution record is plain JSON");
  return value;
}

function planHashOf(events: readonly LedgerEvent[]): ExecutionRecord["plan_id"] {
  const committed = events.find((event) => event.kind === "PLAN_COMMITTED");
  return committed?.kind === "PLAN_COMMITTED" ? committed.data.plan_hash : null;
}

/** The snapshot of the newest end: one that was taken before the run was reopened is of an earlier end. */
function newestPost(events: readonly LedgerEvent[]): LedgerEvent | undefined {
  const reopenedAt = events.findLastIndex((event) => event.kind === "RUN_REOPENED" || event.kind === "RUN_UNBLOCKED");
  const at = events.findLastIndex((event) => event.kind === "SECURITY_SNAPSHOT" && event.data.phase === "post");
  return at > reopenedAt ? events[at] : undefined;
}

function snapshotOf(event: LedgerEvent | undefined): ExecutionRecord["security_snapshot_pre"] {
  if (event?.kind !== "SECURITY_SNAPSHOT") return null;
  return snapshotView(event);
}

function snapshotView({ at, data }: EventOf<"SECURITY_SNAPSHOT">): NonNullable<ExecutionRecord["security_snapshot_pre"]> {
  return { timestamp: at, security_state: data.security_state, boundary_state: data.boundary_state, context: data.context };
}
