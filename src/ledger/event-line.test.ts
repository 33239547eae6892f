import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { digestBytes, taggedDigest } from "../base/digest.ts";
import { parseRunId, runStream } from "../contracts/ids.ts";
import { decodeEvent, decodeLine, encodeEvent, type EventEnvelope } from "./event-line.ts";
import { verifyRecordBytes } from "./verify-record.ts";

const root = join(import.meta.dirname, "../..");
const foreign = join(root, "../shared/fixtures/golden/record-v1.jsonl");
const own = join(root, "test/golden/record-v1/record.jsonl");

const event: EventEnvelope = {
  v: 1,
  stream: runStream(parseRunId("run-a")),
  seq: 3,
  prev: digestBytes("before"),
  token: 2,
  at: "2026-01-01T00:00:00.000Z",
  by: "user:ada",
  kind: "RUN_RESUMED",
  key: "RUN_RESUMED/1",
  data: { reason: "again" },
};
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
/** A line with a valid hash around whatever is inside. */
const hashed = (body: string): Uint8Array => bytesOf(`${body.slice(0, -1)},"hash":"${taggedDigest("event", body)}"}\n`);

/** Every line decodes, and encoding it again gives the same bytes. */
function checkVectors(bytes: Uint8Array): void {
  const facts = verifyRecordBytes(bytes);
  expect(facts.problems).toEqual([]);
  expect(facts.events).toBeGreaterThan(4);
  for (const line of new TextDecoder().decode(bytes).split("\n").slice(0, -1)) {
    const { envelope, hash } = decodeLine(bytesOf(`${line}\n`));
    expect(encodeEvent(envelope)).toEqual({ line: `${line}\n`, hash, byteLength: bytesOf(line).length + 1 });
  }
}

describe("event line", () => {
  it.skipIf(!existsSync(foreign))("writes the record of another implementation byte by byte (fixture absent: skipped)", () => {
    checkVectors(readFileSync(foreign));
  });

  it("writes the golden record byte by byte", () => {
    checkVectors(readFileSync(own));
  });

  it("decodes what it encoded, with and without the line end", () => {
    const { line, hash } = encodeEvent(event);
    expect(decodeEvent(bytesOf(line))).toEqual({ ...event, hash });
    expect(decodeEvent(bytesOf(line.slice(0, -1)))).toEqual({ ...event, hash });
  });

  it("orders members and leaves fractions of metrics as RFC 8785 prints them", () => {
    const { line } = encodeEvent({ ...event, data: { b: 0.1, a: 1e21, c: -0 } });
    expect(line).toContain('"data":{"a":1e+21,"b":0.1,"c":0}');
  });

  it("refuses data that has no canonical form", () => {
    expect(() => encodeEvent({ ...event, data: { a: Number.NaN } })).toThrow(expect.objectContaining({ code: "JSON_NOT_CANONICAL" }));
  });

  it("refuses a line whose bytes do not give its hash", () => {
    const { line } = encodeEvent(event);
    expect(() => decodeEvent(bytesOf(line.replace("again", "Again")))).toThrow(expect.objectContaining({ code: "LEDGER_HASH_MISMATCH" }));
  });

  it("refuses a kind that this version does not know as a newer format", () => {
    const { line } = encodeEvent({ ...event, kind: "RUN_TELEPORTED" });
    expect(decodeLine(bytesOf(line)).envelope.kind).toBe("RUN_TELEPORTED");
    expect(() => decodeEvent(bytesOf(line))).toThrow(expect.objectContaining({ code: "LEDGER_KIND_UNKNOWN" }));
    expect(() => decodeEvent(hashed('{"v":2}'))).toThrow(expect.objectContaining({ code: "LEDGER_KIND_UNKNOWN" }));
  });

  it("refuses data that does not fit the schema of its kind", () => {
    const { line } = encodeEvent({ ...event, data: { reason: 1 } });
    expect(() => decodeEvent(bytesOf(line))).toThrow(expect.objectContaining({ code: "LEDGER_EVENT_INVALID" }));
  });

  const body = encodeEvent(event).line.slice(0, -83).concat("}");
  const cases: Readonly<Record<string, Uint8Array>> = {
    nothing: bytesOf("\n"),
    "no hash": bytesOf(`${body}\n`),
    "hash in upper case": bytesOf(encodeEvent(event).line.replace(/sha256:[0-9a-f]{64}"\}\n$/, (tail) => tail.toUpperCase().replace("SHA256", "sha256"))),
    "no brace": bytesOf(encodeEvent(event).line.replace("}\n", "]\n")),
    "bytes that are no UTF-8": Uint8Array.of(0xff, 0x0a),
    "a space": hashed(body.replace('"by":', '"by": ')),
    "members in another order": hashed(`${body.slice(0, -1).replace('"at":"2026-01-01T00:00:00.000Z",', "")},"at":"2026-01-01T00:00:00.000Z"}`),
    "an escape that is not needed": hashed(body.replace("again", "\\u0061gain")),
    "a member too many": hashed(body.replace('"v":1}', '"v":1,"x":1}')),
    "the same member twice": hashed(body.replace('"v":1}', '"v":1,"v":1}')),
    "a member of data twice": hashed(body.replace('"reason":"again"', '"reason":"again","reason":"again"')),
    "a member too few": hashed(body.replace('"by":"user:ada",', "")),
    "a negative sequence": hashed(body.replace('"seq":3', '"seq":-3')),
    "a fractional sequence": hashed(body.replace('"seq":3', '"seq":3.5')),
    "a token that is a text": hashed(body.replace('"token":2', '"token":"2"')),
    "a short prev": hashed(body.replace(/"prev":"sha256:[0-9a-f]+"/, '"prev":"sha256:00"')),
    "a stream with a path in it": hashed(body.replace("run/run-a", "run/../x")),
    "a stream that is no text": hashed(body.replace('"run/run-a"', "1")),
    "a kind in lower case": hashed(body.replace('"kind":"RUN_RESUMED"', '"kind":"run_resumed"')),
    "data that is no object": hashed(body.replace('{"reason":"again"}', "[]")),
    "no data": hashed(body.replace('"data":{"reason":"again"},', "")),
    "a prototype key": hashed(body.replace('"reason"', '"__proto__"')),
    "an unsafe number": hashed(body.replace('"again"', "9007199254740993")),
    "a lone surrogate": hashed(body.replace("again", "\\ud800")),
    "no JSON": hashed("x}"),
    "an infinite number": hashed(body.replace('"again"', "1e999")),
  };
  it.each(Object.entries(cases))("refuses %s", (_, line) => {
    expect(() => decodeLine(line)).toThrow(expect.objectContaining({ code: "LEDGER_LINE_INVALID" }));
  });
});
