import type { ErrorCode } from "../base/error-table.ts";
import type { JsonValue } from "../base/json-value.ts";

/** Line and column count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A value, and where each part of it stands in the text it came from. */
export interface LocatedDocument {
  readonly value: JsonValue;
  /** Where the member (its key) or item at this path begins; the nearest part that exists when it does not; null without a text. */
  locate(path: readonly PropertyKey[]): Place | null;
}

export interface ParseProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly place: Place | null;
}

export interface ParsedDocument {
  /** Null when there are problems. */
  readonly document: LocatedDocument | null;
  readonly problems: readonly ParseProblem[];
}

export const documentBytesMax = 16 * 1024 * 1024;
export const documentDepthMax = 64;
export const documentKeysMax = 2_000_000;
export const refusedKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** Why a number would not be what was written, or null. */
export function numberProblem(value: number): string | null {
  if (!Number.isFinite(value)) return "is not a number that JSON can say";
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return "is an integer beyond +-(2^53-1); quote it to keep its digits";
  return null;
}
