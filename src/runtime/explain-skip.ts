import { timeText } from "../base/time-text.ts";
import type { Why } from "../artifacts/builtin-schemas.ts";
import type { EventBody } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { RunContext } from "./run-context.ts";
import { storedBody } from "./step-report.ts";

/** The `why.v1` of a skipped step: the step that it needs and that did not succeed. */
export function explainSkip(run: RunContext, data: EventData["STEP_SKIPPED"]): { readonly body: EventBody; readonly why: ArtifactId } {
  const why: Why = {
    subject: "skipped",
    step_id: data.step_id,
    attempt: data.attempt,
    compared_with: null,
    inputs: 0,
    changed: [{ kind: "dependency", name: data.because, before: null, after: run.state.byId.get(data.because)?.phase ?? null }],
    because: `step ${data.step_id} was skipped: step ${data.because}, which it needs, did not succeed`,
    timestamp: timeText(run.deps.clock.nowMs()),
  };
  const prepared = run.deps.artifacts.prepareSmallJson({
    run_id: run.runId,
    artifact_type: "why.v1",
    schema_id: "why.v1",
    producer_id: "kernel",
    producer_kind: "system",
    attempt: data.attempt,
    inputs: [],
    name: `why/${data.step_id}/${run.state.events}`,
    value: why,
  });
  return { body: storedBody(prepared), why: prepared.artifact.artifact_id };
}
