/** What comes before a person's rerun or replacement: the run rests, and is reopened, or unblocked for a reason of its own. */
import { clipText } from "../base/clip-text.ts";
import { LilyError } from "../base/lily-error.ts";
import type { EventBody } from "../contracts/event.ts";
import { isRested } from "../graph/apply-person.ts";
import type { RunState } from "../graph/run-state.ts";

export const reasonMax = 4096;

/** RUN_REOPENED, or RUN_UNBLOCKED for a blocked run. Throws RUN_STATE_CONFLICT when the run does not rest, or is blocked and nobody unblocks it. */
export function reopenBody(state: RunState, token: number, reason: string, unblock: string | undefined): EventBody {
  const { runId, phase } = state;
  const conflict = (why: string): LilyError =>
    new LilyError("RUN_STATE_CONFLICT", `run ${runId} is ${phase}${why}`, { details: { run_id: runId, status: phase } });
  if (phase === "blocked") {
    if (unblock === undefined) throw conflict(`: ${state.ending?.reason ?? ""}. Say with --unblock REASON why it may go on`);
    return { kind: "RUN_UNBLOCKED", key: `RUN_UNBLOCKED/${token}`, data: { reason: clipText(unblock, reasonMax) } };
  }
  if (unblock !== undefined) throw conflict(", and not blocked: leave --unblock out");
  if (!isRested(phase)) throw conflict("; it does not rest. Let it end, continue it with run resume, or end it with run cancel first");
  return { kind: "RUN_REOPENED", key: `RUN_REOPENED/${token}`, data: { reason: clipText(reason, reasonMax) } };
}
