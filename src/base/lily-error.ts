import { type ErrorCode, type ErrorEntry, errorTable } from "./error-table.ts";

/** Facts that help a person or machine find the place: path, line, step_id, expected, seen. Never a secret (S4). */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export interface LilyErrorOptions {
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** The only exception class of Lily. Refusals by gate or policy are values, not exceptions. */
export class LilyError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: LilyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  get entry(): ErrorEntry {
    return errorTable[this.code];
  }
}
// On the prototype, so that minifying does not change what people see.
Object.defineProperty(LilyError.prototype, "name", { value: "LilyError", configurable: true, writable: true });

/** True for a LilyError, optionally of one of the given codes. */
export function isLilyError(value: unknown, ...codes: readonly ErrorCode[]): value is LilyError {
  return value instanceof LilyError && (codes.length === 0 || codes.includes(value.code));
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
