import { describe, expect, test } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import type { JsonValue } from "./json-value.ts";

/** A list inside lists, `levels` deep. */
function nested(levels: number): JsonValue {
  let value: JsonValue = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

/** As a value that came past the compiler, for instance from JavaScript. */
function unchecked(value: unknown): JsonValue {
  return value as JsonValue;
}

describe("canonicalJson", () => {
  test("writes minus zero as 0 and takes integers up to 2^53-1 only", () => {
    expect(canonicalJson([-0, 2 ** 53 - 1, -(2 ** 53 - 1)])).toBe("[0,9007199254740991,-9007199254740991]");
    for (const number of [2 ** 53, -(2 ** 53), 0.5, 1e300]) expect(() => canonicalJson([number])).toThrow(/is not an integer within .* at \/0/);
  });

  test("takes other finite numbers only where a caller allows fractions", () => {
    expect(canonicalJson([0.5, 1e21, 1e-7], { fractions: true })).toBe("[0.5,1e+21,1e-7]");
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => canonicalJson(number, { fractions: true })).toThrow(/at the root/);
  });

  test("takes objects without a prototype", () => {
    expect(canonicalJson(Object.assign(Object.create(null), { b: 1, a: true }))).toBe('{"a":true,"b":1}');
  });

  test("goes 64 levels deep and no further", () => {
    expect(canonicalJson(nested(64))).toBe("[".repeat(64) + "]".repeat(64));
    expect(() => canonicalJson(nested(65))).toThrow(/deeper than 64 levels/);
  });

  test.each([
    ["undefined", undefined, ""],
    ["undefined in a member, which is never left out", { a: { b: undefined } }, "/a/b"],
    ["a hole of a list", [1, undefined], "/1"],
    ["a function", { f: () => 1 }, "/f"],
    ["a symbol", [Symbol("s")], "/0"],
    ["a bigint", { n: 1n }, "/n"],
    ["a date", { at: new Date(0) }, "/at"],
    ["a map", new Map(), ""],
    ["bytes", { bytes: new Uint8Array(1) }, "/bytes"],
    ["the key __proto__", { a: JSON.parse('{"__proto__":1}') as unknown }, "/a"],
    ["the key constructor", { constructor: 1 }, ""],
    ["the key prototype", { prototype: 1 }, ""],
    ["a lone surrogate", ["\ud800"], "/0"],
    ["a lone surrogate in a key", { a: { "\udc00": 1 } }, "/a"],
  ])("JSON_NOT_CANONICAL: refuses %s and says where", (_, value, pointer) => {
    expect(() => canonicalJson(unchecked(value))).toThrow(expect.objectContaining({ code: "JSON_NOT_CANONICAL", details: { pointer } }));
  });
});
