import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { JsonValue } from "../base/json-value.ts";
import { reportIssues, valueAt } from "./structure-problems.ts";
import { membersAt } from "./workflow-document.ts";

/** What is reported for a value that does not fit: path, message, and what may have been meant. */
function reported(schema: z.ZodType, value: JsonValue): readonly (readonly [string, string, unknown])[] {
  const parsed = schema.safeParse(value);
  const found: (readonly [string, string, unknown])[] = [];
  if (!parsed.success)
    reportIssues(
      parsed.error.issues,
      value,
      () => null,
      (path, message, suggestion) => found.push([path.join("."), message, suggestion?.known]),
    );
  return found;
}

describe("what zod found, in words", () => {
  test.each<[z.ZodType, JsonValue, string]>([
    [z.object({ a: z.string() }), {}, "is missing"],
    [z.object({ a: z.string() }), { a: 7 }, "must be a text (quote it), not 7"],
    [z.object({ a: z.array(z.string()) }), { a: {} }, "must be a list, not {}"],
    [z.object({ a: z.record(z.string(), z.string()) }), { a: [] }, "must be a map, not []"],
    [z.object({ a: z.object({}) }), { a: "x" }, 'must be a map, not "x"'],
    [z.object({ a: z.boolean() }), { a: "yes" }, 'must be true or false, not "yes"'],
    [z.object({ a: z.int() }), { a: 0.5 }, "must be an integer, not 0.5"],
    [z.object({ a: z.number() }), { a: null }, "must be a number, not null"],
    [z.object({ a: z.enum(["x", "y"]) }), { a: "z" }, 'must be "x" or "y", not "z"'],
    [z.object({ a: z.literal(1, { error: "the version is 1" }) }), { a: 2 }, "must be 1, not 2 (the version is 1)"],
    [z.object({ a: z.string().regex(/^b/, { error: "is no b" }) }), { a: "x" }, '"x" is no b'],
    [z.object({ a: z.number().min(2) }), { a: 1 }, "1 is too small or short: at least 2"],
    [z.object({ a: z.array(z.number()).max(1) }), { a: [1, 2] }, "[1,2] is too large or long: at most 1"],
    [z.object({ a: z.number().refine((value) => value !== 1, { error: "is one" }) }), { a: 1 }, "is one"],
    [z.object({ a: z.record(z.string().regex(/^k/, { error: "is no key" }), z.number()) }), { a: { x: 1 } }, 'the name "x" is no key'],
    [z.object({ a: z.strictObject({}) }), { a: { extra: 1 } }, 'unknown member "extra"'],
    [z.object({ a: z.literal(1) }), { a: "long ".repeat(40) }, `must be 1, not "${"long ".repeat(15)}l...`],
  ])("%#: says what must be and what is", (schema, value, message) => {
    expect(reported(schema, value).map(([, text]) => text)).toEqual([message]);
  });

  test("suggests what may stand there for a wrong word, not for a wrong number", () => {
    expect(reported(z.object({ a: z.enum(["run", "shell"]) }), { a: "rn" })).toEqual([["a", expect.any(String), ["run", "shell"]]]);
    expect(reported(z.object({ a: z.literal(1) }), { a: 2 })[0]?.[2]).toBeUndefined();
  });

  test("an unknown member where any name may stand has no suggestion", () => {
    expect(reported(z.strictObject({}), { extra: 1 })).toEqual([["extra", 'unknown member "extra"', []]]);
  });
});

describe("valueAt", () => {
  test("follows members and items, and finds nothing beyond what is there", () => {
    const value = { a: [{ b: 1 }] };
    expect([valueAt(value, []), valueAt(value, ["a", 0, "b"]), valueAt(value, ["a", 1]), valueAt(value, ["a", 0, "b", "c"])]).toEqual([
      value,
      1,
      undefined,
      undefined,
    ]);
    expect(valueAt(value, ["toString"])).toBeUndefined();
  });
});

describe("membersAt", () => {
  test.each<[readonly PropertyKey[], string | null]>([
    [[], "workflow"],
    [["steps"], null],
    [["steps", "a"], "needs"],
    [["steps", "a", "retry"], "backoff"],
    [["steps", "a", "outputs"], null],
    [["steps", "a", "outputs", "o"], "glob"],
    [["steps", "a", "effects", 0], "category"],
    [["steps", "a", "gates", 0], "required"],
    [["steps", "a", "gates", 0, "hash"], "law"],
    [["steps", "a", "gates", 0, "approval"], "expires"],
    [["steps", "a", "gates", 0, "env"], null],
    [["steps", "a", "env"], null],
    [["gates", 0], "required"],
    [["gates", 0, "hash"], "law"],
    [["routes", 0], "when"],
    [["routes", 0, "when"], "violation"],
    [["routes", 0, "do"], "goto"],
    [["inputs", "i"], "file"],
    [["inputs"], null],
    [["policy"], "tools"],
    [["policy", "write"], "deny"],
    [["defaults"], "timeout"],
    [["defaults", "retry"], "backoff"],
    [["params", "p"], null],
  ])("at %j knows %s", (path, member) => {
    const members = membersAt(path);
    if (member === null) expect(members?.includes("") ?? null).toBeNull();
    else expect(members).toContain(member);
  });
});
