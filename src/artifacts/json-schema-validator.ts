/**
 * Compiles a linted schema with ajv (draft 2020-12, strict) and says what does not fit. ajv is imported when the first schema is
 * compiled: it costs tens of milliseconds that most commands do not need. Nothing is loaded from anywhere: references resolve to the
 * documents that are given, or compiling fails. Patterns run on the linear engine, `uniqueItems` in linear time; `format` is an
 * annotation, as the draft says by default.
 */
import type { Ajv2020, ErrorObject, ValidateFunction } from "ajv/dist/2020.js";
import { canonicalJson } from "../base/canonical-json.ts";
import type { JsonObject, JsonValue } from "../base/json-value.ts";
import { LilyError, messageOf } from "../base/lily-error.ts";
import { compileLinearPattern } from "./linear-pattern.ts";
import { schemaIdPrefix } from "./schema-lint.ts";
import { pointerTo, type SchemaProblem } from "./schema-problem.ts";

export type SchemaCheck = (value: JsonValue) => readonly SchemaProblem[];

/** Values up to this many nodes get all their problems; larger ones the first only, so that a bad bulk file does not make a bulk of errors. */
const allErrorsNodesMax = 10_000;
export const problemsMax = 50;

/** `others` are the documents that this one refers to, directly or not. Throws SCHEMA_INVALID. */
export async function compileJsonSchema(schemaId: string, document: JsonObject, others: readonly JsonObject[]): Promise<SchemaCheck> {
  const { Ajv2020: Ajv } = await import("ajv/dist/2020.js");
  const make = (allErrors: boolean): ValidateFunction => compile(newAjv(Ajv, allErrors), schemaId, document, others);
  const first = make(false);
  let every: ValidateFunction | null = null;
  return (value) => {
    if (run(first, schemaId, value)) return [];
    if (nodesOf(value, allErrorsNodesMax) >= allErrorsNodesMax) return problemsOf(first.errors ?? []);
    every ??= make(true);
    run(every, schemaId, value);
    return problemsOf(every.errors ?? []);
  };
}

function newAjv(Ajv: typeof Ajv2020, allErrors: boolean): Ajv2020 {
  const ajv = new Ajv({
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    allErrors,
    validateFormats: false,
    logger: false,
    code: { regExp: linearRegExp },
  });
  ajv.addVocabulary(["x-lily-breaking", "x-lily-varies"]);
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    validate: areUnique,
    error: { message: "must not hold the same item twice" },
  });
  return ajv;
}

/** What ajv wants of a regular expression engine. It keys compiled patterns by `toString`. */
function linearRegExp(pattern: string): { test(text: string): boolean; toString(): string } {
  const compiled = compileLinearPattern(pattern);
  return { test: (text) => compiled.test(text), toString: () => `linear:${pattern}` };
}
linearRegExp.code = "linear";

function areUnique(wanted: boolean, items: readonly JsonValue[]): boolean {
  return !wanted || new Set(items.map((item) => canonicalJson(item, { fractions: true }))).size === items.length;
}

function compile(ajv: Ajv2020, schemaId: string, document: JsonObject, others: readonly JsonObject[]): ValidateFunction {
  try {
    for (const other of others) ajv.addSchema(other);
    return ajv.compile({ ...document, $id: `${schemaIdPrefix}${schemaId}` });
  } catch (cause) {
    if (cause instanceof LilyError) throw cause;
    throw new LilyError("SCHEMA_INVALID", `schema ${schemaId}: ${messageOf(cause)}`, { cause, details: { schema_id: schemaId } });
  }
}

function run(validate: ValidateFunction, schemaId: string, value: JsonValue): boolean {
  try {
    return validate(value) === true;
  } catch (cause) {
    if (cause instanceof LilyError) throw cause;
    // A schema that refers to itself without going deeper into the value never ends.
    throw new LilyError("SCHEMA_INVALID", `schema ${schemaId} cannot be applied: ${messageOf(cause)}`, { cause, details: { schema_id: schemaId } });
  }
}

function problemsOf(errors: readonly ErrorObject[]): readonly SchemaProblem[] {
  return errors.slice(0, problemsMax).map((error) => ({ path: pathOf(error), message: messageFor(error) }));
}

/** Points at the member that is meant, also when it is the member that is missing or not wanted. */
function pathOf(error: ErrorObject): string {
  const member: unknown = error.params["missingProperty"] ?? error.params["additionalProperty"] ?? error.params["unevaluatedProperty"];
  return typeof member === "string" ? pointerTo(error.instancePath, member) : error.instancePath;
}

function messageFor(error: ErrorObject): string {
  if (error.params["missingProperty"] !== undefined) return "is missing";
  if (error.params["additionalProperty"] !== undefined || error.params["unevaluatedProperty"] !== undefined) return "is not a member that the schema knows";
  const allowed: unknown = error.params["allowedValues"];
  const choices = Array.isArray(allowed)
    ? `: ${allowed
        .slice(0, 20)
        .map((item) => JSON.stringify(item))
        .join(", ")}`
    : "";
  return `${error.message ?? "does not fit"}${choices}`;
}

function nodesOf(value: JsonValue, max: number): number {
  let count = 1;
  if (typeof value !== "object" || value === null) return count;
  for (const item of Object.values(value)) {
    count += nodesOf(item, max - count);
    if (count >= max) return count;
  }
  return count;
}
