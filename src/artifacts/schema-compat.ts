/**
 * Does a new version of a schema keep readers of the old one safe? It does when every document that fits the new one also fits the
 * old one: a reader that was written for the old version then never meets anything it does not expect. The comparison is structural and
 * conservative: what it cannot compare it reports. A version that is meant to break says so with `"x-lily-breaking": true` at its root.
 */
import { canonicalJson } from "../base/canonical-json.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import { pointerTo, type SchemaProblem } from "./schema-problem.ts";

/** Problems that readers of `older` would have with documents of `newer`; empty when there are none or the break is declared. */
export function checkCompatibility(older: JsonObject, newer: JsonObject): readonly SchemaProblem[] {
  if (newer["x-lily-breaking"] === true) return [];
  const comparison: Comparison = { older, newer, open: new Set(), problems: [] };
  compare(comparison, older, newer, "");
  return comparison.problems;
}

interface Comparison {
  readonly older: JsonObject;
  readonly newer: JsonObject;
  /** Pairs under comparison, so that recursive schemas end. */
  readonly open: Set<string>;
  readonly problems: SchemaProblem[];
}

/** Say nothing about which documents fit. */
const annotations = new Set([
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "definitions",
  "$anchor",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
  "x-lily-breaking",
  "x-lily-varies",
]);
const lowerBounds = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"] as const;
const upperBounds = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"] as const;
/** Compared as a whole: when they differ, nothing is concluded. */
const opaque = [
  "pattern",
  "format",
  "not",
  "if",
  "then",
  "else",
  "oneOf",
  "contains",
  "propertyNames",
  "dependentSchemas",
  "unevaluatedProperties",
  "unevaluatedItems",
  "$dynamicRef",
] as const;

function compare(all: Comparison, olderIn: JsonValue, newerIn: JsonValue, at: string): void {
  const [older, newer] = [resolved(all.older, olderIn), resolved(all.newer, newerIn)];
  if (older === true || newer === false || same(older, newer)) return;
  if (!isJsonObject(older) || !isJsonObject(newer)) {
    if (older === false) report(all, at, "is accepted now, and was refused before");
    else if (isJsonObject(older) && assertsNothing(older)) return;
    else report(all, at, "accepts anything now");
    return;
  }
  const pair = `${canonical(older)}\n${canonical(newer)}`;
  if (all.open.has(pair)) return;
  all.open.add(pair);
  compareTypes(all, older, newer, at);
  compareValues(all, older, newer, at);
  compareBounds(all, older, newer, at);
  compareObjects(all, older, newer, at);
  compareArrays(all, older, newer, at);
  compareCombined(all, older, newer, at);
}

function compareTypes(all: Comparison, older: JsonObject, newer: JsonObject, at: string): void {
  const before = typesOf(older);
  if (before === null) return;
  const now = typesOf(newer);
  if (now === null) return report(all, pointerTo(at, "type"), `was ${before.join(" or ")} and is open now`);
  const added = now.filter((type) => !before.includes(type) && !(type === "integer" && before.includes("number")));
  if (added.length > 0) report(all, pointerTo(at, "type"), `is wider: ${added.join(" and ")} came in`);
}

/** The types that a schema lets through, also when only its values tell; null when any. */
function typesOf(schema: JsonObject): readonly string[] | null {
  const type = schema["type"];
  if (typeof type === "string") return [type];
  if (Array.isArray(type)) return type.filter((item) => typeof item === "string");
  const values = valuesOf(schema);
  return values === null ? null : [...new Set(values.map(typeOf))];
}

function typeOf(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function valuesOf(schema: JsonObject): readonly JsonValue[] | null {
  if (schema["const"] !== undefined) return [schema["const"]];
  const values = schema["enum"];
  return Array.isArray(values) ? values : null;
}

function compareValues(all: Comparison, older: JsonObject, newer: JsonObject, at: string): void {
  const before = valuesOf(older);
  if (before === null) return;
  const place = pointerTo(at, older["const"] === undefined ? "enum" : "const");
  const now = valuesOf(newer);
  if (now === null) return report(all, place, "was a closed set of values and is open now");
  const known = new Set(before.map(canonical));
  const added = now.filter((value) => !known.has(canonical(value)));
  if (added.length > 0)
    report(
      all,
      place,
      `has values that readers do not know: ${added
        .slice(0, 5)
        .map((value) => JSON.stringify(value))
        .join(", ")}`,
    );
}

function compareBounds(all: Comparison, older: JsonObject, newer: JsonObject, at: string): void {
  for (const keyword of lowerBounds) compareBound(all, older, newer, at, keyword, (before, now) => now >= before);
  for (const keyword of upperBounds) compareBound(all, older, newer, at, keyword, (before, now) => now <= before);
  compareBound(all, older, newer, at, "multipleOf", (before, now) => Number.isInteger(now / before));
  if (older["uniqueItems"] === true && newer["uniqueItems"] !== true) report(all, pointerTo(at, "uniqueItems"), "is not demanded any more");
}

function compareBound(
  all: Comparison,
  older: JsonObject,
  newer: JsonObject,
  at: string,
  keyword: string,
  asTight: (before: number, now: number) => boolean,
): void {
  const before = older[keyword];
  if (typeof before !== "number") return;
  const now = newer[keyword];
  if (typeof now === "number" && asTight(before, now)) return;
  report(all, pointerTo(at, keyword), typeof now === "number" ? `was ${before} and is ${now}` : `was ${before} and is gone`);
}

function compareObjects(all: Comparison, older: JsonObject, newer: JsonObject, at: string): void {
  const required = new Set(listOf(newer["required"]));
  for (const name of listOf(older["required"])) {
    if (!required.has(name)) report(all, pointerTo(pointerTo(at, "properties"), String(name)), "was required and may be absent now");
  }
  const [before, now] = [mapOf(older["properties"]), mapOf(newer["properties"])];
  const [othersBefore, othersNow] = [older["additionalProperties"] ?? true, newer["additionalProperties"] ?? true];
  for (const [name, schema] of Object.entries(before)) compare(all, schema, memberOf(newer, now, name), pointerTo(pointerTo(at, "properties"), name));
  for (const [name, schema] of Object.entries(now)) {
    if (Object.hasOwn(before, name) || othersBefore === true || schema === false) continue;
    const place = pointerTo(pointerTo(at, "properties"), name);
    if (othersBefore === false && !hasPatterns(older)) report(all, place, "is a new member, and readers refuse members they do not know");
    else compare(all, othersBefore, schema, place);
  }
  comparePatterns(all, older, newer, at, othersBefore);
  compare(all, othersBefore, othersNow, pointerTo(at, "additionalProperties"));
  compareDependent(all, older, newer, at);
}

/** What the new schema says about a member, named or not. */
function memberOf(newer: JsonObject, properties: JsonObject, name: string): JsonValue {
  if (Object.hasOwn(properties, name)) return properties[name] ?? true;
  return hasPatterns(newer) ? true : (newer["additionalProperties"] ?? true);
}

function comparePatterns(all: Comparison, older: JsonObject, newer: JsonObject, at: string, othersBefore: JsonValue): void {
  const [before, now] = [mapOf(older["patternProperties"]), mapOf(newer["patternProperties"])];
  for (const [pattern, schema] of Object.entries(before)) {
    compare(all, schema, now[pattern] ?? newer["additionalProperties"] ?? true, pointerTo(pointerTo(at, "patternProperties"), pattern));
  }
  for (const [pattern, schema] of Object.entries(now)) {
    if (!Object.hasOwn(before, pattern)) compare(all, othersBefore, schema, pointerTo(pointerTo(at, "patternProperties"), pattern));
  }
}

function compareDependent(all: Comparison, older: JsonObject, newer: JsonObject, at: string): void {
  const now = mapOf(newer["dependentRequired"]);
  for (const [name, wanted] of Object.entries(mapOf(older["dependentRequired"]))) {
    const kept = new Set(listOf(now[name]));
    if (listOf(wanted).some((other) => !kept.has(other))) report(all, pointerTo(pointerTo(at, "dependentRequired"), name), "demands less now");
  }
}

function compareArrays(all: Comparison, older: JsonObject, newer: JsonObject, at: string): void {
  const [before, now] = [listOf(older["prefixItems"]), listOf(newer["prefixItems"])];
  const [restBefore, restNow] = [older["items"] ?? true, newer["items"] ?? true];
  for (let i = 0; i < Math.max(before.length, now.length); i++) {
    compare(all, before[i] ?? restBefore, now[i] ?? restNow, pointerTo(pointerTo(at, "prefixItems"), i));
  }
  compare(all, restBefore, restNow, pointerTo(at, "items"));
}

function compareCombined(all: Comparison, older: JsonObject, newer: JsonObject, at: string): void {
  listOf(older["allOf"]).forEach((part, i) => {
    const implied = fits(all, part, newer) || listOf(newer["allOf"]).some((other) => fits(all, part, other));
    if (!implied) report(all, pointerTo(pointerTo(at, "allOf"), i), "is not implied any more");
  });
  const choices = listOf(older["anyOf"]);
  if (choices.length > 0) {
    const now = newer["anyOf"] === undefined ? [newer] : listOf(newer["anyOf"]);
    now.forEach((choice, i) => {
      if (!choices.some((known) => fits(all, known, choice))) report(all, pointerTo(pointerTo(at, "anyOf"), i), "is a choice that readers do not know");
    });
  }
  for (const keyword of opaque) {
    if (older[keyword] !== undefined && !same(older[keyword], newer[keyword] ?? null))
      report(all, pointerTo(at, keyword), "changed in a way that cannot be compared");
  }
  const [target, targetNow] = [older["$ref"], newer["$ref"]];
  if (target === undefined) return;
  if (target !== targetNow) report(all, pointerTo(at, "$ref"), "refers to something else");
  else if (isInside(target)) compare(all, { $ref: target }, { $ref: target }, pointerTo(at, "$ref"));
}

/** True when the comparison of two parts on their own finds nothing. */
function fits(all: Comparison, older: JsonValue, newer: JsonValue): boolean {
  const alone: Comparison = { older: all.older, newer: all.newer, open: new Set(all.open), problems: [] };
  compare(alone, older, newer, "");
  return alone.problems.length === 0;
}

/** True for a reference into the document itself, which may have changed there. */
function isInside(reference: JsonValue): boolean {
  return typeof reference === "string" && /^#(?:\/|$)/.test(reference);
}

/** Follows references inside the document when nothing stands beside them. */
function resolved(root: JsonObject, schema: JsonValue): JsonValue {
  let at = schema;
  for (let hops = 0; hops < 32; hops++) {
    if (!isJsonObject(at)) return at;
    const reference = at["$ref"];
    if (typeof reference !== "string" || !isInside(reference) || Object.keys(at).some((key) => key !== "$ref" && !annotations.has(key))) return at;
    const target = lookUp(root, reference.slice(1));
    if (target === undefined) return at;
    at = target;
  }
  return at;
}

function lookUp(root: JsonObject, pointer: string): JsonValue | undefined {
  let at: JsonValue | undefined = root;
  for (const key of pointer.split("/").slice(1)) {
    const name = decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~");
    at = Array.isArray(at) ? at[Number(name)] : isJsonObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at;
}

/** Equal text with a reference inside says nothing: what it refers to may have changed. */
function same(a: JsonValue | undefined, b: JsonValue): boolean {
  if (a === undefined) return false;
  const text = canonical(a);
  return text === canonical(b) && !text.includes('"$ref":"#') && !text.includes('"$dynamicRef":');
}

/** Canonical text without annotations at this level. */
function canonical(value: JsonValue): string {
  if (!isJsonObject(value)) return canonicalJson(value, { fractions: true });
  return canonicalJson(Object.fromEntries(Object.entries(value).filter(([key]) => !annotations.has(key))), { fractions: true });
}

function assertsNothing(schema: JsonObject): boolean {
  return Object.keys(schema).every((key) => annotations.has(key));
}

function hasPatterns(schema: JsonObject): boolean {
  return isJsonObject(schema["patternProperties"]);
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function mapOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function report(all: Comparison, path: string, message: string): void {
  all.problems.push({ path, message });
}
