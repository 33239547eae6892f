import type { RunId } from "../contracts/ids.ts";

/** Who holds a lease; enough to tell whether the process still lives on this boot of this host. */
export interface LeaseOwner {
  readonly host: string;
  readonly bootId: string;
  readonly pid: number;
  /** Start time of the process in the kernel's own unit; a reused pid differs in it. */
  readonly startTime: string;
}

/** True when both are the same process on the same boot of the same host. */
export function isSameOwner(one: LeaseOwner, other: LeaseOwner): boolean {
  return one.host === other.host && one.bootId === other.bootId && one.pid === other.pid && one.startTime === other.startTime;
}

export type LeaseGrant =
  | { readonly outcome: "granted"; readonly token: number }
  | { readonly outcome: "held"; readonly owner: LeaseOwner; readonly expiresAtMs: number };

/**
 * Leases of runs. The token is a number that only grows, taken in the acquiring transaction; `Journal.commit` checks it. Expiry is
 * decided by the store's clock. A lease is granted when it is free, expired, held by an owner that is provably dead, or held by the very
 * process that asks: one that could not give its lease back (a full disk) goes on with a new token, which fences off the old one. That a
 * process does not lead one run twice is its own to see to (runtime/lead-run).
 * Durable on return. A crash after `acquire` leaves a lease that expires or is seen dead.
 */
export interface LeaseStore {
  acquire(run: RunId, owner: LeaseOwner, ttlMs: number): Promise<LeaseGrant>;
  /** False when the token is no longer the newest: the caller lost the run and must stop. */
  renew(run: RunId, token: number, ttlMs: number): Promise<boolean>;
  release(run: RunId, token: number): Promise<void>;
  /** The live holder of a run's lease, null when nobody leads. */
  holder(run: RunId): Promise<{ readonly owner: LeaseOwner; readonly token: number } | null>;
  /** Asks the leader of a run to cancel it. Idempotent: the first request stays until `clearStop`. */
  requestStop(run: RunId, by: string, reason: string): Promise<void>;
  stopRequest(run: RunId): Promise<{ readonly by: string; readonly reason: string } | null>;
  clearStop(run: RunId): Promise<void>;
}
