import fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { taggedDigest } from "../base/digest.ts";
import { parseRunId, runStream, workspaceStream } from "../contracts/ids.ts";
import { encodeEvent } from "./event-line.ts";
import { linkOf } from "./chain-reader.ts";
import { problemsMax, RecordVerifier, verifyRecordBytes } from "./verify-record.ts";

const golden = readFileSync(join(import.meta.dirname, "../../test/golden/record-v1/record.jsonl"));
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const lines = new TextDecoder().decode(golden).split("\n").slice(0, -1);
const codesOf = (text: string): readonly string[] => verifyRecordBytes(bytesOf(text)).problems.map(({ code }) => code);
const rehashed = (line: string): string => {
  const body = `${line.slice(0, -82)}}`;
  return `${line.slice(0, -82)},"hash":"${taggedDigest("event", body)}"}`;
};

describe("record verifier", () => {
  it("gives events, head, length and heads asked for, whatever the pieces are", () => {
    const whole = verifyRecordBytes(golden, { headsAt: new Set([1, 6, 7]) });
    expect(whole).toMatchObject({ events: lines.length, bytes: golden.length, problems: [] });
    expect([...whole.heads.keys()]).toEqual([1, 6]);
    expect(whole.heads.get(6)).toBe(whole.head);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sizes) => {
        const verifier = new RecordVerifier({ headsAt: new Set([1, 6, 7]) });
        for (let at = 0, turn = 0; at < golden.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          verifier.push(golden.subarray(at, at + size));
          at += size;
        }
        expect(verifier.end()).toEqual(whole);
      }),
    );
  });

  it("L1: counts past a further digit and another token, and finds a line that was hashed anew with any member of its end changed", () => {
    const long: string[] = [];
    for (let seq = 0, prev: ReturnType<typeof encodeEvent>["hash"] | null = null; seq < 112; seq++) {
      const at = "2026-01-01T00:00:00.000Z";
      const stream = runStream(parseRunId("run_1"));
      const line = encodeEvent({
        v: 1,
        stream,
        seq,
        prev,
        token: seq < 50 ? 1 : 12,
        at,
        by: "user:x",
        kind: "RUN_RESUMED",
        key: `k/${seq}`,
        data: { reason: "" },
      });
      long.push(line.line.slice(0, -1));
      prev = line.hash;
    }
    expect(codesOf(`${long.join("\n")}\n`)).toEqual([]);
    const changes: readonly (readonly [RegExp, string])[] = [
      [/"seq":\d+/, '"seq":0'],
      [/"prev":"sha256:./, '"prev":"sha256:z'],
      [/"stream":"run\/run_1/, '"stream":"run/run_2'],
      [/"v":1/, '"v":2'],
    ];
    for (const at of [9, 10, 30, 50, 51, 99, 100, 111]) {
      for (const [member, text] of changes) {
        const changed = long.map((line, index) => (index === at ? rehashed(line.replace(member, text)) : line));
        expect(verifyRecordBytes(bytesOf(`${changed.join("\n")}\n`)).problems[0]?.line, `${text} at ${at}`).toBe(at + 1);
      }
    }
  });

  it("finds an empty record empty", () => {
    expect(verifyRecordBytes(new Uint8Array(0))).toMatchObject({ events: 0, head: null, bytes: 0, problems: [] });
  });

  it("L1: finds every change of a single byte, in the right line", () => {
    let line = 0;
    for (let at = 0; at < golden.length; at++) {
      for (const mask of [1, 0x20, 0x80]) {
        const changed = Uint8Array.from(golden);
        changed[at] = (changed[at] ?? 0) ^ mask;
        expect(verifyRecordBytes(changed).problems[0]?.line, `byte ${at} xor ${mask}`).toBe(line + 1);
      }
      if (golden[at] === 0x0a) line++;
    }
  });

  it("L1: finds a record cut at any byte that is not the end of a line", () => {
    for (let end = 1; end < golden.length; end++) {
      const whole = golden[end - 1] === 0x0a;
      expect(verifyRecordBytes(golden.subarray(0, end)).problems.length === 0).toBe(whole);
    }
  });

  it("L1: finds lines left out, doubled, exchanged or brought from another record, also with hashes made anew", () => {
    const [first = "", second = "", third = "", ...rest] = lines;
    const text = (...of: string[]): string => `${[...of, ...rest].join("\n")}\n`;
    expect(codesOf(text(first, third))).toContain("LEDGER_CHAIN_BROKEN");
    expect(codesOf(text(first, second, second, third))).toContain("LEDGER_CHAIN_BROKEN");
    expect(codesOf(text(first, third, second))).toContain("LEDGER_CHAIN_BROKEN");
    expect(codesOf(text(second, third))).toContain("LEDGER_CHAIN_BROKEN");
    expect(codesOf(text(first, rehashed(second.replace("system:runner", "system:Runner")), third))).toEqual(["LEDGER_CHAIN_BROKEN"]);
    expect(codesOf(text(first, rehashed(second.replace("00000000002a", "00000000002b")), third))[0]).toBe("LEDGER_CHAIN_BROKEN");
    expect(codesOf(text(rehashed(first.replace('"prev":null', `"prev":"sha256:${"0".repeat(64)}"`)), second, third))[0]).toBe("LEDGER_CHAIN_BROKEN");
    expect(codesOf(text(first, rehashed(second.replace(/"prev":"sha256:[0-9a-f]{64}"/, '"prev":null')), third))[0]).toBe("LEDGER_CHAIN_BROKEN");
    expect(codesOf(text(first, rehashed(second.replace('"token":1', '"token":x')), third))[0]).toBe("LEDGER_LINE_INVALID");
    expect(codesOf(text(first, rehashed(second.replace('"seq":1', '"seq":')), third))[0]).toBe("LEDGER_LINE_INVALID");
    expect(codesOf(text(first, rehashed(second.replace('"stream":"', '"Stream":"')), third))[0]).toBe("LEDGER_LINE_INVALID");
    expect(codesOf(text(first, rehashed(second.replace(/"stream":"[^"]+"/, `"stream":"${"x".repeat(200)}"`)), third))[0]).toBe("LEDGER_LINE_INVALID");
    expect(codesOf(text(first, rehashed('{"token":1,"v":1}'), third))[0]).toBe("LEDGER_LINE_INVALID");
  });

  it("names another stream than the one that was asked for", () => {
    const facts = verifyRecordBytes(golden, { stream: workspaceStream });
    expect(facts.problems[0]).toMatchObject({ line: 1, offset: 0, code: "LEDGER_CHAIN_BROKEN" });
  });

  it("bounds how many problems it keeps", () => {
    expect(verifyRecordBytes(bytesOf("x\n".repeat(1_000))).problems).toHaveLength(problemsMax);
  });

  it("agrees with the link reader on every line", () => {
    for (const line of lines) expect(linkOf(bytesOf(`${line}\n`)).hash).toBe(line.slice(-73, -2));
    expect(() => linkOf(bytesOf("x\n"))).toThrow(expect.objectContaining({ code: "LEDGER_LINE_INVALID" }));
    expect(() => linkOf(Uint8Array.of(0xff))).toThrow(expect.objectContaining({ code: "LEDGER_LINE_INVALID" }));
    expect(() => linkOf(bytesOf(`${lines[1]?.replace("system", "System") ?? ""}\n`))).toThrow(expect.objectContaining({ code: "LEDGER_HASH_MISMATCH" }));
  });

  it("holds for records of any length and content", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            by: fc.string({ unit: "grapheme", minLength: 1 }),
            data: fc.dictionary(
              fc.string({ unit: "grapheme" }).filter((key) => !["__proto__", "constructor", "prototype"].includes(key)),
              fc.string({ unit: "grapheme" }),
            ),
          }),
          { maxLength: 12 },
        ),
        (drafts) => {
          let prev: ReturnType<typeof encodeEvent>["hash"] | null = null;
          let text = "";
          drafts.forEach(({ by, data }, seq) => {
            const encoded = encodeEvent({
              v: 1,
              stream: runStream(parseRunId("run-a")),
              seq,
              prev,
              token: seq,
              at: "2026-01-01T00:00:00.000Z",
              by,
              kind: "ANY",
              key: `k${seq}`,
              data,
            });
            prev = encoded.hash;
            text += encoded.line;
          });
          expect(verifyRecordBytes(bytesOf(text))).toMatchObject({ events: drafts.length, head: prev, problems: [] });
        },
      ),
    );
  });
});
