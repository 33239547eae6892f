import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonOfText } from "./json-text.ts";
import { parseJson } from "./parse-json.ts";

const odd = ["\u0000", "\\", '"', "/", "\n", "é", "3", "a", "u", "\u0001", "0", "\u2028", "\u{1f600}"];
const key = fc.array(fc.constantFrom(...odd), { minLength: 0, maxLength: 4 }).map((parts) => parts.join(""));

/** What JSON.stringify wrote, with the keys as they were, told without an object. */
function written(keys: readonly string[]): string {
  return `{${keys.map((one, at) => `${JSON.stringify(one)}:${at}`).join(", ")}}`;
}

function readKeys(value: unknown): readonly string[] {
  return Object.entries(value ?? {})
    .sort(([, a], [, b]) => a - b)
    .map(([one]) => one);
}

describe("keys that are written with an escape", () => {
  test("come back as they were, whatever the process has read before", () => {
    fc.assert(
      fc.property(fc.uniqueArray(key, { minLength: 1, maxLength: 5 }), (keys) => {
        expect(readKeys(jsonOfText(written(keys)))).toEqual(keys);
        expect(readKeys(parseJson(written(keys)))).toEqual(keys);
      }),
      { numRuns: 20_000 },
    );
  });

  test("come back as they were after a backslash was a key", () => {
    const backslash = '{"\\\\":null,"35":null,"é":null}';
    for (let round = 0; round < 2_000; round++) {
      JSON.parse(backslash);
      for (const text of ['{"\\u0000":0}', '{"35":0,"\\u0000":1}', '[{"\\u0000":0,"35":1,"é":2}]'])
        expect(JSON.stringify(jsonOfText(text))).toContain("\\u0000");
    }
  });
});

describe("any JSON", () => {
  test("reads as JSON.parse reads it, where that is right", () => {
    fc.assert(
      fc.property(fc.json({ depthSize: "medium" }), fc.constantFrom("", "\n", " \t"), (text, space) => {
        const spaced = `${space}${text}${space}`;
        // An escaped key in front sends the text through the reader of our own.
        expect(JSON.stringify(jsonOfText(`{"\\n":${spaced}}`))).toBe(JSON.stringify({ "\n": jsonOfText(spaced) }));
      }),
    );
  });

  test.each([
    '{"\\n":}',
    '{"\\n":1',
    '{"\\n" 1}',
    '{"\\n":1,}',
    '{"\\n":[1,]}',
    '{"\\n":01}',
    '{"\\n":1}x',
    '{"\\n":tru}',
    '{"\\n',
    '{"\\q":1}',
    '{"\\n":"\n"}',
    '{,"\\n":1}',
  ])("%s is a SyntaxError", (text) => {
    expect(() => jsonOfText(text)).toThrow(SyntaxError);
  });

  test("__proto__ is a member like any other, and nesting has an end", () => {
    expect(Object.keys(Object(jsonOfText('{"\\n":1,"__proto__":2}')))).toEqual(["\n", "__proto__"]);
    expect(() => jsonOfText(`{"\\n":${"[".repeat(2_000)}${"]".repeat(2_000)}}`)).toThrow(SyntaxError);
  });
});
