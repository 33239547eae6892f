/**
 * Owns: one open folder, and looking at names inside it without following any link (reliability rule 36).
 *
 * Node has no `openat`. On Linux `/proc/self/fd/<fd>/<name>` names an entry of the folder that is open, whatever its path is now, so a
 * folder swapped for a link between two calls changes nothing. Elsewhere the path is used and every opened folder is compared with what
 * `lstat` saw just before, by device and inode.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { LilyError } from "../../base/lily-error.ts";
import { closeQuietly } from "./durable-folder.ts";
import { hasErrno } from "./storage-error.ts";

const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants;
const folderFlags = O_RDONLY | (O_DIRECTORY ?? 0) | (O_NOFOLLOW ?? 0);
/** O_NONBLOCK: a FIFO that was put in place of a file must not hold the process. */
const fileFlags = O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0) | (O_NOCTTY ?? 0);
const entriesByDescriptor = process.platform === "linux" && fs.existsSync("/proc/self/fd");

export interface FolderHandle {
  /** Absolute path by which it was reached; for messages. */
  readonly path: string;
  readonly fd: number;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Opens an absolute path as a folder; the last segment may not be a link. Throws Node's errors and PATH_INVALID. */
export function openFolder(path: string): FolderHandle {
  return openAt(path, path);
}

/** Opens a folder inside an open one. Throws PATH_INVALID for a link or special file, ENOENT and ENOTDIR as Node does. */
export function openSubfolder(parent: FolderHandle, name: string): FolderHandle {
  return openAt(entryPath(parent, name), join(parent.path, name));
}

/** Opens a folder inside an open one, making it when it is missing. */
export function makeSubfolder(parent: FolderHandle, name: string): FolderHandle {
  try {
    fs.mkdirSync(entryPath(parent, name));
  } catch (thrown) {
    if (!hasErrno(thrown, "EEXIST")) throw thrown;
  }
  return openSubfolder(parent, name);
}

/** Looks at an entry without following it; null when there is none. */
export function lookAt(parent: FolderHandle, name: string): fs.BigIntStats | null {
  return fs.lstatSync(entryPath(parent, name), { bigint: true, throwIfNoEntry: false }) ?? null;
}

/**
 * Opens a regular file with one link that is an entry of an open folder, and checks that the descriptor is the file that was looked at.
 * Null when there is no such entry. Throws PATH_INVALID for everything that is not such a file.
 */
export function openRegularFile(parent: FolderHandle, name: string): { readonly fd: number; readonly size: number } | null {
  const before = lookAt(parent, name);
  if (before === null) return null;
  const shown = join(parent.path, name);
  refuseUnlessPlain(before, shown);
  const fd = openFileNoFollow(entryPath(parent, name), shown);
  if (fd === null) return null;
  try {
    const opened = fs.fstatSync(fd, { bigint: true });
    refuseUnlessPlain(opened, shown);
    if (opened.dev !== before.dev || opened.ino !== before.ino) throw pathInvalid(shown, "was replaced while it was opened");
    return { fd, size: Number(opened.size) };
  } catch (thrown) {
    closeQuietly(fd);
    throw thrown;
  }
}

/** Names in an open folder, unsorted. Stops with INPUT_TOO_LARGE after `entriesMax`. A name that is not UTF-8 is PATH_INVALID. */
export function namesOf(folder: FolderHandle, entriesMax: number): readonly string[] {
  const path = entriesByDescriptor ? `/proc/self/fd/${folder.fd}/.` : folder.path;
  const names: string[] = [];
  const dir = fs.opendirSync(path, { encoding: "buffer" as BufferEncoding, bufferSize: 256 });
  try {
    for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) {
      if (names.length >= entriesMax) throw new LilyError("INPUT_TOO_LARGE", `${folder.path} has more than ${entriesMax} entries`);
      names.push(decodeName(entry.name, folder.path));
    }
  } finally {
    dir.closeSync();
  }
  return names;
}

export function pathInvalid(path: string, why: string): LilyError {
  return new LilyError("PATH_INVALID", `${JSON.stringify(path)} ${why}`, { details: { path } });
}

function openAt(path: string, shown: string): FolderHandle {
  const before = fs.lstatSync(path, { bigint: true });
  if (!before.isDirectory()) throw notAFolder(before, shown);
  let fd: number;
  try {
    fd = fs.openSync(path, folderFlags);
  } catch (thrown) {
    if (hasErrno(thrown, "ELOOP", "ENOTDIR")) throw pathInvalid(shown, "was replaced while it was opened");
    throw thrown;
  }
  const opened = fs.fstatSync(fd, { bigint: true });
  if (opened.isDirectory() && opened.dev === before.dev && opened.ino === before.ino) return { path: shown, fd, dev: opened.dev, ino: opened.ino };
  closeQuietly(fd);
  throw pathInvalid(shown, "was replaced while it was opened");
}

/** A plain file on the way means that the path does not exist; a link or special file is refused as such. */
function notAFolder(seen: fs.BigIntStats, shown: string): Error {
  if (seen.isSymbolicLink()) return pathInvalid(shown, "is a link, and links are not followed");
  if (!seen.isFile()) return pathInvalid(shown, "is a special file");
  return new LilyError("INPUT_NOT_FOUND", `${JSON.stringify(shown)} is a file, not a folder`, { details: { path: shown } });
}

function refuseUnlessPlain(seen: fs.BigIntStats, shown: string): void {
  if (seen.isSymbolicLink()) throw pathInvalid(shown, "is a link, and links are not followed");
  if (seen.isDirectory()) throw pathInvalid(shown, "is a folder, not a file");
  if (!seen.isFile()) throw pathInvalid(shown, "is a special file");
  if (seen.nlink !== 1n) throw pathInvalid(shown, `has ${seen.nlink} names (hard links), so somebody else may change it`);
}

function openFileNoFollow(path: string, shown: string): number | null {
  try {
    return fs.openSync(path, fileFlags);
  } catch (thrown) {
    if (hasErrno(thrown, "ENOENT")) return null;
    if (hasErrno(thrown, "ELOOP", "ENXIO", "ENOTDIR")) throw pathInvalid(shown, "was replaced while it was opened");
    throw thrown;
  }
}

/** A path for Node's file calls that names an entry of the open folder. Good while the folder is open. */
export function entryPath(parent: FolderHandle, name: string): string {
  return entriesByDescriptor ? `/proc/self/fd/${parent.fd}/${name}` : join(parent.path, name);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeName(name: unknown, folder: string): string {
  if (typeof name === "string") return name;
  try {
    if (name instanceof Uint8Array) return decoder.decode(name);
  } catch {
    // Falls through to the refusal.
  }
  throw pathInvalid(folder, "holds a name that is not UTF-8");
}
