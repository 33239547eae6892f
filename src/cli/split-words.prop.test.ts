import fc from "fast-check";
import { expect, test } from "vitest";
import { isLilyError } from "../base/lily-error.ts";
import { shellQuote } from "./shell-quote.ts";
import { splitWords } from "./split-words.ts";

test("words that were quoted for a shell come back as they were", () => {
  const word = fc.string({ unit: "binary" }).filter((text) => text !== "");
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), (words) => {
      expect(splitWords(words.map(shellQuote).join(" "))).toEqual(words);
    }),
  );
});

test("any text is either refused or split into words, and the first is not empty", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab '\"\\$|&;<>`\t\n") }), (text) => {
      expect(firstWordOrCode(text)).not.toBe("");
    }),
  );
});

function firstWordOrCode(text: string): string | undefined {
  try {
    return splitWords(text)[0];
  } catch (thrown) {
    if (isLilyError(thrown, "USAGE_INVALID")) return thrown.code;
    throw thrown;
  }
}
