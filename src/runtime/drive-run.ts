/** Drives a led run until it rests, keeping its lease; the lease is given back whatever happens. */
import { clipText } from "../base/clip-text.ts";
import { isLilyError, LilyError, messageOf } from "../base/lily-error.ts";
import type { EventBody, LedgerEvent } from "../contracts/event.ts";
import { endObservers } from "./change-observers.ts";
import type { LedRun } from "./lead-run.ts";
import { keepLease } from "./lease-keeper.ts";
import { RunPerformer } from "./performer.ts";
import type { RunContext } from "./run-context.ts";
import { RunShell } from "./run-shell.ts";
import { watchSecurity } from "./security-watch.ts";

const reasonMax = 4096;

export interface DrivenRun {
  /** Resolves when the run rests and is sealed. Rejects with the fault that stopped this process from leading it. */
  readonly rested: Promise<void>;
  cancel(by: string, reason: string): void;
}

/** `first` are the events that start or resume the run; they are appended before anything is decided. */
export function driveRun(run: RunContext, led: LedRun, first: readonly EventBody[], onEvents: (events: readonly LedgerEvent[]) => void): DrivenRun {
  const { deps, state } = run;
  const security = watchSecurity(deps.security, deps.clock, run.securityAtStart, (escalation) => shell.escalate(escalation));
  const shell = new RunShell({
    state,
    writer: led.writer,
    clock: deps.clock,
    principal: run.principal,
    performer: new RunPerformer(run, (delivery) => shell.receive(delivery)),
    onEvents,
    security,
  });
  let cancels = state.events;
  const cancel = (by: string, reason: string): void => {
    shell.deliver([cancelBody(reason, String(++cancels))], by);
  };
  const keeper = keepLease({
    leases: deps.leases,
    clock: deps.clock,
    run: run.runId,
    token: led.token,
    onLost: () => shell.fail(new LilyError("LEDGER_TOKEN_STALE", `L3: another process took the lead of run ${run.runId}`)),
    onStop: cancel,
    onFault: (cause) => shell.fail(leaseFault(run.runId, cause)),
  });
  shell.deliver(first);
  return { rested: rest(), cancel };

  async function rest(): Promise<void> {
    try {
      await shell.drive();
      await deps.leases.clearStop(run.runId);
    } finally {
      await security.stop();
      await endObservers(run);
      await keeper.stop();
      await led.giveBack();
    }
  }
}

/** A person's words may be any text; what is recorded is well-formed and bounded. */
export function cancelBody(reason: string, mark: string): EventBody {
  return { kind: "CANCEL_REQUESTED", key: `CANCEL_REQUESTED/${mark}`, data: { reason: clipText(reason, reasonMax) } };
}

function leaseFault(runId: string, cause: unknown): LilyError {
  const code = isLilyError(cause) ? cause.code : "STORAGE_FAILED";
  return new LilyError(code, `the lease of run ${runId} could not be kept: ${messageOf(cause)}`, { cause });
}
