import { describe, expect, it } from "vitest";
import type { JsonObject } from "../base/json-value.ts";
import { checkCompatibility } from "./schema-compat.ts";

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({ type: "object", properties, ...more });
const text: JsonObject = { type: "string" };

const breaking: readonly (readonly [string, JsonObject, JsonObject, string])[] = [
  ["a required member becomes optional", object({ a: text }, { required: ["a"] }), object({ a: text }), "/properties/a"],
  ["a type is added", object({ a: text }), object({ a: { type: ["string", "null"] } }), "/properties/a/type"],
  ["a type is dropped", text, {}, "/type"],
  ["an integer becomes a number", { type: "integer" }, { type: "number" }, "/type"],
  ["a value joins an enum", { enum: ["a"] }, { enum: ["a", "b"] }, "/enum"],
  ["a constant becomes another", { const: 1 }, { const: 2 }, "/const"],
  ["a constant becomes open", { const: 1 }, { type: "integer" }, "/const"],
  ["unknown members are allowed", object({}, { additionalProperties: false }), object({}), "/additionalProperties"],
  [
    "a member is added where readers refuse unknown ones",
    object({}, { additionalProperties: false }),
    object({ b: text }, { additionalProperties: false }),
    "/properties/b",
  ],
  [
    "a member is added that does not fit the schema of the others",
    object({}, { additionalProperties: { type: "number" } }),
    object({ b: text }, { additionalProperties: { type: "number" } }),
    "/properties/b/type",
  ],
  ["a named member falls under open others", object({ a: text }), object({}), "/properties/a"],
  ["a lower bound falls", { type: "integer", minimum: 1 }, { type: "integer", minimum: 0 }, "/minimum"],
  ["an upper bound rises", { maxLength: 5 }, { maxLength: 6 }, "/maxLength"],
  ["a bound goes", { maxItems: 5 }, {}, "/maxItems"],
  ["a bound goes beside others", { type: "array", maxItems: 5 }, { type: "array" }, "/maxItems"],
  ["a multiple is finer", { multipleOf: 10 }, { multipleOf: 5 }, "/multipleOf"],
  ["items may repeat", { type: "array", uniqueItems: true }, { type: "array" }, "/uniqueItems"],
  ["items are wider", { type: "array", items: { type: "integer" } }, { type: "array", items: { type: "number" } }, "/items/type"],
  ["items are open", { type: "array", items: text }, { type: "array" }, "/items"],
  ["a leading item is wider", { prefixItems: [text] }, { prefixItems: [{}] }, "/prefixItems/0/type"],
  ["a leading item goes", { prefixItems: [text, text] }, { prefixItems: [text] }, "/prefixItems/1"],
  ["a pattern changes", { pattern: "^a$" }, { pattern: "^b$" }, "/pattern"],
  ["a pattern goes", { type: "string", pattern: "^a$" }, text, "/pattern"],
  ["a format changes", { format: "date" }, { format: "date-time" }, "/format"],
  ["a choice joins", { anyOf: [text] }, { anyOf: [text, { type: "null" }] }, "/anyOf/1"],
  ["choices open", { anyOf: [text, { type: "null" }] }, { type: ["string", "null", "number"] }, "/anyOf/0"],
  ["oneOf changes", { oneOf: [text] }, { oneOf: [{ type: "number" }] }, "/oneOf"],
  ["a part of allOf goes", { allOf: [{ required: ["a"] }] }, { type: "object" }, "/allOf/0"],
  ["not changes", { not: text }, { not: { type: "number" } }, "/not"],
  ["what a member demands shrinks", { dependentRequired: { a: ["b", "c"] } }, { dependentRequired: { a: ["b"] } }, "/dependentRequired/a"],
  ["a pattern of members goes", object({}, { patternProperties: { "^x": text } }), object({}), "/patternProperties/^x"],
  [
    "a pattern of members is added where others are refused",
    object({}, { additionalProperties: false }),
    object({}, { patternProperties: { "^x": text }, additionalProperties: false }),
    "/patternProperties/^x",
  ],
  ["a definition behind a reference is wider", { $ref: "#/$defs/a", $defs: { a: text } }, { $ref: "#/$defs/a", $defs: { a: {} } }, "/type"],
  [
    "a definition behind a nested reference is wider",
    object({ a: { $ref: "#/$defs/a" } }, { $defs: { a: text } }),
    object({ a: { $ref: "#/$defs/a" } }, { $defs: { a: { type: ["string", "null"] } } }),
    "/properties/a/type",
  ],
  [
    "a definition beside other keywords is wider",
    { $ref: "#/$defs/a", minLength: 1, $defs: { a: text } },
    { $ref: "#/$defs/a", minLength: 1, $defs: { a: { type: ["string", "null"] } } },
    "/$ref/type",
  ],
  ["a reference goes elsewhere", { $ref: "lily:a.v1" }, { $ref: "lily:a.v2" }, "/$ref"],
  ["values of other kinds join a type", { type: ["string", "integer"] }, { enum: [null, [1], 1.5, { a: 1 }, true, "a", 1] }, "/type"],
  ["an open member gets no schema at all", object({ a: text }), object({ a: true }), "/properties/a"],
  ["a refused member is accepted", object({ a: false }), object({ a: text }), "/properties/a"],
];
const safe: readonly (readonly [string, JsonObject, JsonObject])[] = [
  ["what may vary is said", { not: { type: "string" } }, { not: { type: "string", "x-lily-varies": true } }],
  ["nothing changes but words", { ...text, title: "a" }, { ...text, title: "b", description: "c", $comment: "d" }],
  ["an optional member becomes required", object({ a: text }), object({ a: text }, { required: ["a"] })],
  ["a type narrows", { type: ["string", "null"] }, text],
  ["a number becomes an integer", { type: "number" }, { type: "integer" }],
  ["an enum shrinks", { enum: ["a", "b"] }, { enum: ["a"] }],
  ["an enum becomes one of its values", { type: "string", enum: ["a", "b"] }, { const: "a" }],
  ["bounds tighten", { minimum: 0, maxLength: 9, multipleOf: 2 }, { minimum: 1, maxLength: 8, multipleOf: 4 }],
  ["a member is added where readers ignore unknown ones", object({ a: text }), object({ a: text, b: text })],
  ["a member goes where unknown ones are refused", object({ a: text }, { additionalProperties: false }), object({}, { additionalProperties: false })],
  ["unknown members are refused now", object({}), object({}, { additionalProperties: false })],
  ["a choice goes", { anyOf: [text, { type: "null" }] }, text],
  ["choices are put in another order", { anyOf: [text, { type: "null" }] }, { anyOf: [{ type: "null" }, text] }],
  ["a part of allOf stays implied", { allOf: [{ required: ["a"] }] }, { allOf: [{ required: ["a", "b"] }] }],
  ["a part of allOf moves beside it", { allOf: [{ type: "object", required: ["a"] }] }, { type: "object", required: ["a"] }],
  ["anything becomes something", {}, text],
  ["anything said in words becomes nothing in particular", { items: { title: "anything" } }, { items: true }],
  [
    "a member named like a path stays",
    { properties: { "a/b~c": { $ref: "#/$defs/x~1y" } }, $defs: { "x/y": text } },
    { properties: { "a/b~c": { $ref: "#/$defs/x~1y" } }, $defs: { "x/y": { type: "string", minLength: 1 } } },
  ],
  ["a reference into a list stays", { $ref: "#/anyOf/0", anyOf: [text] }, { $ref: "#/anyOf/0", anyOf: [text], title: "t" }],
  ["a list of values keeps its kinds", { enum: [null, [1], 1.5, { a: 1 }, true] }, { enum: [null, [1]] }],
  ["a reference is written out", { $ref: "#/$defs/a", $defs: { a: text } }, text],
  ["a definition that nobody uses changes", { ...text, $defs: { a: text } }, { ...text, $defs: { a: {} } }],
  ["a recursive schema stays", object({ next: { $ref: "#" } }), object({ next: { $ref: "#" } }, { title: "x" })],
  ["a member is refused now", object({ a: text }), object({ a: false })],
  ["a pattern stays beside a tighter bound", { type: "string", pattern: "^a" }, { type: "string", pattern: "^a", maxLength: 3 }],
  ["what a member demands grows", { dependentRequired: { a: ["b"] } }, { dependentRequired: { a: ["b", "c"] } }],
];

describe("schema compatibility", () => {
  it.each(breaking)("breaks readers: %s", (_what, older, newer, path) => {
    expect(checkCompatibility(older, newer).map((problem) => problem.path)).toContain(path);
    expect(checkCompatibility(older, { ...newer, "x-lily-breaking": true })).toEqual([]);
  });

  it.each(safe)("keeps readers safe: %s", (_what, older, newer) => {
    expect(checkCompatibility(older, newer)).toEqual([]);
  });

  it.each([...breaking.map(([what, older, newer]) => [what, older, newer] as const), ...safe])(
    "every schema is compatible with itself: %s",
    (_what, older, newer) => {
      expect(checkCompatibility(older, structuredClone(older))).toEqual([]);
      expect(checkCompatibility(newer, structuredClone(newer))).toEqual([]);
    },
  );

  it("references that lead nowhere or in circles end", () => {
    const loop: JsonObject = { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } };
    expect(checkCompatibility(loop, loop)).toEqual([]);
    expect(checkCompatibility({ $ref: "#/nowhere" }, { $ref: "#/nowhere", title: "x" })).toEqual([]);
    expect(checkCompatibility({ $ref: "#/nowhere" }, text)).not.toEqual([]);
  });
});
