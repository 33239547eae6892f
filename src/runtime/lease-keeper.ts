/**
 * Owns: the renewal of one run's lease, and the look for a stop request of another process.
 * States: keeping -> stopped (by the caller) | lost (a newer token exists).
 * Invariants: L3 is the store's: a lost lease only makes this process stop early; what it would still write is refused anyway.
 */
import type { RunId } from "../contracts/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { LeaseStore } from "../ports/lease-store.ts";

export const leaseTtlMs = 30_000;
/** How soon another process's cancel is noticed. */
const stopPollMs = 200;

export interface LeaseKeeperOptions {
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly run: RunId;
  readonly token: number;
  readonly onLost: () => void;
  readonly onStop: (by: string, reason: string) => void;
  /** The store could not be asked. */
  readonly onFault: (cause: unknown) => void;
}

export interface LeaseKeeper {
  stop(): Promise<void>;
}

export function keepLease(options: LeaseKeeperOptions): LeaseKeeper {
  const stopping = new AbortController();
  const loop = run(options, stopping.signal).catch(options.onFault);
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

async function run(options: LeaseKeeperOptions, stopping: AbortSignal): Promise<void> {
  const { leases, clock } = options;
  let renewedAtMs = clock.monotonicMs();
  let stopSeen = false;
  for (;;) {
    await clock.sleep(stopPollMs, stopping);
    if (stopping.aborted) return;
    if (clock.monotonicMs() - renewedAtMs >= leaseTtlMs / 3) {
      if (!(await leases.renew(options.run, options.token, leaseTtlMs))) return options.onLost();
      renewedAtMs = clock.monotonicMs();
    }
    const request = stopSeen ? null : await leases.stopRequest(options.run);
    if (request !== null) {
      stopSeen = true;
      options.onStop(request.by, request.reason);
    }
  }
}
