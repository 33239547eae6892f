import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isLilyError } from "./lily-error.ts";
import { parseJson } from "./parse-json.ts";

/** What strict reading refuses although `JSON.parse` takes it. */
const stricter = /duplicate key|is refused|lone surrogate|number out of range|rounded/;

function parsedByLanguage(text: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}

/** Compares both readers on one text. */
function compare(text: string): void {
  const expected = parsedByLanguage(text);
  try {
    const value = parseJson(text);
    expect({ value }).toEqual(expected);
  } catch (thrown) {
    if (!isLilyError(thrown)) throw thrown;
    expect(thrown.code).toBe("JSON_INVALID");
    if (expected !== null) expect(thrown.message).toMatch(stricter);
  }
}

const space = fc.string({ unit: fc.constantFrom(" ", "\n", "\r", "\t"), maxLength: 2 });
const document = fc.json({ maxDepth: 4, stringUnit: "binary" });
const token = fc.constantFrom(...'{}[],:"\\-+.eE019 \n\u0000\u00a0tfn'.split(""), "true", "null", "\\u00e9", "\\ud800", "1e5", "-0", '"a":', '"a"');

describe("parseJson and JSON.parse", () => {
  test("agree on every document that has no key twice and no lone surrogate", () => {
    const keys = fc.string({ unit: "grapheme" }).filter((key) => !["__proto__", "constructor", "prototype"].includes(key));
    const value = fc.jsonValue({ stringUnit: "grapheme" }).filter((item) => !/"(?:__proto__|constructor|prototype)":/.test(JSON.stringify(item)));
    fc.assert(
      fc.property(fc.dictionary(keys, value, { noNullPrototype: true }), fc.constantFrom(0, 2), (members, indent) => {
        const text = JSON.stringify(members, null, indent);
        expect(parseJson(text)).toEqual(JSON.parse(text));
        expect(parseJson(new TextEncoder().encode(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  test("agree on texts that lost, gained or changed a piece, except where strictness is meant", () => {
    const change = fc.record({ at: fc.nat(), drop: fc.nat({ max: 3 }), put: fc.oneof(fc.constant(""), token, space) });
    fc.assert(
      fc.property(document, fc.array(change, { maxLength: 3 }), (text, changes) => {
        let changed = text;
        for (const { at, drop, put } of changes) {
          const start = at % (changed.length + 1);
          changed = changed.slice(0, start) + put + changed.slice(start + drop);
        }
        compare(changed);
      }),
      { numRuns: 2_000 },
    );
  });

  test("agree on texts put together from the tokens of JSON", () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 10 }), (tokens) => compare(tokens.join(""))),
      { numRuns: 2_000 },
    );
  });

  test("a number that no double holds is refused, one that is rounded is what JSON.parse gives", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.integer({ min: -400, max: 400 }), (digits, exponent) => {
        const text = `${digits}e${exponent}`;
        if (Number.isFinite(Number(text))) expect(parseJson(text)).toBe(Number(text));
        else expect(() => parseJson(text)).toThrow(/number out of range/);
      }),
    );
  });

  test("any bytes are either refused with a code or read as JSON.parse reads their text", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        try {
          expect(parseJson(bytes)).toEqual(JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)));
        } catch (thrown) {
          expect(isLilyError(thrown, "INPUT_NOT_UTF8", "JSON_INVALID") ? "refused" : thrown).toBe("refused");
        }
      }),
    );
  });
});
