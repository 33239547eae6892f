/**
 * The reference grammar of workflow texts: `${params.x}`, `${inputs.x}`, `${steps.s.outputs.o}`, `${attempt}`, `${route}`, `${run.id}`;
 * `$${` is a literal `${`. A text is read once, from left to right; what a reference yields is never read again.
 * Grammar with examples: docs/formats/workflow.md.
 */
import { isIdentifier } from "../base/identifier.ts";

export type Reference =
  | { readonly kind: "param"; readonly name: string }
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "output"; readonly step: string; readonly output: string }
  | { readonly kind: "attempt" }
  | { readonly kind: "route" }
  | { readonly kind: "run_id" };

export type TemplatePiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "reference"; readonly reference: Reference; readonly source: string }
  | { readonly kind: "malformed"; readonly source: string; readonly why: string };

const grammar = "params.NAME, inputs.NAME, steps.STEP.outputs.OUTPUT, attempt, route or run.id";

/** The pieces of a text in order. A text without `${` is one piece. Never throws. */
export function parseTemplate(text: string): readonly TemplatePiece[] {
  if (!text.includes("${")) return [{ kind: "text", text }];
  const pieces: TemplatePiece[] = [];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    const next = text.indexOf("$", at);
    if (next === -1) break;
    plain += text.slice(at, next);
    if (text.startsWith("$${", next)) {
      plain += "${";
      at = next + 3;
    } else if (text.startsWith("${", next)) {
      if (plain !== "") pieces.push({ kind: "text", text: plain });
      plain = "";
      const end = text.indexOf("}", next);
      const source = end === -1 ? text.slice(next) : text.slice(next, end + 1);
      pieces.push(pieceOf(source, end !== -1));
      at = next + source.length;
    } else {
      plain += "$";
      at = next + 1;
    }
  }
  plain += text.slice(at);
  if (plain !== "") pieces.push({ kind: "text", text: plain });
  return pieces;
}

function pieceOf(source: string, closed: boolean): TemplatePiece {
  if (!closed) return { kind: "malformed", source, why: "has no closing brace" };
  const reference = referenceOf(source.slice(2, -1));
  if (reference === null) return { kind: "malformed", source, why: `is not ${grammar}; write $\${ for a literal \${` };
  return { kind: "reference", reference, source };
}

function referenceOf(inner: string): Reference | null {
  if (inner === "attempt" || inner === "route") return { kind: inner };
  if (inner === "run.id") return { kind: "run_id" };
  const dot = inner.indexOf(".");
  const rest = inner.slice(dot + 1);
  switch (inner.slice(0, Math.max(dot, 0))) {
    case "params":
      return isIdentifier(rest) ? { kind: "param", name: rest } : null;
    case "inputs":
      return isIdentifier(rest) ? { kind: "input", name: rest } : null;
    case "steps":
      return outputReferenceOf(rest);
    default:
      return null;
  }
}

/** Step ids with a segment `outputs` are refused by the check, so the first `.outputs.` is the only possible division. */
function outputReferenceOf(rest: string): Reference | null {
  const middle = rest.indexOf(".outputs.");
  if (middle === -1) return null;
  const step = rest.slice(0, middle);
  const output = rest.slice(middle + ".outputs.".length);
  return isIdentifier(step) && isIdentifier(output) ? { kind: "output", step, output } : null;
}

/** The reference as it is written in a document. */
export function referenceText(reference: Reference): string {
  switch (reference.kind) {
    case "param":
      return `\${params.${reference.name}}`;
    case "input":
      return `\${inputs.${reference.name}}`;
    case "output":
      return `\${steps.${reference.step}.outputs.${reference.output}}`;
    case "attempt":
      return "${attempt}";
    case "route":
      return "${route}";
    case "run_id":
      return "${run.id}";
  }
}
