import type { RunId } from "../contracts/ids.ts";

/** Who holds a lease; enough to tell whether the process still lives on this boot of this host. */
export interface LeaseOwner {
  readonly host: string;
  readonly bootId: string;
  readonly pid: number;
  /** Start time of the process in the kernel's own unit; a reused pid differs in it. */
  readonly startTime: string;
}

export type LeaseGrant =
  | { readonly outcome: "granted"; readonly token: number }
  | { readonly outcome: "held"; readonly owner: LeaseOwner; readonly expiresAtMs: number };

/**
 * Leases of runs. The token is a number that only grows, taken in the acquiring transaction; `Journal.commit` checks it. Expiry is
 * decided by the store's clock. A lease is granted when it is free, expired, or held by an owner that is provably dead.
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
