/**
 * What a schema document may not do, because it may come from a stranger: reach outside (references, other drafts), run a pattern that
 * holds the process, change its own name inside, be validated asynchronously, or be enormous.
 */
import { canonicalJson } from "../base/canonical-json.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import { LilyError } from "../base/lily-error.ts";
import { isSchemaId } from "../contracts/ids.ts";
import { compileLinearPattern } from "./linear-pattern.ts";
import { pointerTo } from "./schema-problem.ts";
import { walkSchema } from "./schema-walk.ts";

export const schemaDialect = "https://json-schema.org/draft/2020-12/schema";
/** Prefix of the `$id` under which every registered schema is known to the others. */
export const schemaIdPrefix = "lily:";

const schemaBytesMax = 256 * 1024;
const subschemasMax = 5_000;

/** Throws SCHEMA_INVALID naming schema and JSON pointer. Returns the ids of other registered schemas that it refers to. */
export function lintSchema(schemaId: string, document: JsonObject): readonly string[] {
  if (canonicalJson(document, { fractions: true }).length > schemaBytesMax) throw invalid(schemaId, "", `is larger than ${schemaBytesMax} bytes`);
  const references = new Set<string>();
  let count = 0;
  walkSchema(document, (schema, pointer) => {
    if (++count > subschemasMax) throw invalid(schemaId, pointer, `has more than ${subschemasMax} parts`);
    lintKeywords(schemaId, schema, pointer);
    for (const keyword of ["$ref", "$dynamicRef"]) {
      const reference = schema[keyword];
      if (reference === undefined) continue;
      const other = referredSchema(reference);
      if (other === null)
        throw invalid(schemaId, pointerTo(pointer, keyword), `refers to ${JSON.stringify(reference).slice(0, 120)}; only #... and lily:<schema id> are read`);
      if (other !== "" && other !== schemaId) references.add(other);
    }
  });
  return [...references].sort();
}

/** The schema id that a reference names, empty for this document, null when it would leave what is registered. */
function referredSchema(reference: JsonValue): string | null {
  if (typeof reference !== "string") return null;
  if (reference.startsWith("#")) return "";
  const [target = ""] = reference.split("#");
  if (!target.startsWith(schemaIdPrefix)) return null;
  const id = target.slice(schemaIdPrefix.length);
  return isSchemaId(id) ? id : null;
}

function lintKeywords(schemaId: string, schema: JsonObject, pointer: string): void {
  for (const keyword of ["$async", "$recursiveRef", "$recursiveAnchor", "$vocabulary"]) {
    if (schema[keyword] !== undefined) throw invalid(schemaId, pointerTo(pointer, keyword), "is not supported");
  }
  if (pointer !== "" && schema["$id"] !== undefined) throw invalid(schemaId, pointerTo(pointer, "$id"), "may stand at the root only");
  const dialect = schema["$schema"];
  if (dialect !== undefined && dialect !== schemaDialect && dialect !== `${schemaDialect}#`) {
    throw invalid(schemaId, pointerTo(pointer, "$schema"), "is another draft than 2020-12");
  }
  for (const [pattern, at] of patternsOf(schema, pointer)) {
    try {
      compileLinearPattern(pattern);
    } catch (cause) {
      throw new LilyError("SCHEMA_INVALID", `schema ${schemaId} at ${at}: ${cause instanceof Error ? cause.message : "bad pattern"}`, {
        cause,
        details: { schema_id: schemaId, pointer: at },
      });
    }
  }
}

function patternsOf(schema: JsonObject, pointer: string): readonly (readonly [string, string])[] {
  const found: [string, string][] = [];
  const { pattern, patternProperties } = schema;
  if (typeof pattern === "string") found.push([pattern, pointerTo(pointer, "pattern")]);
  if (isJsonObject(patternProperties)) {
    for (const name of Object.keys(patternProperties)) found.push([name, pointerTo(pointerTo(pointer, "patternProperties"), name)]);
  }
  return found;
}

function invalid(schemaId: string, pointer: string, why: string): LilyError {
  return new LilyError("SCHEMA_INVALID", `schema ${schemaId} at ${pointer === "" ? "the root" : pointer} ${why}`, {
    details: { schema_id: schemaId, pointer },
  });
}
