/**
 * Owns: the private copy of an authority database that lies in a folder which cannot be written (an auditor's copy, a read-only mount).
 * Invariants: 1. The copy is of one moment: a database that changed while it was copied is copied again. 2. The original is only read.
 */
import { chmodSync, copyFileSync, lstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { LilyError, messageOf } from "../../base/lily-error.ts";

export interface AuthorityCopy {
  readonly path: string;
  /** Idempotent. */
  remove(): void;
}

const triesMax = 8;

/** Copies the database with its write-ahead log, which holds what is not in the database yet. Throws WORKSPACE_READ_ONLY when it cannot. */
export function copyAuthority(path: string): AuthorityCopy {
  let folder: string | null = null;
  try {
    folder = mkdtempSync(join(tmpdir(), "lily-read-"));
    const copy = join(folder, basename(path));
    for (let tries = 1; !copiedAtOneMoment(path, copy); tries++) {
      if (tries >= triesMax) throw new LilyError("STORAGE_FAILED", `${path} changes faster than it can be copied; read it where it is written`);
    }
    const made = folder;
    return { path: copy, remove: () => rmSync(made, { recursive: true, force: true }) };
  } catch (thrown) {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
    if (thrown instanceof LilyError) throw thrown;
    throw new LilyError("WORKSPACE_READ_ONLY", `${path} can be read only as a copy, and that could not be made: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function copiedAtOneMoment(path: string, copy: string): boolean {
  const before = marksOf(path);
  for (const end of ["-wal", ""] as const) {
    rmSync(copy + end, { force: true });
    if (before[end] !== null) copyFileSync(path + end, copy + end);
    // The copy has the mode of the original, which may be readable only; it is ours, and removed by us.
    if (before[end] !== null) chmodSync(copy + end, 0o600);
  }
  const after = marksOf(path);
  return before[""] === after[""] && before["-wal"] === after["-wal"];
}

/** What changes whenever a file is written. */
function marksOf(path: string): Readonly<Record<"" | "-wal", string | null>> {
  const mark = (file: string): string | null => {
    const seen = lstatSync(file, { bigint: true, throwIfNoEntry: false });
    return seen === undefined ? null : `${seen.ino} ${seen.size} ${seen.mtimeNs}`;
  };
  return { "": mark(path), "-wal": mark(`${path}-wal`) };
}
