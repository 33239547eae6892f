/**
 * Power cuts on a simulated disk: the real ledger over memory adapters that keep, at a cut, any subset of the writes that were not synced
 * and tear the last one. One life in ten is cut again while it recovers. Compared after each case: what was acknowledged, and every byte
 * of the record files.
 */
import { SeededTurns } from "../../src/adapters/memory/seeded-turns.ts";
import { parseRunId, runStream } from "../../src/contracts/ids.ts";
import { RecordVerifier } from "../../src/ledger/verify-record.ts";
import { allEvents, MemoryWorkspace, testDraft } from "../../src/testkit/memory-workspace.ts";
import { casesOf, type Figure, type FigureOptions, type FigureResult, Violations } from "./figure.ts";

const streams = ["a", "b"].map((id) => runStream(parseRunId(id)));

export const simdisk: Figure = {
  name: "simdisk",
  promise: "L1 L2 L5: whatever a disk keeps at a cut, the acknowledged events are recovered, once, and verify",
  missing: () => null,
  run: cutMany,
};

async function cutMany(options: FigureOptions): Promise<FigureResult> {
  const n = casesOf(options, 20_000, 1_000_000);
  const violations = new Violations();
  let states = 0;
  for (let seed = options.seed * 10_000_000; states < n && violations.count < 20; seed++) {
    const lives = 1 + (seed % 4);
    states += lives;
    await violations.try(`seed ${seed}`, () => live(seed, lives));
  }
  return { n: states, violations: violations.texts, note: "crash states of the ledger on a disk that loses and tears; one recovery in ten is cut too" };
}

async function live(seed: number, lives: number): Promise<void> {
  const workspace = new MemoryWorkspace(seed);
  const turns = new SeededTurns(workspace.clock, seed);
  const acknowledged = new Map(streams.map((stream) => [stream, new Map<number, string>()]));
  let mark = 0;
  for (let at = 0; at < lives; at++) {
    if (turns.next(10) === 0) await cutRecovery(workspace, turns);
    const { ledger } = await workspace.open();
    const pending: Promise<unknown>[] = [];
    for (const stream of streams) {
      const writer = await ledger.openWriter(stream, { token: 0 });
      for (let count = turns.next(4); count > 0; count--) {
        const drafts = Array.from({ length: 1 + turns.next(3) }, () => testDraft(`${mark++}`));
        const appended = writer.append(drafts).then((events) => {
          for (const { seq, hash } of events) acknowledged.get(stream)?.set(seq, hash);
        });
        pending.push(appended.catch(() => undefined));
        if (turns.next(3) === 0) pending.push(ledger.settle().catch(() => undefined));
      }
    }
    await (turns.next(3) === 0 ? Promise.all(pending) : turns.pause());
    workspace.powerCut((below) => turns.next(below));
    await Promise.all(pending);
  }
  await check(workspace, acknowledged);
}

/** The next process dies while it replays. */
async function cutRecovery(workspace: MemoryWorkspace, turns: SeededTurns): Promise<void> {
  const opening = workspace.open().catch(() => undefined);
  for (let count = turns.next(4); count > 0; count--) await workspace.clock.nextTurn();
  workspace.powerCut((below) => turns.next(below));
  await opening;
}

async function check(workspace: MemoryWorkspace, acknowledged: ReadonlyMap<(typeof streams)[number], ReadonlyMap<number, string>>): Promise<void> {
  const { ledger, files } = await workspace.open();
  for (const stream of streams) {
    const events = await allEvents(ledger.readStream(stream));
    for (const [seq, hash] of acknowledged.get(stream) ?? []) {
      if (events[seq]?.hash !== hash) throw new Error(`L2: event ${seq} of ${stream} was acknowledged and is not there`);
    }
    const keys = new Set(events.map((event) => event.key));
    if (keys.size !== events.length) throw new Error(`L5: a key of ${stream} is recorded twice`);
    await ledger.openWriter(stream, { token: 0 });
    await ledger.settle();
    const verifier = new RecordVerifier({ stream });
    verifier.push(await files.read(stream, 0, 1 << 24));
    const facts = verifier.end();
    if (facts.problems.length > 0 || facts.events !== events.length)
      throw new Error(`L1: the file of ${stream} holds ${facts.events} of ${events.length} events: ${facts.problems[0]?.message ?? "no problem named"}`);
  }
}
