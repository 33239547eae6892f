import type { Why } from "../artifacts/builtin-schemas.ts";
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import { timeText } from "../base/time-text.ts";
import type { RunContext } from "./run-context.ts";

/** Stores a `why.v1` of the kernel. `mark` keeps apart what is said of one step at different times. */
export function prepareWhy(run: RunContext, why: Omit<Why, "timestamp">, mark: string): Promise<PreparedArtifact> {
  return run.deps.artifacts.prepareJson({
    run_id: run.runId,
    artifact_type: "why.v1",
    schema_id: "why.v1",
    producer_id: "kernel",
    producer_kind: "system",
    attempt: why.attempt,
    inputs: [],
    name: `why/${why.step_id}/${mark}`,
    value: { ...why, timestamp: timeText(run.deps.clock.nowMs()) },
  });
}
