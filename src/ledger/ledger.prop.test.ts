import fc from "fast-check";
import { expect, it } from "vitest";
import { parseRunId, runStream } from "../contracts/ids.ts";
import { SeededTurns } from "../adapters/memory/seeded-turns.ts";
import { allEvents, MemoryWorkspace, testDraft } from "../testkit/memory-workspace.ts";
import { verifyStream } from "./verify-stream.ts";

const streams = ["a", "b"].map((id) => runStream(parseRunId(id)));

/** Appends at random, settles at random, and loses power at random moments; what was acknowledged is compared with what is there. */
async function live(seed: number, lives: number): Promise<void> {
  const workspace = new MemoryWorkspace(seed);
  const turns = new SeededTurns(workspace.clock, seed);
  const acknowledged = new Map(streams.map((stream) => [stream, [] as string[]]));
  let mark = 0;
  for (let life = 0; life < lives; life++) {
    const { ledger, authority } = await workspace.open();
    const pending: Promise<unknown>[] = [];
    for (const stream of streams) {
      const writer = await ledger.openWriter(stream, { token: 0 });
      for (let count = turns.next(6); count > 0; count--) {
        if (turns.next(8) === 0) authority.journal.failNextCommit("STORAGE_FAILED", turns.next(2) === 1);
        const drafts = Array.from({ length: 1 + turns.next(3) }, () => testDraft(`${mark++}`));
        pending.push(
          writer.append(drafts).then(
            (events) => acknowledged.get(stream)?.push(...events.map((event) => event.key)),
            () => undefined,
          ),
        );
        if (turns.next(3) === 0) pending.push(ledger.settle().catch(() => undefined));
        await turns.pause();
      }
    }
    await Promise.all(turns.next(2) === 0 ? pending : pending.slice(0, 1));
    workspace.powerCut((below) => turns.next(below));
    await Promise.all(pending);
    workspace.powerCut((below) => turns.next(below));
  }
  const { ledger } = await workspace.open();
  for (const stream of streams) {
    const keys = (await allEvents(ledger.readStream(stream))).map((event) => event.key);
    const wanted = acknowledged.get(stream) ?? [];
    expect(wanted.filter((key) => !keys.includes(key))).toEqual([]);
    expect(new Set(keys).size).toBe(keys.length);
    await ledger.openWriter(stream, { token: 0 });
    expect((await verifyStream(ledger, stream)).problems).toEqual([]);
  }
}

it("L1 L2 L5: whatever crashes, no acknowledged event is lost or doubled and every record verifies", async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 1, max: 4 }), live), { numRuns: 60, examples: [[680_671, 2]] });
});
