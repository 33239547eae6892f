import type { securityStates } from "./events.ts";

/** OPERATIONAL < DEGRADED < COMPROMISED < LOCKDOWN (S1). UNKNOWN says nothing, so it ranks as OPERATIONAL: a rise is from either. */
const ranks: Readonly<Record<(typeof securityStates)[number], number>> = { UNKNOWN: 0, OPERATIONAL: 0, DEGRADED: 1, COMPROMISED: 2, LOCKDOWN: 3 };

export function securityRank(state: keyof typeof ranks): number {
  return ranks[state];
}

/** True for a state of the table; what a monitor answers comes from outside. */
export function isSecurityState(state: unknown): state is keyof typeof ranks {
  return typeof state === "string" && Object.hasOwn(ranks, state);
}
