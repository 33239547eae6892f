import { executionRecordSchema, type ExecutionRecord } from "../artifacts/builtin-schemas.ts";
import type { JsonValue } from "../base/json-value.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import { encodeLine, eventDataText } from "../ledger/event-line.ts";
import { executionHash, foldExecutionRecord } from "./execution-record.ts";

/**
 * What is wrong with an execution record, each as a sentence that names the place; empty when nothing is. Alone it is checked for its digest,
 * the order and the links of its step events (H1, H2). With the events of the run, and their plan, it must be exactly what they fold to.
 */
export function checkExecutionRecord(
  record: ExecutionRecord | JsonValue,
  events?: readonly LedgerEvent[],
  plan: PlanDocument | null = null,
): readonly string[] {
  const parsed = executionRecordSchema.safeParse(record);
  if (!parsed.success) return parsed.error.issues.map((issue) => `/${issue.path.join("/")}: ${issue.message}`);
  const { execution_hash: named, ...content } = parsed.data;
  const computed = executionHash(content);
  const digest = computed === named ? [] : [`execution_hash is ${named}, and the record gives ${computed}`];
  const own = [...digest, ...linkProblems(parsed.data)];
  return events === undefined ? own : [...own, ...eventProblems(events), ...foldProblems(parsed.data, events, plan)];
}

function linkProblems(record: ExecutionRecord): readonly string[] {
  const problems: string[] = [];
  let previous: ExecutionRecord["step_events"][number] | null = null;
  for (const [index, event] of record.step_events.entries()) {
    const place = `step event ${index} (${event.event_type} ${event.step_name}/${event.attempt})`;
    const expected: string | null = previous === null ? null : previous.event_hash;
    if (event.previous_event_hash !== expected) problems.push(`${place} does not name the step event before it`);
    if (previous !== null && event.seq <= previous.seq) problems.push(`${place} does not come after event ${previous.seq}`);
    if (event.seq >= record.record.events) problems.push(`${place} lies behind the ${record.record.events} events that the record names`);
    previous = event;
  }
  return problems;
}

/** Every event must give its hash and name the one before it. */
function eventProblems(events: readonly LedgerEvent[]): readonly string[] {
  const problems: string[] = [];
  let previous: LedgerEvent | null = null;
  for (const event of events) {
    if (encodeLine(event, eventDataText(event)).hash !== event.hash) problems.push(`event ${event.seq} (${event.kind}) does not give its hash`);
    const prev: string | null = previous === null ? null : previous.hash;
    if (event.prev !== prev) problems.push(`event ${event.seq} (${event.kind}) does not name the event before it`);
    previous = event;
  }
  return problems;
}

function foldProblems(record: ExecutionRecord, events: readonly LedgerEvent[], plan: PlanDocument | null): readonly string[] {
  if (events.length === 0) return ["there are no events to compare with"];
  const folded = foldExecutionRecord(events, plan);
  if (folded.execution_hash === record.execution_hash) return [];
  const { head, events: size } = record.record;
  if (size !== events.length) return [`the record was folded from ${size} events, and there are ${events.length}`];
  const at = record.step_events.findIndex((event, index) => event.event_hash !== folded.step_events[index]?.event_hash);
  if (at >= 0) return [`step event ${at} is not the one that the events give`];
  if (head !== folded.record.head) return [`the record names the head ${head ?? "null"}, and the events end with ${folded.record.head ?? "null"}`];
  return [`the events fold to ${folded.execution_hash}, not to ${record.execution_hash}`];
}
