import type { Brand } from "./brand.ts";
import { LilyError } from "./lily-error.ts";

/** An identifier that may become a path segment or key: `^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$` without `..`. */
export type Identifier = Brand<string, "Identifier">;

const identifierPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export function isIdentifier(text: unknown): text is Identifier {
  return typeof text === "string" && identifierPattern.test(text) && !text.includes("..");
}

/** Throws ID_INVALID, naming what the identifier was for. */
export function parseIdentifier(text: string, what: string): Identifier {
  if (isIdentifier(text)) return text;
  throw new LilyError("ID_INVALID", `${what} ${JSON.stringify(text.slice(0, 80))} is not an identifier`, { details: { what } });
}

/** Ids compared without case, so that two ids never differ in case only (a case-insensitive file system would join them). */
export function caseTwins(ids: readonly string[]): readonly (readonly [string, string])[] {
  const seen = new Map<string, string>();
  const twins: [string, string][] = [];
  for (const id of ids) {
    const folded = id.toLowerCase();
    const first = seen.get(folded);
    if (first === undefined) seen.set(folded, id);
    else if (first !== id) twins.push([first, id]);
  }
  return twins;
}
