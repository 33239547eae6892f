import { statfsSync } from "node:fs";
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

/** SQLITE_IOERR and SQLITE_CANTOPEN also come where a disk is full: the shared memory of the write-ahead log cannot grow there. */
const maybeFull = new Set([10, 14]);
/** Less than this cannot hold the 32 KiB of shared memory that SQLite maps for a write-ahead log, and the first page of the log. */
const neededBytes = 64 * 1024;

/** The LilyError of a failed call to SQLite on a database in `dir`; `what` says what was tried. A LilyError passes unchanged. */
export function sqliteError(thrown: unknown, what: string, dir: string): LilyError {
  if (thrown instanceof LilyError) return thrown;
  const result = sqliteResult(thrown);
  const known = result === null ? undefined : codeOfResult[result & 0xff];
  const isFull = fullText.test(messageOf(thrown)) || (result !== null && isOutOfSpace(result, dir));
  const code = known ?? (isFull ? "STORAGE_FULL" : "STORAGE_FAILED");
  return new LilyError(code, `${what}: ${messageOf(thrown)}`, { cause: thrown, details: result === null ? {} : { sqlite: result } });
}

/** True for a result that a full disk may have caused, when the disk of `dir` is full. */
export function isOutOfSpace(result: number, dir: string): boolean {
  if (!maybeFull.has(result & 0xff)) return false;
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize < neededBytes;
  } catch {
    return false;
  }
}

/** What SQLite answered, extended; null when something else was thrown. */
export function sqliteResult(thrown: unknown): number | null {
  if (!(thrown instanceof Error) || !("errcode" in thrown)) return null;
  return typeof thrown.errcode === "number" ? thrown.errcode : null;
}
