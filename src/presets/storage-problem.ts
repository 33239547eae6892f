import { LilyError, messageOf } from "../base/lily-error.ts";

/** A LilyError for what the file system refused. */
export function storageProblem(thrown: unknown, what: string): LilyError {
  if (thrown instanceof LilyError) return thrown;
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : null;
  const message = `${what}: ${messageOf(thrown)}`;
  if (code === "EROFS" || code === "EACCES" || code === "EPERM") return new LilyError("WORKSPACE_READ_ONLY", message, { cause: thrown });
  if (code === "ENOSPC" || code === "EDQUOT") return new LilyError("STORAGE_FULL", message, { cause: thrown });
  return new LilyError("STORAGE_FAILED", message, { cause: thrown });
}
