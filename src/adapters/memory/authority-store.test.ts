import { TurnClock } from "../../testkit/turn-clock.ts";
import { type AuthoritySubject, journalConformance } from "../../testkit/journal-conformance.ts";
import { leaseStoreConformance } from "../../testkit/lease-store-conformance.ts";
import { MemoryAuthorityState, openMemoryAuthority } from "./authority-store.ts";

async function make(): Promise<AuthoritySubject> {
  const clock = new TurnClock();
  const dead = new Set<number>();
  const state = new MemoryAuthorityState({ workspaceId: "ws-1", format: 1, kernelVersion: "0.1.0", createdAt: "2026-01-01T00:00:00.000Z" });
  const open = (seed: number) => openMemoryAuthority({ state, clock, seed, isOwnerAlive: (owner) => !dead.has(owner.pid) });
  return {
    authority: open(1),
    another: async () => open(2),
    advance: (ms) => clock.advance(ms),
    endProcess: (pid) => void dead.add(pid),
    end: async () => undefined,
  };
}

journalConformance("memory", make);
leaseStoreConformance("memory", make);
