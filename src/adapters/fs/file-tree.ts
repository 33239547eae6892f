/**
 * Owns: reading a folder of files that somebody else may be changing.
 * Invariants
 * - No link is followed anywhere below the root; what is opened is what was looked at, by device and inode (reliability rule 36).
 * - Only regular files with one name are opened: a hard link, FIFO, device or socket is PATH_INVALID and does not block.
 * - The root must stay the folder it was when the tree was opened.
 * - Hidden folders are neither entered nor listed, by path and by inode.
 * Not responsible for: keeping what was read; a caller stores bytes by digest.
 */
import * as fs from "node:fs";
import { isAbsolute, join, resolve, sep } from "node:path";
import { LilyError } from "../../base/lily-error.ts";
import { parseRelativePath, type RelativePath, relativePathProblem } from "../../base/relative-path.ts";
import type { FileTree, FileTrees, TreeEntry } from "../../ports/file-tree.ts";
import type { ByteSource } from "../../ports/object-store.ts";
import { closeQuietly } from "./durable-folder.ts";
import { FileSource } from "./file-source.ts";
import { type FolderHandle, lookAt, namesOf, openFolder, openRegularFile, pathInvalid } from "./folder-handle.ts";
import { KeptFolder } from "./kept-folder.ts";
import { hasErrno, storageError } from "./storage-error.ts";

/** Entries looked at in one glob, matching or not. */
const visitedMax = 2_000_000;
/** Entries after which other work gets a turn. */
const turnEvery = 2_000;

/** Read-only trees on the local file system. */
export function openFsFileTrees(): FileTrees {
  return { openTree: async (root, options = {}) => openTree(root, options.hidden ?? []) };
}

function openTree(root: string, hidden: readonly string[]): FileTree {
  if (!isAbsolute(root)) throw pathInvalid(root, "is not absolute");
  let handle: FolderHandle;
  try {
    handle = openFolder(fs.realpathSync(root));
  } catch (thrown) {
    throw readError(thrown, root);
  }
  closeQuietly(handle.fd);
  return new FsFileTree(handle, hidden.map(hiddenFolder));
}

interface HiddenFolder {
  readonly path: string;
  readonly inode: { readonly dev: bigint; readonly ino: bigint } | null;
}

function hiddenFolder(path: string): HiddenFolder {
  try {
    const real = fs.realpathSync(path);
    const seen = fs.lstatSync(real, { bigint: true });
    return { path: real, inode: { dev: seen.dev, ino: seen.ino } };
  } catch {
    return { path: resolve(path), inode: null };
  }
}

interface FoundEntry {
  readonly path: RelativePath;
  readonly seen: fs.BigIntStats;
}

class FsFileTree implements FileTree {
  readonly root: string;
  readonly #handle: FolderHandle;
  readonly #hidden: readonly HiddenFolder[];
  readonly #kept: KeptFolder;

  constructor(handle: FolderHandle, hidden: readonly HiddenFolder[]) {
    this.root = handle.path;
    this.#handle = handle;
    this.#hidden = hidden;
    this.#kept = new KeptFolder(handle.path);
  }

  async stat(path: RelativePath): Promise<TreeEntry | null> {
    return this.#inParent(path, null, (parent, name) => {
      const seen = lookAt(parent, name);
      return seen === null || this.#hides(parent, name, seen) ? null : entryOf(path, seen);
    });
  }

  async read(path: RelativePath, bytesMax: number): Promise<Uint8Array> {
    const source = await this.open(path);
    try {
      if (source.size > bytesMax) throw tooLarge(path, bytesMax);
      return await readGrowing(source, path, bytesMax);
    } finally {
      await source.close();
    }
  }

  async open(path: RelativePath): Promise<ByteSource & { readonly size: number }> {
    const opened = this.#inParent(path, null, openRegularFile);
    if (opened === null) throw notFound(join(this.root, path));
    return new FileSource(opened.fd, opened.size);
  }

  async glob(patterns: readonly string[], entriesMax: number): Promise<readonly TreeEntry[]> {
    // Loaded here, because most commands name no glob and start faster without the matcher.
    const { compileGlobs } = await import("./glob-set.ts");
    const globs = compileGlobs(patterns);
    const found: TreeEntry[] = [];
    let visited = 0;
    await this.#each(null, visitedMax, (path, seen) => {
      if (++visited > visitedMax) throw tooMany(this.root, visitedMax);
      if (globs.matches(path)) {
        if (found.length >= entriesMax) throw tooMany(this.root, entriesMax);
        found.push(entryOf(path, seen));
      }
      return seen.isDirectory() && globs.reaches(path);
    });
    return sorted(found);
  }

  async walk(path: RelativePath | null, entriesMax: number): Promise<readonly TreeEntry[]> {
    const found: TreeEntry[] = [];
    await this.#each(path, entriesMax, (at, seen) => {
      if (found.length >= entriesMax) throw tooMany(this.root, entriesMax);
      found.push(entryOf(at, seen));
      return seen.isDirectory();
    });
    return sorted(found);
  }

  /** Visits every entry below a folder, parents first; `visit` answers whether to enter. Other work gets a turn now and then. */
  async #each(start: RelativePath | null, entriesMax: number, visit: (path: RelativePath, seen: fs.BigIntStats) => boolean): Promise<void> {
    const waiting: (RelativePath | null)[] = [start];
    let sinceTurn = 0;
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      const entries = this.#entries(folder, entriesMax, folder !== start);
      for (const { path, seen } of entries) if (visit(path, seen)) waiting.push(path);
      sinceTurn += entries.length + 1;
      if (sinceTurn < turnEvery) continue;
      sinceTurn = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What one folder holds. A folder that vanished since it was listed is empty; the first one must be there. */
  #entries(folder: string | null, entriesMax: number, mayBeGone: boolean): readonly FoundEntry[] {
    try {
      return this.#inFolder(folder === null ? [] : folder.split("/"), (handle) => {
        const entries: FoundEntry[] = [];
        for (const name of namesOf(handle, entriesMax)) {
          const seen = lookAt(handle, name);
          if (seen === null || this.#hides(handle, name, seen)) continue;
          entries.push({ path: this.#checkedPath(folder === null ? name : `${folder}/${name}`), seen });
        }
        return entries;
      });
    } catch (thrown) {
      const error = readError(thrown, join(this.root, folder ?? ""));
      if (mayBeGone && isAbsence(error)) return [];
      throw error;
    }
  }

  #checkedPath(path: string): RelativePath {
    try {
      return parseRelativePath(path);
    } catch {
      throw pathInvalid(join(this.root, path), relativePathProblem(path) ?? "is no path");
    }
  }

  /** Acts on the parent folder of a path; `otherwise` when a folder on the way is missing. */
  #inParent<T>(path: RelativePath, otherwise: T, act: (parent: FolderHandle, name: string) => T): T {
    const segments = parseRelativePath(path).split("/");
    const name = segments.pop() ?? "";
    try {
      return this.#inFolder(segments, (parent) => {
        if (this.#hides(parent, name, null)) return otherwise;
        return act(parent, name);
      });
    } catch (thrown) {
      const error = readError(thrown, join(this.root, path));
      if (isAbsence(error)) return otherwise;
      throw error;
    }
  }

  #inFolder<T>(segments: readonly string[], act: (folder: FolderHandle) => T): T {
    return act(this.#kept.enter(segments, (folder) => this.#refuseOther(folder)));
  }

  #refuseOther(folder: FolderHandle): void {
    const { dev, ino } = this.#handle;
    if (folder.path === this.root) {
      if (folder.dev !== dev || folder.ino !== ino) throw pathInvalid(this.root, "is another folder than the one that was opened");
    } else if (this.#isHidden(folder.path, folder)) throw notFound(folder.path);
  }

  #hides(parent: FolderHandle, name: string, inode: { readonly dev: bigint; readonly ino: bigint } | null): boolean {
    return this.#hidden.length > 0 && this.#isHidden(join(parent.path, name), inode);
  }

  #isHidden(path: string, inode: { readonly dev: bigint; readonly ino: bigint } | null): boolean {
    return this.#hidden.some((hidden) => {
      if (path === hidden.path || path.startsWith(hidden.path + sep)) return true;
      return inode !== null && hidden.inode !== null && inode.dev === hidden.inode.dev && inode.ino === hidden.inode.ino;
    });
  }
}

/** The size may have grown since the file was opened, so the end is found by reading. */
async function readGrowing(source: ByteSource & { readonly size: number }, path: string, bytesMax: number): Promise<Uint8Array> {
  const room = Math.min(bytesMax, source.size) + 1;
  let bytes = new Uint8Array(room);
  let done = 0;
  for (;;) {
    const count = await source.read(bytes.subarray(done));
    if (count === 0) return bytes.subarray(0, done);
    done += count;
    if (done > bytesMax) throw tooLarge(path, bytesMax);
    // More was asked for than the file had when it was opened, and just that came: its end.
    if (done === source.size && done < bytes.length) return bytes.subarray(0, done);
    if (done < bytes.length) continue;
    const larger = new Uint8Array(Math.min(bytes.length * 2, bytesMax + 1));
    larger.set(bytes);
    bytes = larger;
  }
}

function entryOf(path: RelativePath, seen: fs.BigIntStats): TreeEntry {
  const kind = seen.isFile() ? "file" : seen.isDirectory() ? "directory" : seen.isSymbolicLink() ? "link" : "special";
  const mark = kind === "directory" ? kind : `${seen.dev}:${seen.ino}:${seen.size}:${seen.mtimeNs}:${seen.ctimeNs}`;
  return { path, kind, size: kind === "file" ? Number(seen.size) : 0, mark };
}

/** By UTF-8 bytes, which order as UTF-16 units do unless a character takes two of them. */
function sorted(entries: TreeEntry[]): readonly TreeEntry[] {
  if (entries.some((entry) => /[\ud800-\udfff]/.test(entry.path))) {
    return entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** A file call that failed while reading somebody's files. */
function readError(thrown: unknown, path: string): LilyError {
  if (hasErrno(thrown, "ENOENT", "ENOTDIR")) return notFound(path, thrown);
  if (hasErrno(thrown, "EACCES", "EPERM"))
    return new LilyError("INPUT_NOT_FOUND", `${JSON.stringify(path)} may not be read`, { cause: thrown, details: { path } });
  if (hasErrno(thrown, "EROFS")) return new LilyError("STORAGE_FAILED", `cannot read ${path}`, { cause: thrown });
  return storageError(thrown, `cannot read ${path}`);
}

/** Absent, as against present and not readable: only the first may be told as null. */
function isAbsence(error: LilyError): boolean {
  return error.code === "INPUT_NOT_FOUND" && !hasErrno(error.cause, "EACCES", "EPERM");
}

function notFound(path: string, cause?: unknown): LilyError {
  return new LilyError("INPUT_NOT_FOUND", `${JSON.stringify(path)} does not exist`, { details: { path }, ...(cause === undefined ? {} : { cause }) });
}

function tooLarge(path: string, bytesMax: number): LilyError {
  return new LilyError("INPUT_TOO_LARGE", `${JSON.stringify(path)} is larger than ${bytesMax} bytes`, { details: { path, bytesMax } });
}

function tooMany(root: string, entriesMax: number): LilyError {
  return new LilyError("INPUT_TOO_LARGE", `${root} has more than ${entriesMax} entries to list`, { details: { entriesMax } });
}
