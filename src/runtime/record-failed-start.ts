import { isLilyError } from "../base/lily-error.ts";
import { timeText } from "../base/time-text.ts";
import type { EventBody, EventDraft } from "../contracts/event.ts";
import { applyEvent } from "../graph/apply-event.ts";
import { isFault } from "./is-fault.ts";
import type { LedRun } from "./lead-run.ts";
import type { RunContext } from "./run-context.ts";

/**
 * A run that exists but could not begin (an input does not fit its schema, say) ends failed and sealed, so that nothing stays open that
 * nobody will ever finish, and the reason is in the record. A fault of the machine is not recorded: the run can be begun again.
 */
export async function recordFailedStart(run: RunContext, led: LedRun, thrown: unknown): Promise<void> {
  if (!isLilyError(thrown) || isFault(thrown)) return;
  const { state, deps } = run;
  const at = timeText(deps.clock.nowMs());
  const failed: EventBody = {
    kind: "RUN_FAILED",
    key: `RUN_FAILED/${state.events}`,
    data: { reason: thrown.message.slice(0, 2000).toWellFormed(), code: thrown.code },
  };
  applyEvent(state, { ...failed, at });
  const sealed: EventBody = {
    kind: "RUN_SEALED",
    key: `RUN_SEALED/${state.events}`,
    data: { outcome: "failed", events: state.events, counts: { steps: state.steps.length, ...state.counts } },
  };
  applyEvent(state, { ...sealed, at });
  const drafts: readonly EventDraft[] = [failed, sealed].map((body) => ({ ...body, by: run.principal, at }));
  await led.writer.append(drafts, { leaf: "seal" });
}
