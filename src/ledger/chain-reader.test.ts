import { describe, expect, it } from "vitest";
import { type Digest, digestBytes } from "../base/digest.ts";
import { parseRunId, runStream } from "../contracts/ids.ts";
import type { Journal } from "../ports/journal.ts";
import { allEvents, MemoryWorkspace, testStream } from "../testkit/memory-workspace.ts";
import { encodeEvent, type EventEnvelope } from "./event-line.ts";
import type { Ledger } from "./ledger.ts";
import { verifyStream } from "./verify-stream.ts";

type Change = (envelope: EventEnvelope) => EventEnvelope;

/** A ledger whose authority store committed three events, the second one changed before it was hashed. */
async function forged(change: Change, at = 1): Promise<Ledger> {
  const workspace = new MemoryWorkspace();
  let prev: Digest | null = null;
  let text = "";
  for (let seq = 0; seq < 3; seq++) {
    const envelope: EventEnvelope = {
      v: 1,
      stream: testStream,
      seq,
      prev,
      token: 0,
      at: "2026-01-01T00:00:00.000Z",
      by: "user:ada",
      kind: "RUN_RESUMED",
      key: `k${seq}`,
      data: { reason: "r" },
    };
    const encoded = encodeEvent(seq === at ? change(envelope) : envelope);
    prev = encoded.hash;
    text += encoded.line;
  }
  const bytes = new TextEncoder().encode(text);
  workspace.state.rows.push({ stream: testStream, fromSeq: 0, count: 3, offset: 0, bytes });
  workspace.state.heads.set(testStream, { head: { stream: testStream, size: 3, bytes: bytes.length, hash: prev }, change: 1 });
  return (await workspace.open()).ledger;
}

describe("chain reader", () => {
  const broken: Readonly<Record<string, readonly [Change, number]>> = {
    "another sequence": [(envelope) => ({ ...envelope, seq: 5 }), 1],
    "another event before": [(envelope) => ({ ...envelope, prev: digestBytes("other") }), 1],
    "no event before": [(envelope) => ({ ...envelope, prev: null }), 1],
    "an event before the first": [(envelope) => ({ ...envelope, prev: digestBytes("other") }), 0],
    "another stream": [(envelope) => ({ ...envelope, stream: runStream(parseRunId("other")) }), 1],
  };
  it.each(Object.entries(broken))("L1: refuses %s with valid hashes, decoded or passed over", async (_, [change, at]) => {
    const ledger = await forged(change, at);
    const refusal = { code: "LEDGER_CHAIN_BROKEN", details: { stream: testStream, line: at + 1 } };
    await expect(allEvents(ledger.readStream(testStream))).rejects.toMatchObject(refusal);
    await expect(allEvents(ledger.readStream(testStream, { fromSeq: 3 }))).rejects.toMatchObject(refusal);
    await expect(ledger.openWriter(testStream, { token: 0 })).rejects.toMatchObject({ code: "LEDGER_DAMAGED", details: { line: at + 1 } });
    expect((await verifyStream(ledger, testStream)).problems[0]).toMatchObject({ code: "LEDGER_CHAIN_BROKEN", line: at + 1 });
  });

  it("passes over a kind it does not know, and refuses to give it a meaning", async () => {
    const ledger = await forged((envelope) => ({ ...envelope, kind: "RUN_TELEPORTED" }));
    expect(await allEvents(ledger.readStream(testStream, { fromSeq: 2 }))).toHaveLength(1);
    await expect(allEvents(ledger.readStream(testStream))).rejects.toMatchObject({ code: "LEDGER_KIND_UNKNOWN" });
    await expect(ledger.openWriter(testStream, { token: 0 })).rejects.toMatchObject({ code: "LEDGER_KIND_UNKNOWN" });
    expect((await verifyStream(ledger, testStream)).problems).toMatchObject([{ code: "LEDGER_KIND_UNKNOWN", line: 2 }]);
  });

  it("L4: finds a committed head that the lines do not give", async () => {
    const ledger = await forged((envelope) => envelope);
    const head = await ledger.head(testStream);
    const inner = ledger.journal;
    const journal: Journal = {
      commit: (units) => inner.commit(units),
      head: async () => ({ ...head, hash: null }),
      changedSince: (since) => inner.changedSince(since),
      rows: (stream) => inner.rows(stream),
      trim: (stream, throughBytes) => inner.trim(stream, throughBytes),
      leaves: (from) => inner.leaves(from),
    };
    const facts = await verifyStream({ journal, files: ledger.files }, testStream);
    expect(facts.problems).toMatchObject([{ code: "LEDGER_DAMAGED", line: 4 }]);
    expect(facts.problems[0]?.message).toContain("with head none were committed");
  });
});
