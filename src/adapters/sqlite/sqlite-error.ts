import type { ErrorCode } from "../../base/error-table.ts";
import { LilyError, messageOf } from "../../base/lily-error.ts";

/** Primary result codes of SQLite (sqlite.org/rescode.html), in the low byte of what the driver reports. */
const codeOfResult: Readonly<Record<number, ErrorCode>> = {
  8: "WORKSPACE_READ_ONLY",
  11: "AUTHORITY_DAMAGED",
  13: "STORAGE_FULL",
  23: "WORKSPACE_READ_ONLY",
  26: "AUTHORITY_DAMAGED",
};
/** SQLITE_IOERR_WRITE with ENOSPC shows as SQLITE_FULL; EDQUOT comes as one of these texts. */
const fullText = /no space left|disk quota exceeded|database or disk is full/i;

/** The LilyError of a failed call to SQLite; `what` says what was tried. A LilyError passes unchanged. */
export function sqliteError(thrown: unknown, what: string): LilyError {
  if (thrown instanceof LilyError) return thrown;
  const result = resultCode(thrown);
  const known = result === null ? undefined : codeOfResult[result & 0xff];
  const code = known ?? (fullText.test(messageOf(thrown)) ? "STORAGE_FULL" : "STORAGE_FAILED");
  return new LilyError(code, `${what}: ${messageOf(thrown)}`, { cause: thrown, details: result === null ? {} : { sqlite: result } });
}

function resultCode(thrown: unknown): number | null {
  if (!(thrown instanceof Error) || !("errcode" in thrown)) return null;
  return typeof thrown.errcode === "number" ? thrown.errcode : null;
}
