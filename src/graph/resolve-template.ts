/**
 * Puts values in the place of references, once, as whole data. Nothing that a value holds is read as a template, a pattern or an
 * option: the result is assembled piece by piece, and an argv item never grows into two.
 */
import { canonicalJson } from "../base/canonical-json.ts";
import type { JsonValue } from "../base/json-value.ts";
import { LilyError } from "../base/lily-error.ts";
import { parseTemplate, type Reference, referenceText, type TemplatePiece } from "./template.ts";

/** The value of a reference. Throws for a reference that has none. */
export type ReferenceLookup = (reference: Reference) => JsonValue;

/** The text with every reference replaced: strings as they are, other values as canonical JSON. Throws WORKFLOW_INVALID for a malformed reference. */
export function resolveText(text: string, lookup: ReferenceLookup): string {
  let resolved = "";
  for (const piece of parseTemplate(text)) resolved += piece.kind === "text" ? piece.text : textOf(lookup(referenceOf(piece)));
  return resolved;
}

/** A copy of the value: a string that is exactly one reference becomes the typed value, other strings as `resolveText`. Keys are not templates. */
export function resolveValue(value: JsonValue, lookup: ReferenceLookup): JsonValue {
  if (typeof value === "string") return resolveItem(value, lookup);
  if (typeof value !== "object" || value === null) return value;
  if (isArray(value)) return value.map((item) => resolveValue(item, lookup));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveValue(item, lookup)]));
}

/**
 * The argv with every reference replaced, item by item. Throws PARAM_INVALID for a NUL (no program can receive one), and for a string
 * value at the start of an item that begins with `-` and would pass as an option; write `--` before the item to say that it is data.
 */
export function resolveArgv(argv: readonly string[], lookup: ReferenceLookup): readonly string[] {
  let optionsEnded = false;
  return argv.map((item, index) => {
    const resolved = resolveText(item, lookup);
    if (resolved.includes("\0")) throw refused(item, index, "holds a NUL");
    if (!optionsEnded && opensWithOption(item, lookup)) throw refused(item, index, "begins with '-' and would be read as an option; put \"--\" before it");
    optionsEnded ||= item === "--";
    return resolved;
  });
}

/** Every well-formed reference of a value, in order, repeated ones included. */
export function referencesIn(value: JsonValue): readonly Reference[] {
  const found: Reference[] = [];
  collect(value, found);
  return found;
}

function collect(value: JsonValue, found: Reference[]): void {
  if (typeof value === "string") {
    if (!value.includes("${")) return;
    for (const piece of parseTemplate(value)) if (piece.kind === "reference") found.push(piece.reference);
  } else if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value)) collect(item, found);
  }
}

function resolveItem(text: string, lookup: ReferenceLookup): JsonValue {
  const [first, second] = parseTemplate(text);
  if (second === undefined && first !== undefined && first.kind !== "text") return lookup(referenceOf(first));
  return resolveText(text, lookup);
}

function referenceOf(piece: Exclude<TemplatePiece, { kind: "text" }>): Reference {
  if (piece.kind === "reference") return piece.reference;
  throw new LilyError("WORKFLOW_INVALID", `reference ${JSON.stringify(piece.source.slice(0, 80))} ${piece.why}`);
}

/** Numbers may be negative; only a string can be made to look like an option. */
function opensWithOption(item: string, lookup: ReferenceLookup): boolean {
  const [first] = parseTemplate(item);
  if (first === undefined || first.kind !== "reference") return false;
  const value = lookup(first.reference);
  return typeof value === "string" && value.startsWith("-");
}

function textOf(value: JsonValue): string {
  return typeof value === "string" ? value : canonicalJson(value, { fractions: true });
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function refused(item: string, index: number, why: string): LilyError {
  const names = referencesIn(item).map(referenceText).join(", ");
  return new LilyError("PARAM_INVALID", `argv item ${index} (${JSON.stringify(item.slice(0, 80))}): the value of ${names === "" ? "it" : names} ${why}`, {
    details: { index },
  });
}
