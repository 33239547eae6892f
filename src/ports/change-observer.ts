import type { RelativePath } from "../base/relative-path.ts";

export interface TreeChange {
  /** A name that a relative path cannot hold has %XX in place of what does not fit; what lies too deep is told as the folder above it. */
  readonly path: RelativePath;
  readonly change: "added" | "changed" | "removed";
  /** What stands there now; what stood there before, for a removed one. */
  readonly kind: "file" | "directory" | "link" | "special";
  /** Bytes now; 0 for what is removed or no file. */
  readonly size: number;
}

/** What changed while a window was open, sorted by path; a path once, as what became of it in all. */
export interface ChangeReport {
  readonly changes: readonly TreeChange[];
  /** False when no look was needed, because the system reported that nothing had been touched. */
  readonly looked: boolean;
}

/** From an open window to its close, whatever changed under the root is in the report, also when other windows were open meanwhile. */
export interface ChangeWindow {
  /**
   * Call once, after every process of the attempt has ended. INPUT_TOO_LARGE when the tree has too many entries, STORAGE_FAILED, also when
   * the root was moved.
   */
  close(): Promise<ChangeReport>;
}

/**
 * Compares a folder of files before and after. Changes are told by inode, mode, names, size and times of a file, its kind, and by
 * presence; of a folder by inode, mode and owner, because what happens in it is told by itself. No link is
 * followed, content is never read. What it cannot see is in docs/reference/enforcement.md.
 */
export interface ChangeObserver {
  /** The first window takes a full look; later ones go on from the newest. What happens between windows is in none. Errors as of `close`. */
  open(): Promise<ChangeWindow>;
  /** Frees watches. Idempotent. Windows that are open can still be closed. */
  end(): Promise<void>;
}

export interface ChangeObservers {
  /** `hidden` are absolute folders that are left out (the workspace). INPUT_NOT_FOUND when the root does not exist. */
  observe(root: string, options: { readonly hidden: readonly string[] }): Promise<ChangeObserver>;
}
