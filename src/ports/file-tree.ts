import type { RelativePath } from "../base/relative-path.ts";
import type { ByteSource } from "./object-store.ts";

export interface TreeEntry {
  readonly path: RelativePath;
  readonly kind: "file" | "directory" | "link" | "special";
  readonly size: number;
  /** Changes whenever the content may have changed: inode, size and times of a file. Compared, never read. */
  readonly mark: string;
}

/**
 * Read-only view of a folder of files that somebody else may be changing. Paths are checked relative paths; no link is ever followed,
 * neither as the last segment nor before it; what is opened is what was checked (one descriptor). Errors: INPUT_NOT_FOUND,
 * PATH_INVALID (a link or a special file on the way), STORAGE_FAILED, INPUT_TOO_LARGE.
 */
export interface FileTree {
  /** Absolute path, for working directories and messages only. */
  readonly root: string;
  stat(path: RelativePath): Promise<TreeEntry | null>;
  read(path: RelativePath, bytesMax: number): Promise<Uint8Array>;
  /** Opens a regular file with one link. Caller closes. */
  open(path: RelativePath): Promise<ByteSource & { readonly size: number }>;
  /** Entries that match any glob (picomatch syntax, dot files only when the glob names the dot), sorted by path in ASCII order. `**` does not enter links. */
  glob(patterns: readonly string[], entriesMax: number): Promise<readonly TreeEntry[]>;
  /** Every entry under a folder, sorted by path in ASCII order; links and special files are listed as such. */
  walk(path: RelativePath | null, entriesMax: number): Promise<readonly TreeEntry[]>;
}

export interface FileTrees {
  /** Throws INPUT_NOT_FOUND when the folder does not exist. `hidden` are absolute paths never entered or listed (the workspace). */
  openTree(root: string, options?: { readonly hidden?: readonly string[] }): Promise<FileTree>;
}
