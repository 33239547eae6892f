import { describe, expect, it } from "vitest";
import { canonicalJson } from "../base/canonical-json.ts";
import { sha256Hex } from "../base/digest.ts";
import { openEnvelope, sealEnvelope } from "./envelope-seal.ts";

const content = {
  schema_id: "report.v1",
  producer_id: "clean",
  producer_kind: "tool",
  created_at: "2026-01-02T03:04:05.000Z",
  inputs: [],
  payload: { b: 1, a: "\u20ac" },
} as const;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const sealedText = (): string => new TextDecoder().decode(sealEnvelope(content).bytes);

describe("envelope", () => {
  it("A2: is canonical, and its payload digest is that of the canonical payload", () => {
    const { envelope, bytes } = sealEnvelope(content);
    expect(envelope.meta.payload_sha256).toBe(sha256Hex('{"a":"\u20ac","b":1}'));
    expect(new TextDecoder().decode(bytes)).toBe(canonicalJson({ meta: envelope.meta, payload: content.payload }));
    expect(openEnvelope(bytes)).toEqual({ meta: envelope.meta, payload: content.payload });
  });

  it("A2: every flipped byte is refused", () => {
    const { bytes } = sealEnvelope(content);
    const payloadEnd = bytes.length;
    let refused = 0;
    for (let i = 0; i < payloadEnd; i++) {
      const damaged = bytes.slice();
      damaged[i] = (damaged[i] ?? 0) ^ 1;
      try {
        const opened = openEnvelope(damaged);
        // Facts of meta that no digest covers here are covered by the artifact's own digest.
        expect(opened.payload).toEqual(content.payload);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "ENVELOPE_INVALID" });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(payloadEnd / 2);
  });

  it.each([
    ["not JSON", () => "{"],
    ["a duplicate key", () => sealedText().replace('{"meta"', '{"meta":1,"meta"')],
    ["an array", () => "[]"],
    ["null", () => "null"],
    ["no payload", () => canonicalJson({ meta: {} })],
    ["no meta", () => canonicalJson({ payload: 1 })],
    ["a third member", () => sealedText().replace(/}$/, ',"x":1}')],
    ["white space", () => sealedText().replace(":", ": ")],
    ["an unknown member of meta", () => sealedText().replace('"created_at"', '"a":1,"created_at"')],
    ["an upper-case digest", () => sealedText().replace(/"payload_sha256":"[^"]*"/, (digest) => digest.toUpperCase())],
    ["another payload", () => sealedText().replace('"b":1', '"b":2')],
    ["a schema id without version", () => sealedText().replace("report.v1", "report")],
    ["an unknown kind of producer", () => sealedText().replace('"tool"', '"robot"')],
    ["a time with offset", () => sealedText().replace("05.000Z", "05.000+01:00")],
  ])("ENVELOPE_INVALID: refuses %s", (_what, make) => {
    expect(() => openEnvelope(encode(make()))).toThrow(expect.objectContaining({ code: "ENVELOPE_INVALID" }));
  });

  it("ENVELOPE_INVALID: refuses bytes that are not UTF-8", () => {
    expect(() => openEnvelope(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(expect.objectContaining({ code: "ENVELOPE_INVALID" }));
  });

  it("does not seal what it would not open", () => {
    expect(() => sealEnvelope({ ...content, schema_id: "Report" })).toThrow(expect.objectContaining({ code: "ENVELOPE_INVALID" }));
    expect(() => sealEnvelope({ ...content, payload: Number.POSITIVE_INFINITY })).toThrow(expect.objectContaining({ code: "JSON_NOT_CANONICAL" }));
  });
});
