/** Step events of the execution record: STEP_STARTED, STEP_COMPLETED and STEP_FAILED, in the order of the record, linked by hash (H2). */
import type { ExecutionRecord } from "../artifacts/builtin-schemas.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";

export type StepEvent = ExecutionRecord["step_events"][number];

type StepFacts = Pick<StepEvent, "event_type" | "error_message" | "details"> & { readonly step: string; readonly attempt: number };

export function foldStepEvents(events: readonly LedgerEvent[], plan: PlanDocument | null): readonly StepEvent[] {
  const positions = stepPositions(events, plan);
  const folded: StepEvent[] = [];
  let previous: string | null = null;
  for (const event of events) {
    const facts = stepFacts(event);
    if (facts === null) continue;
    const { step, ...members } = facts;
    folded.push({
      ...members,
      timestamp: event.at,
      step_index: positions.get(step) ?? 0,
      step_name: step,
      seq: event.seq,
      event_hash: event.hash,
      previous_event_hash: previous,
    });
    previous = event.hash;
  }
  return folded;
}

/** Positions in the plan; what no plan names follows in order of appearance. */
export function stepPositions(events: readonly LedgerEvent[], plan: PlanDocument | null): ReadonlyMap<string, number> {
  const positions = new Map((plan?.steps ?? []).map((step, index) => [step.id, index]));
  for (const event of events) {
    const step = stepFacts(event)?.step;
    if (step !== undefined && !positions.has(step)) positions.set(step, positions.size);
  }
  return positions;
}

/** True for a step event that says that earlier results stood in: nothing was done then. */
export function isReuse(event: StepEvent): boolean {
  return event.event_type === "STEP_COMPLETED" && event.details["outcome"] === "reused";
}

/** Ids of the steps of which an attempt started. */
export function stepsThatRan(stepEvents: readonly StepEvent[]): ReadonlySet<string> {
  return new Set(stepEvents.flatMap((event) => (event.event_type === "STEP_STARTED" ? [event.step_name] : [])));
}

/** Null for what is no step event. An interrupted attempt is a failed one whose reason says how; a reuse completes without a start. */
function stepFacts(event: LedgerEvent): StepFacts | null {
  switch (event.kind) {
    case "STEP_STARTED": {
      const { step_id: step, attempt, cause, route_id } = event.data;
      return { event_type: "STEP_STARTED", step, attempt, error_message: null, details: route_id === undefined ? { cause } : { cause, route: route_id } };
    }
    case "STEP_COMPLETED": {
      const { step_id: step, attempt, duration_ms, executor } = event.data;
      const details = { outcome: "completed", executor: executor.kind, duration_ms: String(duration_ms), ...held(executor.enforcement) };
      return { event_type: "STEP_COMPLETED", step, attempt, error_message: null, details };
    }
    case "STEP_FAILED": {
      const { step_id: step, attempt, duration_ms, outcome, code, reason, executor } = event.data;
      const details = { outcome, code, duration_ms: String(duration_ms), ...held(executor?.enforcement) };
      return { event_type: "STEP_FAILED", step, attempt, error_message: reason, details };
    }
    case "STEP_INTERRUPTED": {
      const { step_id: step, attempt, reason } = event.data;
      return { event_type: "STEP_FAILED", step, attempt, error_message: `interrupted: ${reason}`, details: { outcome: "interrupted", reason } };
    }
    case "STEP_REUSED": {
      const { step_id: step, attempt, cause, from } = event.data;
      const details = { outcome: "reused", cause, from_run: from.run_id, from_step: from.step_id, from_attempt: String(from.attempt), from_event: from.event };
      return { event_type: "STEP_COMPLETED", step, attempt, error_message: null, details };
    }
    default:
      return null;
  }
}

function held(enforcement: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  return enforcement === undefined ? {} : Object.fromEntries(Object.entries(enforcement).map(([what, how]) => [`enforcement_${what}`, how]));
}
