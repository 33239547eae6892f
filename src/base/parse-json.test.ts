import { describe, expect, test } from "vitest";
import { defaultJsonLimits, type JsonLimits, parseJson } from "./parse-json.ts";

const encoder = new TextEncoder();
const limits = (changes: Partial<JsonLimits>): JsonLimits => ({ ...defaultJsonLimits, ...changes });

describe("parseJson", () => {
  test.each([
    ["nothing", "", "unexpected end", 1, 1],
    ["white space alone", " \n ", "unexpected end", 2, 2],
    ["a comma after the last item", "[1,]", "unexpected character", 1, 4],
    ["a comma after the last member", '{"a":1,}', "expected a key", 1, 8],
    ["a key without quotes", "{a:1}", "expected a key", 1, 2],
    ["a member without a colon", '{"a" 1}', "expected ':'", 1, 6],
    ["a list that does not end", "[1", "expected ']'", 1, 3],
    ["an object that does not end", '{"a":1', "expected '}'", 1, 7],
    ["a text after the value", "{}\n{}", "text after the end", 2, 1],
    ["a string without end", '["a', "string without end", 1, 4],
    ["a string that ends in its escape", '"a\\', "string without end", 1, 5],
    ["a line break in a string", '"a\nb"', "control character", 1, 3],
    ["an unknown escape", '["\\x41"]', "bad escape", 1, 2],
    ["a short unicode escape", '"\\u12"', "bad escape", 1, 1],
    ["a number with a leading zero", "01", "text after the end", 1, 2],
    ["a number with a plus", "+1", "unexpected character", 1, 1],
    ["NaN", "NaN", "unexpected character", 1, 1],
    ["a number beyond a double", "[1e999]", "number out of range", 1, 2],
    ["a byte order mark", "\ufeff{}", "unexpected character", 1, 1],
    ["a no-break space", "\u00a01", "unexpected character", 1, 1],
    ["a comment", "// x\n1", "unexpected character", 1, 1],
    ["a key twice", '{"a":1,\n"a":2}', 'duplicate key "a"', 2, 4],
    ["a key twice, once escaped", '{"a":1,"\\u0061":2}', 'duplicate key "a"', 1, 16],
    ["the key __proto__", '{"__proto__":{}}', "key __proto__ is refused", 1, 13],
    ["the key __proto__ in escapes", '[{"\\u005f_proto__":{}}]', "key __proto__ is refused", 1, 19],
    ["the key constructor", '{"constructor":1}', "key constructor is refused", 1, 15],
    ["the key prototype", '{"prototype":1}', "key prototype is refused", 1, 13],
    ["a lone surrogate in escapes", '"\\ud800"', "lone surrogate", 1, 9],
    ["a lone surrogate in a key", '{"\\udc00":1}', "lone surrogate", 1, 10],
    ["a lone surrogate as it is", '"\ud800"', "lone surrogate", 1, 4],
  ])("JSON_INVALID: refuses %s and says where", (_, text, why, line, column) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ code: "JSON_INVALID", message: expect.stringContaining(why), details: { line, column } }));
  });

  test("the same key may stand in different objects, and values may repeat", () => {
    expect(parseJson('[{"a":1},{"a":{"a":1}}]')).toEqual([{ a: 1 }, { a: { a: 1 } }]);
  });

  test("bytes and text are read alike, and pairs of surrogates are one character", () => {
    const text = '{"\\ud83d\\ude00":"\u{1f600}\u00e9"}';
    expect(parseJson(encoder.encode(text))).toEqual({ "\u{1f600}": "\u{1f600}\u00e9" });
    expect(parseJson(text)).toEqual(parseJson(encoder.encode(text)));
  });

  test.each([
    ["a byte that begins nothing", [0x22, 0xff, 0x22]],
    ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22]],
    ["an encoded surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["a character cut off", [0x22, 0xe2, 0x82, 0x22]],
  ])("INPUT_NOT_UTF8: refuses %s", (_, bytes) => {
    expect(() => parseJson(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: "INPUT_NOT_UTF8" }));
  });

  test("INPUT_TOO_LARGE: depth, keys and bytes are counted, and the limit itself still passes", () => {
    const tooLarge = expect.objectContaining({ code: "INPUT_TOO_LARGE" });
    expect(parseJson("[{}]", limits({ depthMax: 2 }))).toEqual([{}]);
    expect(() => parseJson('[{"a":[]}]', limits({ depthMax: 2 }))).toThrow(tooLarge);
    expect(() => parseJson("[".repeat(200_000))).toThrow(tooLarge);
    expect(parseJson('[{"a":1},{"b":1}]', limits({ keysMax: 2 }))).toEqual([{ a: 1 }, { b: 1 }]);
    expect(() => parseJson('[{"a":1},{"b":1,"c":1}]', limits({ keysMax: 2 }))).toThrow(tooLarge);
    expect(parseJson("[1]", limits({ bytesMax: 3 }))).toEqual([1]);
    expect(() => parseJson("[10]", limits({ bytesMax: 3 }))).toThrow(tooLarge);
  });
});

test("an integer that a double would round is refused, one that a double prints as it stands is not", () => {
  for (const text of ["9007199254740993", "-9007199254740993", "12345678901234567890", '[1,{"a":100000000000000000001}]']) {
    expect(() => parseJson(text)).toThrow(/would be rounded/);
  }
  for (const text of ["9007199254740991", "100000000000000000000", "-0", "12345678901234567000"]) expect(parseJson(text)).toBe(JSON.parse(text));
});
