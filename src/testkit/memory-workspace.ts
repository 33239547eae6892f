import type { LedgerEvent, EventDraft } from "../contracts/event.ts";
import { parseRunId, runStream } from "../contracts/ids.ts";
import { MemoryAuthorityState, type MemoryAuthorityStore, openMemoryAuthority } from "../adapters/memory/authority-store.ts";
import { MemoryDisk, openMemoryRecordFiles } from "../adapters/memory/record-files.ts";
import { type Ledger, openLedger } from "../ledger/ledger.ts";
import type { RecordFiles } from "../ports/record-files.ts";
import { TurnClock } from "./turn-clock.ts";

/** One workspace in memory that several processes open, and that power cuts hit. */
export class MemoryWorkspace {
  readonly clock = new TurnClock();
  readonly disk = new MemoryDisk();
  readonly state = new MemoryAuthorityState({ workspaceId: "ws-1", format: 1, kernelVersion: "0.1.0", createdAt: "2026-01-01T00:00:00.000Z" });
  #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
  }

  /** Ends every process; of what was not synced, what `choose` keeps survives. */
  powerCut(choose: (below: number) => number): void {
    this.state.cuts++;
    this.disk.crash(choose);
  }

  /** Another process. */
  async open(): Promise<MemoryProcess> {
    const seed = this.#seed++;
    const authority = openMemoryAuthority({ state: this.state, clock: this.clock, seed, isOwnerAlive: () => true });
    const files = openMemoryRecordFiles({ disk: this.disk, clock: this.clock, seed: seed + 1_000 });
    return { authority, files, ledger: await openLedger({ authority, files, clock: this.clock }) };
  }
}

export interface MemoryProcess {
  readonly authority: MemoryAuthorityStore;
  readonly files: RecordFiles;
  readonly ledger: Ledger;
}

export const testStream = runStream(parseRunId("run-a"));

/** A small event; `mark` makes its key and data. */
export function testDraft(mark: string): EventDraft {
  return { kind: "RUN_RESUMED", key: `RUN_RESUMED/${mark}`, by: "user:ada", data: { reason: mark } };
}

export async function allEvents(events: AsyncIterable<LedgerEvent>): Promise<LedgerEvent[]> {
  const found: LedgerEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}
