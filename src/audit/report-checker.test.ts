import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Digest } from "../base/digest.ts";
import type { JsonObject } from "../base/json-value.ts";
import type { StreamId } from "../contracts/ids.ts";
import { encodeEvent } from "../ledger/event-line.ts";
import { verifyRecordBytes } from "../ledger/verify-record.ts";
import { reportChecker } from "./report-checker.ts";

const checker = reportChecker();

/** Lines of a record of these events. */
function linesOf(events: readonly { readonly kind: string; readonly data: JsonObject }[], stream = "run/r-1"): readonly string[] {
  const lines: string[] = [];
  let prev: Digest | null = null;
  for (const [seq, { kind, data }] of events.entries()) {
    const at = "2026-01-01T00:00:00.000Z";
    const { line, hash } = encodeEvent({ v: 1, stream: stream as StreamId, seq, prev, token: 1, at, by: "user:ada", kind, key: `${kind}/${seq}`, data });
    lines.push(line);
    prev = hash;
  }
  return lines;
}

function bytesOf(lines: readonly string[]): Uint8Array {
  return new TextEncoder().encode(lines.join(""));
}

const texts = ["plain", 'quote " and \\ and \u0000', "é 😀 \u2028", '","kind":"X","prev":null,"seq":0', "x".repeat(500)];
const sample = linesOf(texts.map((reason) => ({ kind: "RUN_RESUMED", data: { reason } })));

describe("SHA-256 of the page", () => {
  test("agrees with another implementation on bytes of every length around its blocks", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(checker.sha256(bytes)).toBe(createHash("sha256").update(bytes).digest("hex"));
      }),
    );
    for (let length = 0; length < 200; length++) {
      const bytes = new Uint8Array(length).fill(length);
      expect(checker.sha256(bytes)).toBe(createHash("sha256").update(bytes).digest("hex"));
    }
  });
});

describe("the check of the page", () => {
  test("L1: accepts what the ledger writes, and gives the lines and their hashes", () => {
    const { lines, hashes, problem, bytes } = checker.checkRecord(bytesOf(sample));
    expect(problem).toBeNull();
    expect(lines.map((line) => `${line}\n`)).toEqual(sample);
    expect(hashes.at(-1)).toBe(verifyRecordBytes(bytesOf(sample)).head);
    expect(bytes).toBe(bytesOf(sample).length);
  });

  test("L1: names the event of every single change, as the verifier of the ledger names its line", () => {
    const good = bytesOf(sample);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const changed = good.slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const event = good.subarray(0, at).filter((byte) => byte === 0x0a).length;
        expect(checker.checkRecord(changed).problem?.event).toBe(event);
        expect(verifyRecordBytes(changed).problems[0]?.line).toBe(event + 1);
      }),
      { numRuns: 400 },
    );
  });

  test.each([
    ["an event left out", sample.toSpliced(2, 1), 2, "the number 3 where 2 must be"],
    ["an event twice", sample.toSpliced(1, 0, sample[0] ?? ""), 1, "the number 0 where 1 must be"],
    ["a torn line at the end", [...sample, "{"], 5, "1 bytes that are not a whole line"],
    [
      "an event of another stream",
      [
        sample[0] ?? "",
        linesOf(
          [
            { kind: "A", data: {} },
            { kind: "B", data: {} },
          ],
          "run/r-2",
        )[1] ?? "",
      ],
      1,
      "does not name the event before it",
    ],
    ["no hash", ["{}\n"], 0, "does not end with a hash"],
    ["nothing", [], 0, "the record is empty"],
  ])("L1: finds %s", (_, lines, event, says) => {
    expect(checker.checkRecord(bytesOf(lines)).problem).toMatchObject({ event, message: expect.stringContaining(says) });
  });

  test("L1: an event that links but names another stream, or has no end of an event, is found", () => {
    const first = sample[0] ?? "";
    const prev = /"hash":"(sha256:[0-9a-f]{64})"}/.exec(first)?.[1] as Digest;
    const at = "2026-01-01T00:00:00.000Z";
    const foreign = encodeEvent({ v: 1, stream: "run/r-2" as StreamId, seq: 1, prev, token: 1, at, by: "user:ada", kind: "A", key: "A", data: {} });
    expect(checker.checkRecord(bytesOf([first, foreign.line])).problem?.message).toBe("it belongs to run/r-2, not to run/r-1");
    const hash = createHash("sha256").update('lily/event/v1\n{"a":1}').digest("hex");
    expect(checker.checkRecord(bytesOf([`{"a":1,"hash":"sha256:${hash}"}\n`])).problem?.message).toBe("its line does not end as an event of version 1 does");
  });

  test("a line that is not UTF-8 is found, and the kind of a damaged line is told where it can be read", () => {
    const bad = bytesOf(sample);
    bad[10] = 0xff;
    expect(checker.checkRecord(bad).problem).toEqual({ event: 0, kind: "RUN_RESUMED", message: "its line is not UTF-8 text" });
  });
});

describe("seals", () => {
  const event = (seq: number, kind: string, data: object = {}): { readonly seq: number; readonly kind: string; readonly data: object } => ({ seq, kind, data });
  const body = [
    event(0, "STEP_STARTED"),
    event(1, "ARTIFACT_STORED"),
    event(2, "GATE_PASSED"),
    event(3, "GATE_FAILED", { dry_run: true }),
    event(4, "STEP_REUSED"),
    event(5, "ROUTE_TAKEN"),
  ];
  const counts = { attempts: 1, artifacts: 1, gates: 1, reuses: 1, routes: 1, violations: 0, effects: 0, steps: 9 };

  test("a seal that counts what is before it is sound; dry runs count as nothing", () => {
    expect(checker.checkSeals([...body, event(6, "RUN_SEALED", { events: 6, counts })])).toBeNull();
  });

  test.each([
    [{ events: 5, counts }, "it seals 5 events, and 6 are before it"],
    [{ counts }, "it seals no events, and 6 are before it"],
    [{ events: 6, counts: { ...counts, gates: 2 } }, "it counts 2 gates, and 1 are before it"],
    [{ events: 6, counts: { ...counts, violations: 1 } }, "it counts 1 violations, and 0 are before it"],
  ])("an omission shows: %j", (data, message) => {
    expect(checker.checkSeals([...body, event(6, "RUN_SEALED", data)])).toEqual({ event: 6, kind: "RUN_SEALED", message });
  });
});
