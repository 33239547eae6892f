/**
 * Canonical JSON: RFC 8785 (JCS) text of a value, refused unless the value is exactly what JSON can say.
 *
 * One pass checks and writes, because canonicalising costs more than hashing. The result is compared with the `canonicalize`
 * library and an ECMAScript-free implementation in tests. Keys are ordered by UTF-16 code units (RFC 8785 section 3.2.3).
 * Why not the library at run time: docs/decisions/0003-canonical-json.md.
 */
import type { JsonValue } from "./json-value.ts";
import { isLilyError, LilyError } from "./lily-error.ts";

const depthMax = 64;
const plainText = /^[ !#-[\]-~]*$/;

export interface CanonicalOptions {
  /** Allow finite numbers that are not safe integers (metrics and ratios). Default false. */
  readonly fractions?: boolean;
}

/** JCS text of `value`. Throws JSON_NOT_CANONICAL naming the place as a JSON pointer. */
export function canonicalJson(value: JsonValue, options: CanonicalOptions = {}): string {
  const fractions = options.fractions === true;
  try {
    return write(value, fractions, null, 0);
  } catch (thrown) {
    // Written again with places, which nearly every value never needs: making them costs as much as the text.
    if (isLilyError(thrown, "JSON_NOT_CANONICAL")) write(value, fractions, "", 0);
    throw thrown;
  }
}

/** A JSON pointer; null while nobody asks where. */
type Place = string | null;

function write(value: unknown, fractions: boolean, at: Place, depth: number): string {
  switch (typeof value) {
    case "string":
      return quote(value, at);
    case "number":
      return numberText(value, fractions, at);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (depth >= depthMax) throw refuse(at, `deeper than ${depthMax} levels`);
      return Array.isArray(value) ? writeArray(value, fractions, at, depth) : writeObject(value, fractions, at, depth);
    default:
      throw refuse(at, `${typeof value} is not JSON`);
  }
}

function writeArray(items: readonly unknown[], fractions: boolean, at: Place, depth: number): string {
  let text = "[";
  for (let i = 0; i < items.length; i++) {
    if (i > 0) text += ",";
    text += write(items[i], fractions, at === null ? null : `${at}/${i}`, depth + 1);
  }
  return `${text}]`;
}

function writeObject(value: object, fractions: boolean, at: Place, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) throw refuse(at, "not a plain object");
  const members = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(members);
  if (keys.length > 1) keys.sort();
  let text = "{";
  for (const key of keys) {
    if (key === "__proto__" || key === "constructor" || key === "prototype") throw refuse(at, `key ${key} is refused`);
    if (text.length > 1) text += ",";
    text += `${quote(key, at)}:${write(members[key], fractions, at === null ? null : `${at}/${key}`, depth + 1)}`;
  }
  return `${text}}`;
}

function quote(text: string, at: Place): string {
  if (plainText.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw refuse(at, "lone surrogate");
  return JSON.stringify(text);
}

function numberText(value: number, fractions: boolean, at: Place): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? "0" : String(value);
  if (fractions && Number.isFinite(value)) return String(value);
  throw refuse(at, `${value} is not an integer within +-(2^53-1)`);
}

function refuse(at: Place, why: string): LilyError {
  const pointer = at ?? "";
  return new LilyError("JSON_NOT_CANONICAL", `canonical JSON: ${why} at ${pointer === "" ? "the root" : pointer}`, { details: { pointer } });
}
