import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { JsonObject, JsonValue } from "../base/json-value.ts";
import { createSchemaRegistry } from "./schema-registry.ts";
import { builtinSchemas } from "./builtin-schemas.ts";
import { requireValidPayload } from "./validate-payload.ts";

const table: JsonObject = { type: "object", properties: { rows: { type: "integer", minimum: 0 } }, required: ["rows"], additionalProperties: false };

describe("schema registry", () => {
  it("holds the built-in schemas, exported under a stable $id", () => {
    const registry = createSchemaRegistry();
    expect(registry.list().map((schema) => [schema.schema_id, schema.origin, schema.document["$id"], schema.document["$schema"]])).toEqual(
      Object.keys(builtinSchemas)
        .sort()
        .map((id) => [id, "built-in", `lily:${id}`, "https://json-schema.org/draft/2020-12/schema"]),
    );
  });

  it("A2: one id names one document", () => {
    const registry = createSchemaRegistry();
    const first = registry.register("table.v1", { jsonSchema: table });
    expect(registry.register("table.v1", { jsonSchema: { ...table, $id: "https://elsewhere.example/x" } })).toBe(first);
    expect(() => registry.register("table.v1", { jsonSchema: { type: "object" } })).toThrow(expect.objectContaining({ code: "SCHEMA_DUPLICATE" }));
    expect(() => registry.register("gate_result.v1", { jsonSchema: table })).toThrow(expect.objectContaining({ code: "SCHEMA_DUPLICATE" }));
    expect([registry.find("table.v1"), registry.find("absent.v1")]).toEqual([first, null]);
    expect(registry.get("table.v1")).toBe(first);
  });

  it("lists versions by number", () => {
    const registry = createSchemaRegistry();
    for (const id of ["table.v10", "table.v2", "a.b.v1"]) registry.register(id, { jsonSchema: table });
    const own = registry.list().filter((schema) => schema.origin === "workspace");
    expect(own.map((schema) => schema.schema_id)).toEqual(["a.b.v1", "table.v2", "table.v10"]);
  });

  it.each(["table", "table.v0", "Table.v1", "../x.v1", "table.v1.v", "", `${"t".repeat(130)}.v1`])("ID_INVALID: refuses %j", (id) => {
    expect(() => createSchemaRegistry().register(id, { jsonSchema: table })).toThrow(expect.objectContaining({ code: "ID_INVALID" }));
  });

  it("takes zod schemas, and says which cannot be exported", async () => {
    const registry = createSchemaRegistry();
    registry.register("point.v1", {
      zod: z.strictObject({
        x: z.number(),
        tag: z
          .string()
          .regex(/^[a-z]+$/)
          .optional(),
      }),
    });
    expect(await registry.validate("point.v1", { x: 1.5, tag: "ok" })).toEqual([]);
    expect(await registry.validate("point.v1", { x: "1", tag: "NO" })).toHaveLength(2);
    expect(() => registry.register("bad.v1", { zod: z.bigint() })).toThrow(expect.objectContaining({ code: "SCHEMA_INVALID" }));
  });

  it("names every problem with a path to the member that is meant", async () => {
    const registry = createSchemaRegistry();
    registry.register("rows.v1", {
      jsonSchema: { type: "array", items: { type: "object", properties: { "a/b": { enum: ["x", "y"] } }, required: ["id"], additionalProperties: false } },
    });
    expect(await registry.validate("rows.v1", [{ id: 1, "a/b": "z", other: 1 }, {}])).toEqual(
      expect.arrayContaining([
        { path: "/0/id", message: "is not a member that the schema knows" },
        { path: "/0/other", message: "is not a member that the schema knows" },
        { path: "/0/a~1b", message: 'must be equal to one of the allowed values: "x", "y"' },
        { path: "/1/id", message: "is missing" },
      ]),
    );
  });

  it("a large value gets its first problem, not a bulk of them", async () => {
    const registry = createSchemaRegistry();
    registry.register("numbers.v1", { jsonSchema: { type: "array", items: { type: "number" } } });
    expect(
      await registry.validate(
        "numbers.v1",
        Array.from({ length: 20_000 }, () => "x"),
      ),
    ).toHaveLength(1);
    expect(
      await registry.validate(
        "numbers.v1",
        Array.from({ length: 200 }, () => "x"),
      ),
    ).toHaveLength(50);
  });

  it("schemas refer to each other by id, also in a circle and before the other is registered", async () => {
    const registry = createSchemaRegistry();
    registry.register("tree.v1", { jsonSchema: { type: "object", properties: { children: { type: "array", items: { $ref: "lily:leaf.v1" } } } } });
    await expect(registry.validate("tree.v1", {})).rejects.toMatchObject({ code: "SCHEMA_UNKNOWN" });
    registry.register("leaf.v1", {
      jsonSchema: { type: "object", properties: { up: { $ref: "lily:tree.v1" }, n: { $ref: "#/$defs/n" } }, $defs: { n: { type: "integer" } } },
    });
    expect(await registry.validate("tree.v1", { children: [{ n: 1, up: { children: [] } }] })).toEqual([]);
    expect((await registry.validate("tree.v1", { children: [{ n: 1, up: { children: [{ n: "x" }] } }] }))[0]?.path).toBe("/children/0/up/children/0/n");
  });

  it("SCHEMA_UNKNOWN and SCHEMA_MISMATCH say what and where", async () => {
    const registry = createSchemaRegistry();
    registry.register("table.v1", { jsonSchema: table });
    await expect(registry.validate("absent.v1", 1)).rejects.toMatchObject({ code: "SCHEMA_UNKNOWN" });
    expect(() => registry.get("absent.v1")).toThrow(expect.objectContaining({ code: "SCHEMA_UNKNOWN" }));
    await requireValidPayload(registry, "table.v1", { rows: 1 }, "output table");
    await expect(requireValidPayload(registry, "table.v1", { rows: -1 }, "output table")).rejects.toMatchObject({
      code: "SCHEMA_MISMATCH",
      message: "output table does not fit table.v1: /rows: must be >= 0",
    });
    const many: JsonValue = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`m${i}`, i]));
    await expect(requireValidPayload(registry, "table.v1", many, "x")).rejects.toThrow(/and 5 more$/);
    await expect(requireValidPayload(registry, "table.v1", [], "x")).rejects.toThrow(/the value: must be object/);
  });

  it("says where a version breaks readers of the one before", () => {
    const registry = createSchemaRegistry();
    registry.register("table.v1", { jsonSchema: table });
    registry.register("table.v2", { jsonSchema: { ...table, required: [] } });
    registry.register("table.v3", { jsonSchema: { ...table, properties: {}, "x-lily-breaking": true } });
    expect(registry.versionProblems()).toEqual([
      { schema_id: "table.v2", previous: "table.v1", path: "/properties/rows", message: "was required and may be absent now" },
    ]);
  });
});

const hostile: readonly (readonly [string, JsonObject])[] = [
  ["an http reference", { $ref: "http://127.0.0.1:1/x.json" }],
  ["an https reference", { $ref: "https://example.com/x.json#/a" }],
  ["a metadata address", { items: { $ref: "http://169.254.169.254/latest" } }],
  ["a file reference", { $ref: "file:///etc/passwd" }],
  ["a relative file", { $ref: "other.json" }],
  ["a reference that is no text", { $ref: 1 }],
  ["a lily reference that is no schema id", { $ref: "lily:../x" }],
  ["a dynamic reference outside", { $dynamicRef: "https://example.com/#a" }],
  ["an $id inside", { properties: { a: { $id: "http://x/" } } }],
  ["another draft", { $schema: "http://json-schema.org/draft-07/schema#" }],
  ["an inner draft", { $defs: { a: { $schema: "https://example.com/mine" } } }],
  ["asynchronous validation", { $async: true }],
  ["a recursive anchor", { $recursiveAnchor: true }],
  ["its own vocabulary", { $vocabulary: {} }],
  ["look-ahead", { pattern: "^(?=a)" }],
  ["a back-reference in a property pattern", { patternProperties: { "(a)\\1": {} } }],
  ["a pattern that is none", { pattern: "(" }],
  ["too many parts", { anyOf: Array.from({ length: 5_001 }, () => ({})) }],
  ["too many bytes", { enum: Array.from({ length: 60_000 }, (_, i) => `value ${i}`) }],
];
const unusable: readonly (readonly [string, JsonObject])[] = [
  ["an unknown keyword", { type: "object", propertys: {} }],
  ["a type that does not exist", { type: "objekt" }],
  ["a reference to nowhere inside", { $ref: "#/$defs/absent" }],
  ["required that is no list", { required: "a" }],
  ["a minimum that is text", { minimum: "1" }],
];

describe("hostile schemas", () => {
  it.each(hostile)("SCHEMA_INVALID at registration: %s", (_what, jsonSchema) => {
    expect(() => createSchemaRegistry().register("x.v1", { jsonSchema })).toThrow(expect.objectContaining({ code: "SCHEMA_INVALID" }));
  });

  it.each(unusable)("SCHEMA_INVALID when compiled: %s", async (_what, jsonSchema) => {
    const registry = createSchemaRegistry();
    registry.register("x.v1", { jsonSchema });
    await expect(registry.compile("x.v1")).rejects.toMatchObject({ code: "SCHEMA_INVALID" });
  });

  it("SCHEMA_INVALID: a schema that never ends is stopped", async () => {
    const registry = createSchemaRegistry();
    registry.register("x.v1", { jsonSchema: { $ref: "#" } });
    await expect(registry.validate("x.v1", 1)).rejects.toMatchObject({ code: "SCHEMA_INVALID" });
  });

  it("what looks like a keyword inside data is data", async () => {
    const registry = createSchemaRegistry();
    registry.register("x.v1", { jsonSchema: { properties: { $ref: { const: { $ref: "http://x/", pattern: "(", $data: "/a" } } }, default: { $async: true } } });
    expect(await registry.validate("x.v1", { $ref: { $ref: "http://x/", pattern: "(", $data: "/a" } })).toEqual([]);
    expect(await registry.validate("x.v1", { $ref: 1 })).toHaveLength(1);
  });

  it("an evil pattern and uniqueItems over many items take linear time", async () => {
    const registry = createSchemaRegistry();
    registry.register("x.v1", {
      jsonSchema: { type: "array", uniqueItems: true, items: { anyOf: [{ type: "object" }, { type: "string", pattern: "^(a+)+$" }] } },
    });
    const items: JsonValue = Array.from({ length: 20_000 }, (_, i) => ({ i, same: { deep: [1, 2] } }));
    expect(await registry.validate("x.v1", items)).toEqual([]);
    expect(await registry.validate("x.v1", [...items, { same: { deep: [1, 2] }, i: 0 }])).toMatchObject([
      { path: "", message: "must not hold the same item twice" },
    ]);
    expect(await registry.validate("x.v1", [`${"a".repeat(2_000)}!`])).not.toEqual([]);
    registry.register("y.v1", { jsonSchema: { type: "array", uniqueItems: false } });
    expect(await registry.validate("y.v1", [1, 1])).toEqual([]);
  });

  it("INPUT_TOO_LARGE: a text too long for its pattern is refused, also under not", async () => {
    const registry = createSchemaRegistry();
    registry.register("x.v1", { jsonSchema: { not: { type: "string", pattern: "^(?:a{400}|b{400})+$" } } });
    await expect(registry.validate("x.v1", "a".repeat(100_000))).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
  });
});
