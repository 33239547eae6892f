import type { LedgerEvent } from "../../contracts/event.ts";
import type { StepStatus, StepView } from "../../contracts/run-view.ts";

export interface StepProgress {
  readonly step: string;
  readonly status: StepStatus;
  readonly attempt: number;
  /** Milliseconds since 1970 by the record's clock; null before the first attempt. */
  readonly startedMs: number | null;
  readonly durationMs: number | null;
  /** Verdicts of the last attempt, in order of arrival. */
  readonly gates: readonly { readonly gate: string; readonly verdict: "passed" | "failed" | "error" }[];
  /** Why it failed or was skipped. */
  readonly reason: string | null;
}

export type RunProgress = ReadonlyMap<string, StepProgress>;

/** Progress of the steps a view knows, before any further event. */
export function progressOf(steps: readonly StepView[]): RunProgress {
  return new Map(steps.map((step) => [step.step_id, untouched(step.step_id)]));
}

function untouched(step: string): StepProgress {
  return { step, status: "pending", attempt: 0, startedMs: null, durationMs: null, gates: [], reason: null };
}

/** Folds one event into what people watch. For display only: it accepts any order and never refuses. */
export function foldProgress(progress: RunProgress, event: LedgerEvent): RunProgress {
  switch (event.kind) {
    case "STEP_STARTED":
      return change(progress, event.data.step_id, {
        status: "running",
        attempt: event.data.attempt,
        startedMs: Date.parse(event.at),
        durationMs: null,
        gates: [],
        reason: null,
      });
    case "STEP_COMPLETED":
      return change(progress, event.data.step_id, { status: "succeeded", durationMs: event.data.duration_ms });
    case "STEP_FAILED":
      return change(progress, event.data.step_id, { status: "failed", durationMs: event.data.duration_ms, reason: event.data.reason });
    case "STEP_INTERRUPTED":
      return change(progress, event.data.step_id, { status: "interrupted", reason: event.data.reason });
    case "STEP_SKIPPED":
      return change(progress, event.data.step_id, { status: "skipped", reason: event.data.reason });
    case "GATE_PASSED":
      return addVerdict(progress, event.data.step_id, event.data.gate_id, "passed", false);
    case "GATE_FAILED":
      return addVerdict(progress, event.data.step_id, event.data.gate_id, "failed", event.data.required);
    case "GATE_ERROR":
      return addVerdict(progress, event.data.step_id, event.data.gate_id, "error", event.data.required);
    default:
      return progress;
  }
}

function change(progress: RunProgress, step: string, changes: Partial<StepProgress>): RunProgress {
  return new Map(progress).set(step, { ...(progress.get(step) ?? untouched(step)), ...changes });
}

function addVerdict(progress: RunProgress, step: string | undefined, gate: string, verdict: "passed" | "failed" | "error", fails: boolean): RunProgress {
  if (step === undefined) return progress;
  const gates = [...(progress.get(step)?.gates ?? []), { gate, verdict }];
  return change(progress, step, fails ? { gates, status: "failed" } : { gates });
}
