import type { AttemptView, StepStatus, StepView } from "../contracts/run-view.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A step of a run's view while events are folded into it. */
export interface StepDraft {
  readonly id: string;
  status: StepStatus;
  readonly attempts: Writable<AttemptView>[];
  produced: readonly string[];
  readonly gateResults: string[];
  readonly violations: string[];
  why: string | null;
  /** A required gate of the newest attempt, or of a replacement of its outputs, did not pass. */
  isRejected: boolean;
  reusedFrom: StepView["reused_from"];
  /** A person replaced an output of the newest attempt. */
  isReplaced: boolean;
}

/** Logs of an attempt, relative to the run's folder; a stream without output has no file. */
export function logPaths(
  stepId: string,
  attempt: number,
  executor: { readonly stdout_bytes?: number | undefined; readonly stderr_bytes?: number | undefined },
): readonly string[] {
  const folder = `steps/${stepId}/${attempt}`;
  const paths: string[] = [];
  if ((executor.stdout_bytes ?? 0) > 0) paths.push(`${folder}/stdout.txt`);
  if ((executor.stderr_bytes ?? 0) > 0) paths.push(`${folder}/stderr.txt`);
  return paths;
}

export function stepView(step: StepDraft): StepView {
  return {
    step_id: step.id,
    status: step.status,
    attempts: step.attempts,
    produced_artifact_ids: step.produced,
    gate_result_ids: step.gateResults,
    policy_violation_ids: step.violations,
    why_id: step.why,
    ...(step.reusedFrom === undefined ? {} : { reused_from: step.reusedFrom }),
  };
}
