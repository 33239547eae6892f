/**
 * Owns: the copies of objects that commands read, shared by the attempts of a run that use the same object under the same name.
 * States of a copy: absent, made and held by some attempts, released (removed with the last holder).
 * Invariants
 * - A1 A copy is published by rename only after its bytes gave the digest.
 * - A copy that stands already is used again only when it is the untouched file that this process made, or its bytes still give the digest.
 * Not responsible for: objects; a command may do with its copy what it likes.
 */
import * as fs from "node:fs";
import { dirname, sep } from "node:path";
import { type Digest, streamHasher } from "../../base/digest.ts";
import { LilyError } from "../../base/lily-error.ts";
import { closeQuietly, makeFolders, openTemporary, removeQuietly } from "./durable-folder.ts";
import { openFolder, openRegularFile } from "./folder-handle.ts";
import { FileSource } from "./file-source.ts";
import { storageError } from "./storage-error.ts";
import { writeHashed } from "./write-hashed.ts";

/** What changes whenever somebody writes to a file: its change time cannot be set back. */
type Fingerprint = string;

export class InputCopies {
  readonly #holders = new Map<string, number>();
  readonly #made = new Map<string, Fingerprint>();
  readonly #making = new Map<string, Promise<void>>();

  hold(path: string): void {
    this.#holders.set(path, (this.#holders.get(path) ?? 0) + 1);
  }

  /** Removes the copy with its last holder. */
  release(path: string): void {
    if (!this.#holders.has(path)) return;
    const left = (this.#holders.get(path) ?? 1) - 1;
    if (left > 0) {
      this.#holders.set(path, left);
      return;
    }
    this.#holders.delete(path);
    this.#made.delete(path);
    removeQuietly(path);
    removeEmptyFolders(dirname(path));
  }

  /** Removes every copy below a folder, whoever holds it. */
  forget(folder: string): void {
    for (const path of [...this.#holders.keys()]) if (path.startsWith(folder + sep)) this.#holders.delete(path);
    for (const path of [...this.#made.keys()]) if (path.startsWith(folder + sep)) this.#made.delete(path);
    fs.rmSync(folder, { recursive: true, force: true });
  }

  /** Resolves when `path` holds the object's bytes. Throws OBJECT_CORRUPT when what `read` gives does not fit the digest. */
  async make(path: string, digest: Digest, read: () => Promise<Uint8Array | AsyncIterable<Uint8Array>>): Promise<void> {
    for (let other = this.#making.get(path); other !== undefined; other = this.#making.get(path)) await other.catch(() => {});
    const making = this.#makeNow(path, digest, read);
    this.#making.set(path, making);
    try {
      await making;
    } finally {
      this.#making.delete(path);
    }
  }

  async #makeNow(path: string, digest: Digest, read: () => Promise<Uint8Array | AsyncIterable<Uint8Array>>): Promise<void> {
    try {
      if (await this.#stands(path, digest)) return;
      makeFolders(dirname(path));
      await writeCopy(path, digest, await read());
      const made = fingerprint(path);
      if (made !== null) this.#made.set(path, made);
    } catch (thrown) {
      throw storageError(thrown, `cannot put an input at ${path}`);
    }
  }

  async #stands(path: string, digest: Digest): Promise<boolean> {
    const now = fingerprint(path);
    if (now === null) return false;
    if (now === this.#made.get(path)) return true;
    return (await digestOfPlainFile(path)) === digest;
  }
}

async function writeCopy(path: string, digest: Digest, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = openTemporary(dirname(path));
  try {
    const seen = await writeHashed(temporary.fd, content);
    if (seen !== digest)
      throw new LilyError("OBJECT_CORRUPT", `the bytes of ${digest} do not give this digest; they were not handed to a command`, { details: { digest } });
    fs.fchmodSync(temporary.fd, 0o644);
    fs.renameSync(temporary.path, path);
  } catch (thrown) {
    removeQuietly(temporary.path);
    throw thrown;
  } finally {
    closeQuietly(temporary.fd);
  }
}

function fingerprint(path: string): Fingerprint | null {
  const seen = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return seen === undefined ? null : `${seen.dev}:${seen.ino}:${seen.size}:${seen.mtimeNs}:${seen.ctimeNs}:${seen.mode}:${seen.nlink}`;
}

/** Null when a command put something else than a plain file there. */
async function digestOfPlainFile(path: string): Promise<Digest | null> {
  const folder = openFolder(dirname(path));
  try {
    const opened = openRegularFile(folder, path.slice(dirname(path).length + 1));
    return opened === null ? null : await digestOf(new FileSource(opened.fd, opened.size));
  } catch (thrown) {
    if (thrown instanceof LilyError && thrown.code === "PATH_INVALID") return null;
    throw thrown;
  } finally {
    closeQuietly(folder.fd);
  }
}

async function digestOf(source: FileSource): Promise<Digest> {
  const hasher = streamHasher();
  const piece = new Uint8Array(Math.max(1, Math.min(source.size, 1 << 20)));
  try {
    for (let count = await source.read(piece); count > 0; count = await source.read(piece)) hasher.update(piece.subarray(0, count));
    return hasher.digest();
  } finally {
    await source.close();
  }
}

/** Removes `in/<digest16>` and `in` when nothing is left in them. */
function removeEmptyFolders(folder: string): void {
  try {
    fs.rmdirSync(folder);
    fs.rmdirSync(dirname(folder));
  } catch {
    // Another input is still there, or the folder is gone: both are fine.
  }
}
