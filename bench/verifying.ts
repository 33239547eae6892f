/** Checking a long record from its file, against hashing the same lines without looking at them. */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../src/base/digest.ts";
import type { StreamId } from "../src/contracts/ids.ts";
import { decodeEvent, encodeEvent } from "../src/ledger/event-line.ts";
import { LineSplitter } from "../src/ledger/line-splitter.ts";
import { RecordVerifier } from "../src/ledger/verify-record.ts";
import { spread, takeTurns } from "./measure.ts";
import { type Bench, figure, row } from "./row.ts";

/** A record as 1,000-fold runs leave them: starts and ends of steps. */
export function writeRecord(path: string, events: number): Digest | null {
  const fd = openSync(path, "w");
  let prev: Digest | null = null;
  let lines: string[] = [];
  for (let seq = 0; seq < events; seq++) {
    const step = `s${seq >> 1}`;
    const started = seq % 2 === 0;
    const kind = started ? "STEP_STARTED" : "STEP_COMPLETED";
    const data = started
      ? { step_id: step, attempt: 1, cause: "ready", inputs: [] }
      : { step_id: step, attempt: 1, outputs: {}, artifacts: [], logs: [], duration_ms: 1, executor: { kind: "module" } };
    const stream = "run/bench" as StreamId;
    const event = encodeEvent({ v: 1, stream, seq, prev, token: 1, at: "2026-01-01T00:00:00.000Z", by: "user:bench", kind, key: `${kind}/${step}/1`, data });
    prev = event.hash;
    lines.push(event.line);
    if (lines.length < 10_000) continue;
    writeSync(fd, lines.join(""));
    lines = [];
  }
  writeSync(fd, lines.join(""));
  closeSync(fd);
  return prev;
}

function inPieces(path: string, use: (piece: Uint8Array) => void): void {
  const fd = openSync(path, "r");
  for (;;) {
    // As the record files on disk read.
    const piece = Buffer.allocUnsafeSlow(256 * 1024);
    const count = readSync(fd, piece);
    if (count === 0) break;
    use(piece.subarray(0, count));
  }
  closeSync(fd);
}

export const verifying: Bench = async ({ dir, quick }) => {
  const events = quick ? 60_000 : 300_000;
  const path = join(dir, "record.jsonl");
  const head = writeRecord(path, events);
  const floor = (): void => {
    const bytes = readFileSync(path);
    let lines = 0;
    for (let start = 0; start < bytes.length; lines++) {
      const end = bytes.indexOf(0x0a, start);
      hash("sha256", bytes.subarray(start, end));
      start = end + 1;
    }
    assert.equal(lines, events);
  };
  const subject = (): void => {
    const verifier = new RecordVerifier();
    inPieces(path, (piece) => verifier.push(piece));
    const facts = verifier.end();
    assert.deepEqual(facts.problems, []);
    assert.equal(facts.events, events);
    assert.equal(facts.head, head);
  };
  const decoding = (): void => {
    const splitter = new LineSplitter(0);
    let lines = 0;
    inPieces(path, (piece) => {
      for (const line of splitter.push(piece)) {
        decodeEvent(line.bytes);
        lines++;
      }
    });
    assert.equal(lines, events);
  };
  requireFindsDamage(path, events);
  const times = await takeTurns(quick ? 5 : 7, { floor, subject, decoding });
  const rate = (values: readonly number[]): readonly number[] => values.map((ms) => (events / ms) * 1_000);
  return [
    row({
      name: "verify",
      title: `check of every hash, link and number in a record of ${events} events, from its file`,
      unit: "events/s",
      measured: rate(times.subject),
      floorName: "SHA-256 of every line, nothing compared",
      floor: rate(times.floor),
      // The stated 1 M events/s against 1.34 M without parsing.
      target: { bound: "at least", ratio: 1 / 1.34 },
      notes: [`strict parse, canonical form and schema of every line, which record verify adds: ${figure(spread(rate(times.decoding)).median)} events/s`],
    }),
  ];
};

/** A check that finds nothing wrong must be one that would. */
function requireFindsDamage(path: string, events: number): void {
  const bytes = readFileSync(path);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  const verifier = new RecordVerifier();
  verifier.push(bytes);
  const facts = verifier.end();
  assert.ok(facts.problems.length > 0 && facts.events <= events + 1);
}
