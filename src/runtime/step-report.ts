import { clipText } from "../base/clip-text.ts";
import type { JsonValue } from "../base/json-value.ts";
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import type { EventBody } from "../contracts/event.ts";
import type { EventData, ExecutorSummary } from "../contracts/events.ts";
import type { CollectedOutput } from "./collect-outputs.ts";

/** How an executor ended, before outputs are collected. */
export type Execution =
  | { readonly ok: true; readonly executor: ExecutorSummary; readonly durationMs: number; readonly values: Readonly<Record<string, JsonValue>> }
  | {
      readonly ok: false;
      readonly outcome: "failed" | "timeout";
      readonly code: string;
      readonly reason: string;
      readonly executor: ExecutorSummary | null;
      readonly durationMs: number;
    }
  /** Trusted code that went on after it was told to stop (E6). */
  | { readonly ok: "abandoned"; readonly durationMs: number };

/** An execution that came to its end. */
export type SettledExecution = Exclude<Execution, { readonly ok: "abandoned" }>;

const reasonMax = 2000;

export function storedBody(prepared: PreparedArtifact): EventBody {
  const { artifact, inline } = prepared;
  return { kind: "ARTIFACT_STORED", key: `ARTIFACT_STORED/${artifact.artifact_id}`, data: { artifact, ...(inline === undefined ? {} : { inline }) } };
}

export function completedBody(
  stepId: string,
  attempt: number,
  outputs: readonly CollectedOutput[],
  logs: readonly PreparedArtifact[],
  executor: ExecutorSummary,
  durationMs: number,
): EventBody {
  const sorted = [...outputs]
    .filter((output) => output.plural || output.artifacts.length > 0)
    .sort((a, b) => Number(a.name > b.name) - Number(a.name < b.name));
  const digests: EventData["STEP_COMPLETED"]["outputs"] = {};
  for (const output of sorted) {
    const list = output.artifacts.map((one) => one.artifact.digest);
    const first = list[0];
    digests[output.name] = output.plural || first === undefined ? list : first;
  }
  const data = {
    step_id: stepId,
    attempt,
    outputs: digests,
    artifacts: sorted.flatMap((output) => output.artifacts.map((one) => one.artifact.artifact_id)),
    logs: logs.map((one) => one.artifact.artifact_id),
    duration_ms: Math.round(durationMs),
    executor,
  };
  return { kind: "STEP_COMPLETED", key: `STEP_COMPLETED/${stepId}/${attempt}`, data };
}

export function failedBody(
  stepId: string,
  attempt: number,
  failure: { readonly outcome: "failed" | "timeout"; readonly code: string; readonly reason: string },
  logs: readonly PreparedArtifact[],
  executor: ExecutorSummary | null,
  durationMs: number,
): EventBody {
  const data = {
    step_id: stepId,
    attempt,
    outcome: failure.outcome,
    code: failure.code,
    reason: clipText(failure.reason, reasonMax),
    logs: logs.map((one) => one.artifact.artifact_id),
    duration_ms: Math.round(durationMs),
    ...(executor === null ? {} : { executor }),
  };
  return { kind: "STEP_FAILED", key: `STEP_FAILED/${stepId}/${attempt}`, data };
}
