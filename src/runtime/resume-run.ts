/**
 * Continuing a run from its record: the plan it committed, the state that its events fold to, and what was in flight, INTERRUPTED (E7).
 * What the plan binds must still be what it was: changed code is WORKFLOW_DRIFT, not a different run under the same name.
 */
import { clipText } from "../base/clip-text.ts";
import { taggedDigest } from "../base/digest.ts";
import { jsonOfText } from "../base/json-text.ts";
import { isJsonObject, type JsonValue } from "../base/json-value.ts";
import { LilyError, messageOf } from "../base/lily-error.ts";
import { decodeUtf8 } from "../base/parse-json.ts";
import type { EventBody, EventOf, LedgerEvent } from "../contracts/event.ts";
import type { RunId } from "../contracts/ids.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import { applyEvent } from "../graph/apply-event.ts";
import { createRunState, type RunState } from "../graph/run-state.ts";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";

/** What a record says was to run. */
export interface CommittedPlan {
  readonly plan: PlanDocument;
  readonly event: EventOf<"PLAN_COMMITTED">;
}

/** The plan of a record, verified; null when none is committed yet. Throws OBJECT_MISSING, OBJECT_CORRUPT. */
export async function committedPlan(artifacts: ArtifactStore, events: readonly LedgerEvent[]): Promise<CommittedPlan | null> {
  const event = events.find((one) => one.kind === "PLAN_COMMITTED");
  if (event?.kind !== "PLAN_COMMITTED") return null;
  const stored = events.find((one) => one.kind === "ARTIFACT_STORED" && one.data.artifact.artifact_id === event.data.artifact_id);
  if (stored?.kind !== "ARTIFACT_STORED") throw corruptPlan("its artifact is not in the record");
  const bytes = await artifacts.readArtifact(stored.data.artifact, stored.data.inline);
  // The plan hash is of the canonical form, so bytes that give it are that form: nothing needs to be written again to be hashed.
  if (taggedDigest("plan", bytes) !== event.data.plan_hash) throw corruptPlan("it does not give the plan hash of the record");
  const plan = parsedPlan(bytes);
  if (!isPlan(plan)) throw corruptPlan("it is not a plan of version 1");
  return { plan, event };
}

/** Not a strict parse: the bytes are the canonical form, and a plan may have more members than any document from outside. */
function parsedPlan(bytes: Uint8Array): JsonValue {
  try {
    return jsonOfText(decodeUtf8(bytes));
  } catch (thrown) {
    throw corruptPlan(messageOf(thrown));
  }
}

/** The digest was checked against what `compilePlan` wrote, so the shape is its shape; only the version is open. */
function isPlan(value: JsonValue): value is JsonValue & PlanDocument {
  return isJsonObject(value) && value["v"] === 1 && Array.isArray(value["steps"]);
}

function corruptPlan(why: string): LilyError {
  return new LilyError("OBJECT_CORRUPT", `the plan of the run cannot be used: ${why}`);
}

/** The state that the events fold to. Throws LEDGER_TRANSITION_ILLEGAL. */
export function foldRun(plan: PlanDocument, runId: RunId, events: readonly LedgerEvent[]): RunState {
  const state = createRunState(plan, runId);
  for (const event of events) applyEvent(state, event);
  return state;
}

/** RUN_RESUMED (or RUN_UNBLOCKED), and STEP_INTERRUPTED for what was in flight when the earlier leader ended. */
export function resumeBodies(state: RunState, token: number, reason: { readonly unblock: string | null }): readonly EventBody[] {
  if (state.phase === "blocked") {
    if (reason.unblock === null)
      throw new LilyError("RUN_STATE_CONFLICT", `run ${state.runId} is blocked: ${state.ending?.reason ?? ""}. Unblock it with --unblock REASON`);
    return [{ kind: "RUN_UNBLOCKED", key: `RUN_UNBLOCKED/${token}`, data: { reason: clipText(reason.unblock, 4096) } }];
  }
  if (state.phase !== "running") throw new LilyError("RUN_STATE_CONFLICT", `run ${state.runId} is ${state.phase}: ${restedAdvice(state)}`);
  const interrupted = [...state.running, ...state.gating].sort((a, b) => a - b).flatMap((index) => interruptedBody(state, index));
  return [{ kind: "RUN_RESUMED", key: `RUN_RESUMED/${token}`, data: { reason: `${interrupted.length} attempts were in flight` } }, ...interrupted];
}

/** What can be done with a run that rests, in place of resuming it. */
function restedAdvice({ phase, runId }: RunState): string {
  if (phase === "created") return "it has not begun, so there is nothing to resume";
  const fork = `go on from the middle as a new run with lily run fork ${runId} --from STEP --reason TEXT`;
  if (phase === "incomplete") return `it never goes on; ${fork}, once the security state is OPERATIONAL`;
  return `there is nothing to resume. Do steps of it again with lily run rerun ${runId} --from STEP --reason TEXT, or ${fork}`;
}

/** A completed attempt whose gates were cut off is judged again; an attempt that ran is neither done nor not done. */
function interruptedBody(state: RunState, index: number): readonly EventBody[] {
  const step = state.steps[index];
  if (step === undefined || step.phase !== "running") return [];
  const data = { step_id: step.plan.id, attempt: step.attempt, reason: "crash" as const };
  return [{ kind: "STEP_INTERRUPTED", key: `STEP_INTERRUPTED/${step.plan.id}/${step.attempt}`, data }];
}
