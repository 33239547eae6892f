/**
 * A run as a Chrome trace (the JSON object form of the Trace Event Format), which Perfetto and chrome://tracing open. One process for the run,
 * one thread a lane: what went on at the same time lies in different lanes. Times are microseconds since the run's first event.
 */
import { timeMs } from "../base/time-text.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import { runOfStream } from "../contracts/ids.ts";

export type TraceEvent =
  | { readonly ph: "M"; readonly name: "process_name" | "thread_name"; readonly pid: 1; readonly tid: number; readonly args: { readonly name: string } }
  | ({ readonly ph: "X"; readonly dur: number } & Placed)
  /** `s`: p marks the whole process. */
  | ({ readonly ph: "i"; readonly s: "p" } & Placed);

interface Placed {
  readonly name: string;
  readonly cat: "attempt" | "gate" | "reuse" | "route" | "policy" | "security" | "run" | "person";
  readonly pid: 1;
  readonly tid: number;
  readonly ts: number;
  readonly args: Readonly<Record<string, string | number | boolean | null>>;
}

export interface ChromeTrace {
  readonly displayTimeUnit: "ms";
  readonly otherData: Readonly<Record<string, string>>;
  readonly traceEvents: readonly TraceEvent[];
}

/** Marks that belong to no attempt. */
const markLane = 0;

type Span = Pick<Placed, "name" | "cat" | "args"> & { readonly startUs: number; readonly endUs: number };
type Mark = Pick<Placed, "name" | "cat" | "args"> & { readonly atUs: number };

export function chromeTrace(events: readonly LedgerEvent[], title: string | null): ChromeTrace {
  const first = events[0];
  const zeroMs = first === undefined ? 0 : timeMs(first.at);
  const since = (event: LedgerEvent): number => Math.max(0, Math.round((timeMs(event.at) - zeroMs) * 1000));
  const runId = first === undefined ? "" : (runOfStream(first.stream) ?? first.stream);
  const { spans, marks } = collect(events, since);
  const placed = inLanes(spans);
  const lanes = Math.max(0, ...placed.map((event) => event.tid));
  const names = [markLane, ...Array.from({ length: lanes }, (_, index) => index + 1)].map(
    (tid): TraceEvent => ({ ph: "M", name: "thread_name", pid: 1, tid, args: { name: tid === markLane ? "run" : `lane ${tid}` } }),
  );
  return {
    displayTimeUnit: "ms",
    otherData: { run_id: runId, begin: first?.at ?? "", head: events.at(-1)?.hash ?? "" },
    traceEvents: [
      { ph: "M", name: "process_name", pid: 1, tid: markLane, args: { name: title === null ? `run ${runId}` : `${title} (run ${runId})` } },
      ...names,
      ...placed,
      ...marks.map(({ atUs, ...mark }): TraceEvent => ({ ph: "i", s: "p", ...mark, pid: 1, tid: markLane, ts: atUs })),
    ],
  };
}

function collect(events: readonly LedgerEvent[], since: (event: LedgerEvent) => number): { readonly spans: readonly Span[]; readonly marks: readonly Mark[] } {
  const spans: Span[] = [];
  const marks: Mark[] = [];
  const open = new Map<string, { readonly startUs: number; readonly args: Span["args"] }>();
  const endAttempt = (event: LedgerEvent, data: { readonly step_id: string; readonly attempt: number }, args: Span["args"]): void => {
    const name = attemptName(data);
    const begun = open.get(name);
    open.delete(name);
    spans.push({ name, cat: "attempt", startUs: begun?.startUs ?? since(event), endUs: since(event), args: { ...begun?.args, ...args } });
  };
  for (const event of events) {
    const mark = markOf(event);
    if (mark !== null) marks.push({ ...mark, atUs: since(event) });
    switch (event.kind) {
      case "STEP_STARTED":
        open.set(attemptName(event.data), { startUs: since(event), args: { cause: event.data.cause } });
        break;
      case "STEP_COMPLETED":
        endAttempt(event, event.data, { outcome: "completed" });
        break;
      case "STEP_FAILED":
        endAttempt(event, event.data, { outcome: event.data.outcome, code: event.data.code, reason: event.data.reason });
        break;
      case "STEP_INTERRUPTED":
        endAttempt(event, event.data, { outcome: "interrupted", reason: event.data.reason });
        break;
      case "GATE_PASSED":
      case "GATE_FAILED":
      case "GATE_ERROR":
        spans.push(gateSpan(event.kind, event.data, since(event)));
        break;
      default:
        break;
    }
  }
  const last = events.at(-1);
  for (const [name, begun] of open)
    spans.push({
      name,
      cat: "attempt",
      startUs: begun.startUs,
      endUs: last === undefined ? begun.startUs : since(last),
      args: { ...begun.args, outcome: "running" },
    });
  return { spans, marks };
}

function attemptName({ step_id, attempt }: { readonly step_id: string; readonly attempt: number }): string {
  return `${step_id} #${attempt}`;
}

function gateSpan(kind: "GATE_PASSED" | "GATE_FAILED" | "GATE_ERROR", data: EventData["GATE_PASSED"], endUs: number): Span {
  const { gate_id, step_id, attempt, required, reason, duration_ms, dry_run = false } = data;
  const name = `gate ${step_id === undefined ? "" : `${step_id}/`}${gate_id} #${attempt}${dry_run ? " (dry run)" : ""}`;
  const args = { verdict: kind.slice("GATE_".length).toLowerCase(), required, reason, dry_run };
  return { name, cat: "gate", startUs: Math.max(0, endUs - duration_ms * 1000), endUs, args };
}

/** What happened at one moment and matters to whoever looks at the whole. */
function markOf(event: LedgerEvent): Omit<Mark, "atUs"> | null {
  switch (event.kind) {
    case "STEP_REUSED": {
      const { step_id, cause, from } = event.data;
      return { name: `${step_id} reused`, cat: "reuse", args: { cause, from: `${from.run_id}/${from.step_id}/${from.attempt}` } };
    }
    case "STEP_SKIPPED":
      return { name: `${event.data.step_id} skipped`, cat: "run", args: { reason: event.data.reason } };
    case "ROUTE_TAKEN":
      return {
        name: `route ${event.data.route_id ?? "built-in"}: ${event.data.action}`,
        cat: "route",
        args: { reason: event.data.reason, target: event.data.target ?? null },
      };
    case "POLICY_VIOLATION":
      return { name: `violation by ${event.data.step_id}`, cat: "policy", args: { type: event.data.violation_type, details: event.data.details } };
    case "SECURITY_ESCALATED":
      return { name: `security ${event.data.from} -> ${event.data.to}`, cat: "security", args: { reason: event.data.reason } };
    case "SECURITY_SNAPSHOT":
      return { name: `security ${event.data.security_state}`, cat: "security", args: { phase: event.data.phase, boundary: event.data.boundary_state } };
    case "RERUN_REQUESTED":
      return { name: `rerun of ${event.data.step_ids.join(", ")}`, cat: "person", args: { by: event.by, reason: event.data.reason } };
    case "ARTIFACT_REPLACED":
      return { name: `${event.data.name} replaced`, cat: "person", args: { by: event.by, reason: event.data.reason } };
    case "RUN_UNBLOCKED":
    case "RUN_REOPENED":
    case "CANCEL_REQUESTED":
      return { name: event.kind, cat: "person", args: { by: event.by, reason: event.data.reason } };
    case "RUN_FORKED":
      return { name: `forked from ${event.data.from.run_id}`, cat: "run", args: { events: event.data.prefix.events } };
    case "RUN_SUCCEEDED":
    case "RUN_FAILED":
    case "RUN_BLOCKED":
    case "RUN_CANCELED":
    case "RUN_INCOMPLETE":
      return { name: event.kind, cat: "run", args: { reason: event.data.reason } };
    default:
      return null;
  }
}

/** Each span in the first lane that is free when it begins. */
function inLanes(spans: readonly Span[]): readonly Extract<TraceEvent, { readonly ph: "X" }>[] {
  const freeAtUs: number[] = [];
  return [...spans]
    .sort((a, b) => a.startUs - b.startUs || a.endUs - b.endUs)
    .map(({ startUs, endUs, ...span }) => {
      const free = freeAtUs.findIndex((at) => at <= startUs);
      const lane = free < 0 ? freeAtUs.length : free;
      freeAtUs[lane] = Math.max(endUs, startUs);
      return { ph: "X", ...span, pid: 1, tid: lane + 1, ts: startUs, dur: Math.max(0, endUs - startUs) };
    });
}
