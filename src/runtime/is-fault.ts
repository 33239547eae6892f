import { isLilyError } from "../base/lily-error.ts";

/**
 * True when what was thrown stops the run itself (the disk, the ledger, a programming mistake) rather than failing the step that met
 * it. A fault is never recorded as the step's outcome: the attempt stays in flight and is INTERRUPTED by whoever resumes (E7).
 */
export function isFault(thrown: unknown): boolean {
  if (!isLilyError(thrown)) return true;
  const { exit } = thrown.entry;
  return exit === 70 || exit === 4 || thrown.code.startsWith("LEDGER_") || thrown.code === "WORKSPACE_READ_ONLY";
}
