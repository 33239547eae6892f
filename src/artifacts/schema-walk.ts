import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import { pointerTo } from "./schema-problem.ts";

/** Keywords of JSON Schema 2020-12 whose value is one schema. */
const single = [
  "additionalProperties",
  "contains",
  "contentSchema",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
] as const;
/** Keywords whose value is a list of schemas. */
const listed = ["allOf", "anyOf", "oneOf", "prefixItems"] as const;
/** Keywords whose value maps names to schemas. */
const mapped = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"] as const;

/** Visits every schema object inside a schema, itself first, with its JSON pointer. Values in `const`, `enum`, `default` are data and not entered. */
export function walkSchema(schema: JsonValue, visit: (schema: JsonObject, pointer: string) => void, pointer = ""): void {
  if (!isJsonObject(schema)) return;
  visit(schema, pointer);
  for (const keyword of single) {
    const inner = schema[keyword];
    if (inner !== undefined) walkSchema(inner, visit, pointerTo(pointer, keyword));
  }
  for (const keyword of listed) {
    const inner = schema[keyword];
    if (Array.isArray(inner)) inner.forEach((item, i) => walkSchema(item, visit, pointerTo(pointerTo(pointer, keyword), i)));
  }
  for (const keyword of mapped) {
    const inner = schema[keyword];
    if (!isJsonObject(inner)) continue;
    for (const [name, item] of Object.entries(inner)) walkSchema(item, visit, pointerTo(pointerTo(pointer, keyword), name));
  }
}
