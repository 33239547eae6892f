import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base64Of, parseBase64 } from "./base64.ts";
import { digestBytes, documentDigest, hexOf, isDigest, parseDigest, sha256Raw, streamHasher, taggedDigest } from "./digest.ts";

const bytes = fc.uint8Array({ maxLength: 200 });
const nodeHex = (content: Uint8Array | string): string => createHash("sha256").update(content).digest("hex");

describe("a digest", () => {
  test("A1: of bytes is what sha256sum says, in one piece or in many", () => {
    fc.assert(
      fc.property(bytes, fc.nat({ max: 200 }), (content, cut) => {
        const hasher = streamHasher();
        hasher.update(content.subarray(0, cut));
        hasher.update(content.subarray(cut));
        expect(hasher.digest()).toBe(`sha256:${nodeHex(content)}`);
        expect(digestBytes(content)).toBe(`sha256:${nodeHex(content)}`);
        expect(Buffer.from(sha256Raw(content)).toString("hex")).toBe(hexOf(digestBytes(content)));
      }),
    );
  });

  test("under a tag is the digest of the tag line and the content, as text or as bytes", () => {
    const content = "caf\u00e9\n";
    const expected = `sha256:${nodeHex(`lily/plan/v1\n${content}`)}`;
    expect(taggedDigest("plan", content)).toBe(expected);
    expect(taggedDigest("plan", new TextEncoder().encode(content))).toBe(expected);
    expect(documentDigest("plan", { b: 0.5, a: 1 })).toBe(taggedDigest("plan", '{"a":1,"b":0.5}'));
  });

  test("of a plan is never the digest of a policy with the same content", () => {
    expect(documentDigest("plan", {})).not.toBe(documentDigest("policy", {}));
  });

  test.each(["", "sha256:", `sha256:${"A".repeat(64)}`, `sha256:${"a".repeat(63)}`, `sha256:${"a".repeat(65)}`, `md5:${"a".repeat(64)}`, "a".repeat(64)])(
    "ID_INVALID: refuses %j",
    (text) => {
      expect(isDigest(text)).toBe(false);
      expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: "ID_INVALID" }));
    },
  );

  test("is a string, and is taken as it is", () => {
    const digest = digestBytes("x");
    expect(parseDigest(digest)).toBe(digest);
    expect(isDigest(7)).toBe(false);
  });
});

describe("base64", () => {
  test("is what Node writes, and is read back", () => {
    fc.assert(
      fc.property(bytes, (content) => {
        const text = base64Of(content);
        expect(text).toBe(Buffer.from(content).toString("base64"));
        expect(parseBase64(text)).toEqual(content);
      }),
    );
  });

  test("a text that is not exactly what the writer writes is refused, so that no two texts mean the same bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."AQgw+/=-_ \n"), maxLength: 9 }), (text) => {
        if (Buffer.from(text, "base64").toString("base64") === text) expect(base64Of(parseBase64(text))).toBe(text);
        else expect(() => parseBase64(text)).toThrow(expect.objectContaining({ code: "ID_INVALID" }));
      }),
      { numRuns: 1_000 },
    );
  });
});
