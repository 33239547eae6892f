/**
 * Owns: the few file calls that publish bytes so that they survive a power cut (reliability rules 1 and 3).
 * Invariants
 * - A1 A published name shows all of its bytes or does not exist; it is made by `link`, which never replaces a name.
 * - L2 A call that says durable returns after the sync of the file and of every folder whose entries it changed.
 * Not responsible for: what the bytes mean, and who may write them.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { LilyError } from "../../base/lily-error.ts";
import { hasErrno, storageError } from "./storage-error.ts";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = fs.constants;
/** Windows has neither flag; there a folder cannot be opened for a sync. */
const folderFlags = O_RDONLY | (O_DIRECTORY ?? 0) | (O_NOFOLLOW ?? 0);
const createFlags = O_RDWR | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0);

export const temporaryPrefix = ".tmp-";

export interface Temporary {
  readonly path: string;
  readonly fd: number;
}

/** A new private file with a random name that no list of published names shows. */
export function openTemporary(folder: string): Temporary {
  const path = join(folder, `${temporaryPrefix}${randomBytes(12).toString("hex")}`);
  return { path, fd: fs.openSync(path, createFlags, 0o600) };
}

/** Writes every byte; a short write is continued, a write of nothing is a failure. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const count = fs.writeSync(fd, bytes, done, bytes.length - done);
    if (count <= 0) throw new LilyError("STORAGE_FAILED", "a write made no progress");
    done += count;
  }
}

/** `writeAll` off the main thread. */
export async function writeAllAsync(fd: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const count = await new Promise<number>((resolve, reject) => {
      fs.write(fd, bytes, done, bytes.length - done, null, (error, written) => (error === null ? resolve(written) : reject(error)));
    });
    if (count <= 0) throw new LilyError("STORAGE_FAILED", "a write made no progress");
    done += count;
  }
}

/** Syncs a file without stopping the event loop: a slow disk must not hold timers. */
export function syncFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fs.fsync(fd, (error) => (error === null ? resolve() : reject(error))));
}

/** Makes the entries of a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const fd = fs.openSync(folder, folderFlags);
  try {
    await syncFile(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Makes a folder and its missing parents; resolves when each new entry is durable. An existing folder costs one call. */
export async function makeFolderDurable(folder: string, mode = 0o755): Promise<void> {
  for (const made of makeFolders(folder, mode)) await syncFolder(dirname(made));
}

/**
 * Makes a folder and its missing parents; answers what it made, the outermost first. Node's own recursive form says ENOENT on a
 * read-only disk.
 */
export function makeFolders(folder: string, mode = 0o755): readonly string[] {
  try {
    fs.mkdirSync(folder, mode);
    return [folder];
  } catch (thrown) {
    if (hasErrno(thrown, "ENOENT") && dirname(folder) !== folder) return [...makeFolders(dirname(folder), mode), ...makeFolders(folder, mode)];
    if (hasErrno(thrown, "EEXIST") && fs.statSync(folder).isDirectory()) return [];
    throw thrown;
  }
}

/** Removes a file that may be gone already. */
export function removeQuietly(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch {
    // A leftover temporary is named by nothing; failing here would hide the error that led here.
  }
}

export function closeQuietly(fd: number): void {
  try {
    fs.closeSync(fd);
  } catch {
    // The outcome was decided before; nothing is lost when a close fails after a sync.
  }
}

/**
 * Publishes small bytes under `path`, once, durably. False when the name exists already: its bytes are the caller's to compare.
 * The folder must exist. Throws STORAGE_FULL, WORKSPACE_READ_ONLY, STORAGE_FAILED.
 */
export async function publishOnce(path: string, bytes: Uint8Array, mode: number): Promise<boolean> {
  const folder = dirname(path);
  let temporary: Temporary | null = null;
  try {
    temporary = openTemporary(folder);
    writeAll(temporary.fd, bytes);
    await syncFile(temporary.fd);
    fs.fchmodSync(temporary.fd, mode);
    const published = linkOnce(temporary.path, path);
    fs.unlinkSync(temporary.path);
    await syncFolder(folder);
    return published;
  } catch (thrown) {
    if (temporary !== null) removeQuietly(temporary.path);
    throw storageError(thrown, `cannot write ${path}`);
  } finally {
    if (temporary !== null) closeQuietly(temporary.fd);
  }
}

/** Gives a file a second name; false when the name is taken. */
export function linkOnce(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (thrown) {
    if (hasErrno(thrown, "EEXIST")) return false;
    throw thrown;
  }
}
