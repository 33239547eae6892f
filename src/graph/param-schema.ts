/**
 * Parameters: each declared by a JSON Schema 2020-12, with values from the command line (texts) or from code (values as they are).
 * References out of a schema are refused and patterns are bounded, because the schema may come from a stranger.
 */
import type { Ajv2020, ValidateFunction } from "ajv/dist/2020.js";
import { type JsonObject, type JsonValue, isJsonObject } from "../base/json-value.ts";
import { isLilyError, LilyError, messageOf } from "../base/lily-error.ts";
import { defaultJsonLimits, parseJson } from "../base/parse-json.ts";
import { nearestName } from "./nearest-name.ts";
import { slowPatternProblem } from "./slow-pattern.ts";

/** Says why a value does not fit, or null when it does. */
export type ParamCheck = (value: JsonValue) => string | null;

const schemaBytesMax = 65_536;
const patternTextMax = 1_024;
const paramJsonLimits = { ...defaultJsonLimits, bytesMax: 1_048_576 };

/** Compiles the schema of one parameter. Throws PARAM_INVALID naming the parameter when it is no usable schema. */
export type ParamCompiler = (name: string, schema: JsonObject) => ParamCheck;

/** One compiler for the parameters of one document: making it costs more than using it, and keeping it would keep every schema. */
export async function paramCompiler(): Promise<ParamCompiler> {
  const { Ajv2020 } = await import("ajv/dist/2020.js");
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictTuples: false, allErrors: false, validateFormats: false, logger: false });
  return (name, schema) => {
    const refused = keywordProblem(schema);
    if (refused !== null) throw paramInvalid(name, `has a schema that cannot be used: ${refused}`);
    if (JSON.stringify(schema).length > schemaBytesMax) throw paramInvalid(name, `has a schema larger than ${schemaBytesMax} bytes`);
    return checkOf(validatorOf(ajv, name, schema), hasPattern(schema));
  };
}

function validatorOf(ajv: Ajv2020, name: string, schema: JsonObject): ValidateFunction {
  try {
    return ajv.compile(schema);
  } catch (cause) {
    throw new LilyError("PARAM_INVALID", `param ${name} has a schema that is not valid: ${messageOf(cause)}`, { cause, details: { param: name } });
  }
}

function checkOf(validate: ValidateFunction, bounded: boolean): ParamCheck {
  return (value) => {
    if (bounded && JSON.stringify(value).length > patternTextMax) return `is longer than ${patternTextMax} characters, the limit where a pattern is used`;
    if (validate(value)) return null;
    const [error] = validate.errors ?? [];
    const allowed: unknown = error?.params["allowedValues"];
    return `${error?.instancePath ?? ""} ${error?.message ?? "does not fit"}${Array.isArray(allowed) ? ` (${allowed.join(", ")})` : ""}`.trim();
  };
}

/** The values of every declared parameter, in order of declaration. Throws PARAM_INVALID naming the parameter. */
export async function resolveParams(
  declared: Readonly<Record<string, JsonObject>>,
  raw: Readonly<Record<string, JsonValue>>,
): Promise<Readonly<Record<string, JsonValue>>> {
  for (const name of Object.keys(raw)) {
    if (Object.hasOwn(declared, name)) continue;
    const meant = nearestName(name, Object.keys(declared));
    throw paramInvalid(name, `is not a parameter of this workflow${meant === null ? "" : `; did you mean ${meant}?`}`);
  }
  const schemas = Object.entries(declared);
  if (schemas.length === 0) return {};
  const compile = await paramCompiler();
  return Object.fromEntries(schemas.map(([name, schema]) => [name, paramValue(name, schema, raw, compile)]));
}

function paramValue(name: string, schema: JsonObject, raw: Readonly<Record<string, JsonValue>>, compile: ParamCompiler): JsonValue {
  const check = compile(name, schema);
  const given = Object.hasOwn(raw, name) ? raw[name] : undefined;
  const value = given === undefined ? schema["default"] : typed(name, schema, given);
  if (value === undefined) throw paramInvalid(name, "has no default, so it must be given");
  const problem = check(value);
  if (problem !== null) throw paramInvalid(name, `${shown(value)} ${problem}`);
  return value;
}

/** A text for a parameter that is no string is read as JSON. Whether it then fits is for the schema to say. */
function typed(name: string, schema: JsonObject, given: JsonValue): JsonValue {
  if (typeof given !== "string") return given;
  const types = typesOf(schema);
  if (types.length === 0 || types.includes("string")) return given;
  try {
    return parseJson(given, paramJsonLimits);
  } catch (cause) {
    if (!isLilyError(cause)) throw cause;
    throw new LilyError("PARAM_INVALID", `param ${name}: ${shown(given)} is not ${types.join(" or ")}`, { cause, details: { param: name } });
  }
}

function typesOf(schema: JsonObject): readonly string[] {
  const type = schema["type"];
  const list: readonly JsonValue[] = Array.isArray(type) ? type : type === undefined ? [] : [type];
  return list.filter((item) => typeof item === "string");
}

/** Keywords that reach outside the schema, or run a pattern that may take for ever. */
function keywordProblem(value: JsonValue): string | null {
  if (Array.isArray(value)) return firstProblem(value);
  if (!isJsonObject(value)) return null;
  for (const keyword of ["$ref", "$dynamicRef", "$id", "$anchor", "$schema"]) {
    if (typeof value[keyword] === "string") return `${keyword} is not allowed in the schema of a parameter`;
  }
  const patterns = isJsonObject(value["patternProperties"]) ? Object.keys(value["patternProperties"]) : [];
  if (typeof value["pattern"] === "string") patterns.push(value["pattern"]);
  for (const pattern of patterns) {
    const slow = slowPatternProblem(pattern);
    if (slow !== null) return `pattern ${JSON.stringify(pattern.slice(0, 80))} ${slow}`;
  }
  return firstProblem(Object.values(value));
}

function firstProblem(values: readonly JsonValue[]): string | null {
  for (const value of values) {
    const problem = keywordProblem(value);
    if (problem !== null) return problem;
  }
  return null;
}

function hasPattern(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.some(hasPattern);
  if (!isJsonObject(value)) return false;
  return typeof value["pattern"] === "string" || isJsonObject(value["patternProperties"]) || Object.values(value).some(hasPattern);
}

function shown(value: JsonValue): string {
  return JSON.stringify(value).slice(0, 80);
}

function paramInvalid(name: string, why: string): LilyError {
  return new LilyError("PARAM_INVALID", `param ${name.slice(0, 128)}: ${why}`, { details: { param: name.slice(0, 128) } });
}
