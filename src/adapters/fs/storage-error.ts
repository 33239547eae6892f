import { LilyError } from "../../base/lily-error.ts";
import type { ErrorCode } from "../../base/error-table.ts";

/** The errno name of something that a Node file call threw, or null. */
export function errnoOf(thrown: unknown): string | null {
  if (!(thrown instanceof Error) || !("code" in thrown)) return null;
  return typeof thrown.code === "string" ? thrown.code : null;
}

/** True when `thrown` carries one of these errno names. */
export function hasErrno(thrown: unknown, ...names: readonly string[]): boolean {
  const errno = errnoOf(thrown);
  return errno !== null && names.includes(errno);
}

const codeOfErrno: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: "STORAGE_FULL",
  EDQUOT: "STORAGE_FULL",
  EROFS: "WORKSPACE_READ_ONLY",
  EACCES: "WORKSPACE_READ_ONLY",
  EPERM: "WORKSPACE_READ_ONLY",
};

/** The LilyError of a failed file call inside the workspace; `what` says what was tried and where. A LilyError passes unchanged. */
export function storageError(thrown: unknown, what: string): LilyError {
  if (thrown instanceof LilyError) return thrown;
  const errno = errnoOf(thrown);
  const code = (errno === null ? undefined : codeOfErrno[errno]) ?? "STORAGE_FAILED";
  return new LilyError(code, `${what}: ${errno ?? "failed"}`, { cause: thrown, details: errno === null ? {} : { errno } });
}
