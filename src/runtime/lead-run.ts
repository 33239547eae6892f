/** Taking the lead of a run: the lease, the verified record, and the event that says who leads. */
import { LilyError } from "../base/lily-error.ts";
import type { EventDraft, LedgerEvent } from "../contracts/event.ts";
import { type RunId, runStream } from "../contracts/ids.ts";
import type { StreamWriter } from "../ledger/ledger.ts";
import { leaseTtlMs } from "./lease-keeper.ts";
import type { RuntimeDeps } from "./run-context.ts";

export interface LedRun {
  readonly runId: RunId;
  readonly token: number;
  readonly writer: StreamWriter;
  /** Every event that was recorded before. */
  readonly events: readonly LedgerEvent[];
}

/** What leading needs. */
export type LeadDeps = Pick<RuntimeDeps, "ledger" | "leases" | "probe">;

/** Throws LEASE_HELD naming the holder, LEDGER_DAMAGED, and what the stores throw. */
export async function leadRun(deps: LeadDeps, runId: RunId): Promise<LedRun> {
  const owner = deps.probe.owner();
  const grant = await deps.leases.acquire(runId, owner, leaseTtlMs);
  if (grant.outcome === "held") {
    const { host, pid } = grant.owner;
    throw new LilyError("LEASE_HELD", `run ${runId} is led by process ${pid} on ${host}`, { details: { run_id: runId, host, pid } });
  }
  try {
    const events: LedgerEvent[] = [];
    const writer = await deps.ledger.openWriter(runStream(runId), { token: grant.token, onEvent: (event) => events.push(event) });
    return { runId, token: grant.token, writer, events };
  } catch (thrown) {
    await deps.leases.release(runId, grant.token);
    throw thrown;
  }
}

/** LEADER_TAKEN for the token of this process. */
export function leaderDraft(deps: Pick<RuntimeDeps, "probe">, token: number): EventDraft {
  const { host, pid, bootId } = deps.probe.owner();
  return { kind: "LEADER_TAKEN", key: `LEADER_TAKEN/${token}`, by: deps.probe.principal(), data: { token, host, pid, boot_id: bootId } };
}
