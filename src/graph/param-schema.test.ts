import { describe, expect, test } from "vitest";
import type { JsonObject } from "../base/json-value.ts";
import { nearestName } from "./nearest-name.ts";
import { type ParamCheck, paramCompiler, resolveParams } from "./param-schema.ts";
import { slowPatternProblem } from "./slow-pattern.ts";

const evil = [
  "^(a+)+$",
  "(a*)*",
  "(a|aa)+",
  "(a|a?)+",
  "(.*a){20}",
  "(x+x+)+y",
  "([a-z]+)*$",
  "(\\w+\\s?)+$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(a+){10}",
  "((ab)*)*",
  "(?:a+)+b",
  "(a?){50}",
  "(?=a+)b",
  "(?<!a)b",
  "(?<n>a)",
  "(a)\\1",
  "\\k<n>",
  "a*a*a*a*b",
  "\\d+\\d+\\d+x",
  "[a-z]*[a-z]*[a-z]*!",
  "(\\p{L}+)*",
  "a{1,2000}",
  "(a|b)*",
  `${"a".repeat(257)}`,
  "(",
  "[z-a]",
  "(.*)(.*)(.*)x",
  "(a{2,}){3,}",
  "a{2,}b{2,}c{2,}",
  "a+a+$",
  "^a*b*c*$",
  "a?a?a?a?a?a?a?aaaaaaa",
  "(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)b",
  "a{0,20}a{0,20}b",
  "^a+b+|c",
];
const fine = [
  "^[a-z]+$",
  "^\\d{4}-\\d{2}-\\d{2}$",
  "^(a|b)$",
  "^https?://[^/]+/x$",
  "a{3}",
  "^(?:v)?\\d+$",
  "[\\]a]+",
  "\\p{L}+",
  "^$",
  "x|y|z",
  "a??",
  "^[a-z]{1,20}[0-9]*$",
  "^[a-z]+@[a-z]+$",
  "(feat|fix|docs)/[a-z]+",
];

async function compileParamSchema(name: string, schema: JsonObject): Promise<ParamCheck> {
  return (await paramCompiler())(name, schema);
}

describe("patterns in the schema of a parameter", () => {
  test.each(evil)("refuses %s", (pattern) => expect(slowPatternProblem(pattern)).not.toBeNull());
  test.each(fine)("accepts %s", (pattern) => expect(slowPatternProblem(pattern)).toBeNull());

  test("what is accepted ends soon on the texts that break backtracking engines", () => {
    for (const pattern of [...evil, ...fine].filter((candidate) => slowPatternProblem(candidate) === null)) {
      for (const unit of ["a", "1", "ab", "a1", "a@"]) new RegExp(pattern, "u").test(`${unit.repeat(1_000 / unit.length)}!`);
    }
  });
});

describe("paramCompiler", () => {
  test.each([
    ["$ref", { $ref: "#/$defs/x" }],
    ["$id", { $id: "http://x" }],
    ["a nested $dynamicRef", { properties: { a: { $dynamicRef: "#x" } } }],
    ["a pattern in a list", { anyOf: [{ pattern: "(a+)+" }] }],
    ["a slow pattern for names", { patternProperties: { "(a+)+": {} } }],
    ["an unknown keyword", { minimun: 1 }],
    ["a type that is none", { type: "int" }],
    ["a huge list", { enum: Array.from({ length: 20_000 }, (_, index) => `value ${index}`) }],
  ])("refuses %s, naming the param", async (_name, schema) => {
    await expect(compileParamSchema("year", schema)).rejects.toThrow(/param year/);
  });

  test("limits texts where a pattern is used, and only there", async () => {
    const long = "a".repeat(5_000);
    expect((await compileParamSchema("p", { type: "string", pattern: "^a+$" }))(long)).toContain("longer than 1024");
    expect((await compileParamSchema("p", { items: { pattern: "^a+$" } }))([long])).toContain("longer than 1024");
    expect((await compileParamSchema("p", { type: "string" }))(long)).toBeNull();
    expect((await compileParamSchema("p", { type: "string", pattern: "^a+$" }))("aaa")).toBeNull();
  });

  test("a param may allow several types; a text among them stays a text", async () => {
    expect(await resolveParams({ p: { type: ["string", "integer"] }, q: { type: ["integer", "null"] }, r: {} }, { p: "5", q: "null", r: "5" })).toEqual({
      p: "5",
      q: null,
      r: "5",
    });
  });

  test("hostile texts for a number are refused, not evaluated", async () => {
    for (const text of ["0x10", "1e999", " ", "1;2", "[1", "NaN", "1".repeat(400), "{}"]) {
      await expect(resolveParams({ p: { type: "integer" } }, { p: text })).rejects.toThrow(/param p/);
    }
    await expect(resolveParams({ p: {} }, JSON.parse('{"__proto__": 1}'))).rejects.toThrow(/__proto__/);
  });
});

describe("nearestName", () => {
  test.each([
    ["clen", ["clean", "cheese"], "clean"],
    ["claen", ["clean"], "clean"],
    ["CLEAN", ["clean"], "clean"],
    ["x", ["y"], null],
    ["wholly", ["different"], null],
    ["a".repeat(200), ["a".repeat(199)], null],
    ["same", ["same"], null],
    ["ab", [], null],
  ])("%s among %j is %s", (wanted, known, expected) => expect(nearestName(wanted, known)).toBe(expected));

  test("looks at a bounded number of names", () => {
    const names = Array.from({ length: 5_000 }, (_, index) => `zzzzzzzz${index}`);
    expect(nearestName("clen", [...names, "clean"])).toBeNull();
  });
});
