/**
 * The texts of a pack's template: `${with.NAME}` is a value of the use, `${step.id}` the step that uses it, `${step.outputs.NAME}` an
 * output of that step. `${attempt}`, `${route}` and `${run.id}` stay for the run. What a value holds never joins with its neighbours
 * into a reference that nobody wrote.
 */
import { canonicalJson } from "../base/canonical-json.ts";
import { isIdentifier } from "../base/identifier.ts";
import { isJsonObject, type JsonValue } from "../base/json-value.ts";
import { parseTemplate, type TemplatePiece } from "./template.ts";

export type PackPiece =
  | { readonly kind: "text"; readonly raw: string }
  | { readonly kind: "with"; readonly name: string }
  | { readonly kind: "step_id" }
  | { readonly kind: "step_output"; readonly name: string }
  | { readonly kind: "malformed"; readonly source: string; readonly why: string };

const grammar = "with.NAME, step.id, step.outputs.NAME, attempt, route or run.id";

/** The pieces of a text in order. Escapes stay as they are, because the text is read once more when the step runs. */
export function packPieces(text: string): readonly PackPiece[] {
  if (!text.includes("${")) return [{ kind: "text", raw: text }];
  const pieces: PackPiece[] = [];
  let plain = "";
  for (let at = 0; at < text.length; ) {
    if (text.startsWith("$${", at)) {
      plain += "$${";
      at += 3;
    } else if (text.startsWith("${", at)) {
      const end = text.indexOf("}", at);
      const source = end === -1 ? text.slice(at) : text.slice(at, end + 1);
      const piece = pieceOf(source, end !== -1);
      if (piece.kind === "text") plain += piece.raw;
      else {
        if (plain !== "") pieces.push({ kind: "text", raw: plain });
        plain = "";
        pieces.push(piece);
      }
      at += source.length;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  if (plain !== "") pieces.push({ kind: "text", raw: plain });
  return pieces;
}

function pieceOf(source: string, closed: boolean): PackPiece {
  if (!closed) return { kind: "malformed", source, why: "has no closing brace" };
  const inner = source.slice(2, -1);
  if (inner === "attempt" || inner === "route" || inner === "run.id") return { kind: "text", raw: source };
  if (inner === "step.id") return { kind: "step_id" };
  if (inner.startsWith("with.") && isIdentifier(inner.slice(5))) return { kind: "with", name: inner.slice(5) };
  if (inner.startsWith("step.outputs.") && isIdentifier(inner.slice(13))) return { kind: "step_output", name: inner.slice(13) };
  const outside = /^(?:params|inputs|steps)\./.test(inner);
  return {
    kind: "malformed",
    source,
    why: outside ? "names what is of one workflow; take it as a param, and let the use say it" : `is not ${grammar}; write $\${ for a literal \${`,
  };
}

/** What a template is filled with. */
export interface Filling {
  /** Every declared param has its value here. */
  readonly values: ReadonlyMap<string, JsonValue>;
  /** Null in a gate template. */
  readonly stepId: string | null;
  /** Characters that may still be made; what exceeds it is a `FillProblem`. */
  readonly budget: { left: number };
}

/** Why a text could not be filled; told at the place of the use. */
export class FillProblem extends Error {}

/** A copy of the value with every text filled; a text that is exactly one `${with.NAME}` becomes the value itself. Throws FillProblem. */
export function fillValue(value: JsonValue, filling: Filling): JsonValue {
  spend(filling, 1);
  if (typeof value === "string") return fillText(value, filling);
  if (isList(value)) return value.map((item) => fillValue(item, filling));
  if (isJsonObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillValue(item, filling)]));
  return value;
}

function fillText(text: string, filling: Filling): JsonValue {
  const pieces = packPieces(text);
  const [first] = pieces;
  if (pieces.length === 1 && first?.kind === "with") {
    const value = valueOf(first.name, filling);
    spend(filling, typeof value === "object" ? canonicalJson(value, { fractions: true }).length : String(value).length);
    return value;
  }
  const raws = pieces.map((piece) => rawOf(piece, filling));
  const filled = raws.join("");
  if (pieces.some((piece) => piece.kind !== "text") && !joinsSoundly(raws, filled))
    throw new FillProblem(`in ${JSON.stringify(text.slice(0, 80))} a value joins with what stands beside it into another reference`);
  return filled;
}

function rawOf(piece: PackPiece, filling: Filling): string {
  switch (piece.kind) {
    case "text":
      return spent(piece.raw, filling);
    case "step_id":
      return spent(stepOf(filling), filling);
    case "step_output":
      return spent(`\${steps.${stepOf(filling)}.outputs.${piece.name}}`, filling);
    case "with":
      return spent(textOf(piece.name, valueOf(piece.name, filling)), filling);
    case "malformed":
      throw new FillProblem(`reference ${JSON.stringify(piece.source.slice(0, 80))} ${piece.why}`);
  }
}

function stepOf({ stepId }: Filling): string {
  if (stepId === null) throw new FillProblem("a gate that belongs to no step has no ${step.id}");
  return stepId;
}

function valueOf(name: string, { values }: Filling): JsonValue {
  const value = values.get(name);
  if (value === undefined) throw new FillProblem(`param ${name} has no value`);
  return value;
}

function textOf(name: string, value: JsonValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return canonicalJson(value, { fractions: true });
  throw new FillProblem(
    `param ${name} stands inside a longer text, so it is a text, a number, true or false, not ${value === null ? "null" : "a list or a map"}`,
  );
}

/** The whole reads as its parts do: no reference, and no escape, came about by joining them. */
function joinsSoundly(raws: readonly string[], filled: string): boolean {
  return JSON.stringify(merged(raws.flatMap(parseTemplate))) === JSON.stringify(merged(parseTemplate(filled)));
}

function merged(pieces: readonly TemplatePiece[]): readonly TemplatePiece[] {
  const together: TemplatePiece[] = [];
  for (const piece of pieces) {
    const last = together.at(-1);
    if (piece.kind === "text" && piece.text === "") continue;
    if (piece.kind === "text" && last?.kind === "text") together.splice(-1, 1, { kind: "text", text: last.text + piece.text });
    else together.push(piece);
  }
  return together;
}

function spent(text: string, filling: Filling): string {
  spend(filling, text.length);
  return text;
}

function spend({ budget }: Filling, characters: number): void {
  budget.left -= characters;
  if (budget.left < 0) throw new FillProblem("the templates of this workflow grow beyond what Lily takes");
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
