/**
 * Taking the lead of a run: the lease, the verified record, and the event that says who leads.
 * Owns: which runs this process leads. The store grants a process its own lease again, so leading a run twice is refused here.
 */
import { LilyError } from "../base/lily-error.ts";
import type { EventDraft, LedgerEvent } from "../contracts/event.ts";
import { type RunId, runStream } from "../contracts/ids.ts";
import type { StreamWriter } from "../ledger/ledger.ts";
import type { LeaseOwner } from "../ports/lease-store.ts";
import { leaseTtlMs } from "./lease-keeper.ts";
import type { RuntimeDeps } from "./run-context.ts";

export interface LedRun {
  readonly runId: RunId;
  readonly token: number;
  readonly writer: StreamWriter;
  /** Every event that was recorded before. */
  readonly events: readonly LedgerEvent[];
  /**
   * Gives the lease back; idempotent. Never rejects: a lease that cannot be given back (a full disk) ends with its time or its process,
   * and this process may take it again at once; why the run is given back tells more than that.
   */
  giveBack(): Promise<void>;
}

/** What leading needs. */
export type LeadDeps = Pick<RuntimeDeps, "workspaceDir" | "ledger" | "leases" | "probe">;

const ledHere = new Set<string>();

function placeOf(workspaceDir: string, owner: LeaseOwner, runId: RunId): string {
  return [workspaceDir, owner.pid, owner.startTime, runId].join("\n");
}

/** True while this process leads the run: a lease of its own that it does not is left over from a lead that ended badly. */
export function isLedHere(deps: Pick<RuntimeDeps, "workspaceDir" | "probe">, runId: RunId): boolean {
  return ledHere.has(placeOf(deps.workspaceDir, deps.probe.owner(), runId));
}

/** Throws LEASE_HELD naming the holder, LEDGER_DAMAGED, and what the stores throw. */
export async function leadRun(deps: LeadDeps, runId: RunId): Promise<LedRun> {
  const owner = deps.probe.owner();
  const place = placeOf(deps.workspaceDir, owner, runId);
  if (ledHere.has(place)) throw held(runId, owner);
  ledHere.add(place);
  const grant = await deps.leases.acquire(runId, owner, leaseTtlMs).catch((thrown: unknown) => {
    ledHere.delete(place);
    throw thrown;
  });
  if (grant.outcome === "held") {
    ledHere.delete(place);
    throw held(runId, grant.owner);
  }
  const { token } = grant;
  let givenBack = false;
  const giveBack = async (): Promise<void> => {
    if (givenBack) return;
    givenBack = true;
    await deps.leases.release(runId, token).catch(() => undefined);
    ledHere.delete(place);
  };
  try {
    const events: LedgerEvent[] = [];
    const writer = await deps.ledger.openWriter(runStream(runId), { token, onEvent: (event) => events.push(event) });
    return { runId, token, writer, events, giveBack };
  } catch (thrown) {
    await giveBack();
    throw thrown;
  }
}

function held(runId: RunId, { host, pid }: LeaseOwner): LilyError {
  return new LilyError("LEASE_HELD", `run ${runId} is led by process ${pid} on ${host}`, { details: { run_id: runId, host, pid } });
}

/** LEADER_TAKEN for the token of this process. */
export function leaderDraft(deps: Pick<RuntimeDeps, "probe">, token: number): EventDraft {
  const { host, pid, bootId } = deps.probe.owner();
  return { kind: "LEADER_TAKEN", key: `LEADER_TAKEN/${token}`, by: deps.probe.principal(), data: { token, host, pid, boot_id: bootId } };
}
