import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonText } from "./json-text.ts";
import { logText } from "./log-text.ts";
import { plainLines, plainText } from "./plain-text.ts";
import { fitText, padText, textWidth } from "./text-width.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom("\u001b", "\r", "\n", "\t", "\u009b", "\u202e", "\u0007", "\ud800", "e\u0301", "失", "🎉", "a", " "),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
});

test("plain text is one line without control characters or lone surrogates, and making it plain again changes nothing", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const plain = plainText(text);
      expect(control.test(plain)).toBe(false);
      expect(plain.isWellFormed()).toBe(true);
      expect(plainText(plain)).toBe(plain);
    }),
  );
});

test("plain lines keep line ends and tabs only", () => {
  fc.assert(fc.property(hostile, (text) => !control.test(plainLines(text).replace(/[\n\t]/g, ""))));
  expect(plainLines("a\r\nb\rc\td")).toBe("a\nb\\rc\td");
});

test("a log in pieces gives the text of the whole log, wherever it is cut", () => {
  fc.assert(
    fc.property(hostile, fc.array(fc.nat(40), { maxLength: 6 }), (text, cuts) => {
      const bytes = new TextEncoder().encode(text);
      const pieces = logText();
      let out = "";
      let from = 0;
      for (const cut of cuts) {
        out += pieces.next(bytes.subarray(from, from + cut));
        from += cut;
      }
      expect(out + pieces.next(bytes.subarray(from)) + pieces.end()).toBe(plainLines(new TextDecoder().decode(bytes)));
    }),
  );
});

test("JSON output parses to the same value and drives no terminal", () => {
  fc.assert(
    fc.property(fc.jsonValue(), hostile, (value, text) => {
      const document = { value, text };
      const out = jsonText(document);
      expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify(document)));
      expect(control.test(out.replaceAll("\n", ""))).toBe(false);
    }),
  );
});

test("fitted text is never wider than asked, and text that fits is left alone", () => {
  fc.assert(
    fc.property(hostile.map(plainText), fc.integer({ min: -1, max: 40 }), (text, width) => {
      const fitted = fitText(text, width);
      expect(textWidth(fitted)).toBeLessThanOrEqual(Math.max(0, width));
      expect(fitted === text).toBe(text === "" || (width > 0 && textWidth(text) <= width));
      expect(textWidth(padText(fitted, width))).toBe(Math.max(width, textWidth(fitted)));
    }),
  );
});

test("wide characters and emoji count two cells, combining marks none", () => {
  expect(["a", "失", "🎉", "e\u0301", "한", "❤️", "\u200b", ""].map(textWidth)).toEqual([1, 2, 2, 1, 2, 2, 0, 0]);
});
