import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import type { JsonValue } from "./json-value.ts";
import { parseJson } from "./parse-json.ts";

const refusedNames = new Set(["__proto__", "constructor", "prototype"]);
const anyText = fc.string({ unit: "grapheme", maxLength: 8 });
const edgeText = fc.constantFrom("", "\u0000", "\u001f", "\u007f", "\u2028", "\ud83d\ude00", "\ufb33", "\u00e9", "e\u0301", '"', "\\", "/", "\ufeff");
const keyText = fc
  .oneof(anyText, edgeText, fc.integer({ min: -2, max: 200 }).map(String), fc.constantFrom("01", "4294967295", "1e3"))
  .filter((key) => !refusedNames.has(key));
const integer = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -0, 1, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER));
const number = fc.oneof(integer, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(1e21, 1e-7, 5e-324, Number.MAX_VALUE, 0.1 + 0.2));

const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, false),
    number,
    anyText,
    edgeText,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(keyText, tie("value"), { maxKeys: 6, noNullPrototype: false }),
  ),
}));

/** The same document with the members of every object in another order of insertion. */
function reversed(document: JsonValue): JsonValue {
  if (Array.isArray(document)) return document.map(reversed);
  if (typeof document !== "object" || document === null) return document;
  return Object.fromEntries(
    Object.entries(document)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

describe("canonical JSON of any document", () => {
  test("is byte for byte what the canonicalize library writes", () => {
    fc.assert(
      fc.property(value, (document) => {
        expect(canonicalJson(document, { fractions: true })).toBe(canonicalize(document));
      }),
      { numRuns: 1_000 },
    );
  });

  test("does not depend on the order in which members were put in", () => {
    fc.assert(
      fc.property(value, (document) => {
        expect(canonicalJson(reversed(document), { fractions: true })).toBe(canonicalJson(document, { fractions: true }));
      }),
    );
  });

  test("is strict JSON, and reading it and writing it again changes nothing", () => {
    fc.assert(
      fc.property(value, (document) => {
        const text = canonicalJson(document, { fractions: true });
        expect(canonicalJson(parseJson(text), { fractions: true })).toBe(text);
      }),
    );
  });

  test("orders keys by their UTF-16 code units, so an astral key comes before U+FB33", () => {
    fc.assert(
      fc.property(fc.uniqueArray(keyText, { minLength: 1, maxLength: 12 }), (keys) => {
        const text = canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])));
        const written = [...text.matchAll(/"((?:[^"\\]|\\.)*)":0/g)].map((match) => JSON.parse(`"${match[1]}"`) as string);
        expect(written).toEqual([...keys].sort());
      }),
    );
    expect(canonicalJson({ "\ufb33": 1, "\ud83d\ude00": 2, "9": 3, "10": 4 })).toBe('{"10":4,"9":3,"\ud83d\ude00":2,"\ufb33":1}');
  });
});
