/**
 * Owns: `objects/<2 hex>/<62 hex>`, one file an object, mode 0444.
 * States of a name: absent, then present for ever. Temporary names start with `.tmp-` and belong to nobody after a crash.
 * Invariants
 * - A1 Bytes lie under their SHA-256; a name is made by `link` after the file was synced, so it is never replaced and never partial.
 * - A1 Every read hashes what it hands out; what does not fit is OBJECT_CORRUPT and is not handed out.
 * - L2 A put returns after the sync of the file, of its folder, and of `objects/` when the folder was new to this process.
 * Not responsible for: who refers to an object, and removing any.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { type Digest, digestBytes, hexOf, streamHasher } from "../../base/digest.ts";
import { LilyError } from "../../base/lily-error.ts";
import type { ByteSource, ObjectStat, ObjectStore } from "../../ports/object-store.ts";
import { closeQuietly, linkOnce, makeFolderDurable, openTemporary, removeQuietly, syncFile, syncFolder, type Temporary, writeAll } from "./durable-folder.ts";
import { FileSource, readWhole } from "./file-source.ts";
import { hasErrno, storageError } from "./storage-error.ts";
import { copyHashed } from "./copy-hashed.ts";

const readFlags = fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);
const verifyPieceBytes = 1 << 20;
const fanOutPattern = /^[0-9a-f]{2}$/;
const restPattern = /^[0-9a-f]{62}$/;

/**
 * Opens the store of a workspace; `dir` is its `objects` folder and is made when missing, unless the workspace can be read only. Throws
 * WORKSPACE_READ_ONLY, STORAGE_FAILED.
 */
export async function openFsObjectStore(dir: string, options: { readonly isReadOnly?: boolean } = {}): Promise<ObjectStore> {
  if (options.isReadOnly === true) return new FsObjectStore(dir);
  try {
    await makeFolderDurable(dir);
  } catch (thrown) {
    throw storageError(thrown, `cannot make ${dir}`);
  }
  return new FsObjectStore(dir);
}

class FsObjectStore implements ObjectStore {
  readonly #dir: string;
  /** Fan-out folders whose own entry in `objects/` this process knows to be durable. */
  readonly #durableFolders = new Map<string, Promise<void>>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  async put(bytes: Uint8Array): Promise<ObjectStat> {
    const digest = digestBytes(bytes);
    const stat = { digest, size: bytes.length };
    return this.#guard(`cannot store ${digest}`, async () => {
      const folder = this.#folderOf(digest);
      if (await this.#isThere(digest, bytes.length)) {
        await Promise.all([this.#folderDurable(folder), syncFolder(folder)]);
        return stat;
      }
      const folderReady = this.#folderDurable(folder);
      await this.#publish(
        digest,
        bytes.length,
        folderReady,
        () => openTemporary(folder),
        async (fd) => writeAll(fd, bytes),
      );
      return stat;
    });
  }

  async putSource(source: ByteSource, options: { readonly bytesMax?: number } = {}): Promise<ObjectStat> {
    return this.#guard("cannot store a stream", async () => {
      const temporary = openTemporary(this.#dir);
      let copied: ObjectStat;
      let folderReady: Promise<void>;
      try {
        copied = await copyHashed(source, temporary.fd, options.bytesMax ?? Number.MAX_SAFE_INTEGER);
        folderReady = this.#folderDurable(this.#folderOf(copied.digest));
      } catch (thrown) {
        closeQuietly(temporary.fd);
        removeQuietly(temporary.path);
        throw thrown;
      }
      await this.#publish(
        copied.digest,
        copied.size,
        folderReady,
        () => temporary,
        async () => {},
      );
      return copied;
    });
  }

  async get(digest: Digest, options: { readonly bytesMax?: number } = {}): Promise<Uint8Array> {
    return this.#guard(`cannot read ${digest}`, async () => {
      const { fd, size } = this.#openExisting(digest);
      try {
        const bytesMax = options.bytesMax ?? Number.MAX_SAFE_INTEGER;
        if (size > bytesMax) throw new LilyError("INPUT_TOO_LARGE", `object ${digest} has ${size} bytes, more than ${bytesMax}`);
        const bytes = await readWhole(fd, size);
        if (digestBytes(bytes) !== digest) throw corrupt(digest);
        return bytes;
      } finally {
        closeQuietly(fd);
      }
    });
  }

  async open(digest: Digest): Promise<ByteSource & { readonly size: number }> {
    return this.#guard(`cannot read ${digest}`, async () => {
      const { fd, size } = this.#openExisting(digest);
      const source = new FileSource(fd, size);
      try {
        await verifySource(source, digest);
        source.rewind();
        return source;
      } catch (thrown) {
        await source.close();
        throw thrown;
      }
    });
  }

  async stat(digest: Digest): Promise<ObjectStat | null> {
    return this.#guard(`cannot look for ${digest}`, async () => {
      const seen = fs.lstatSync(this.#pathOf(digest), { throwIfNoEntry: false });
      if (seen === undefined) return null;
      if (!seen.isFile()) throw corrupt(digest);
      return { digest, size: seen.size };
    });
  }

  async *list(): AsyncIterable<ObjectStat> {
    for (const first of namesIn(this.#dir, fanOutPattern)) {
      for (const rest of namesIn(join(this.#dir, first), restPattern)) {
        const seen = fs.lstatSync(join(this.#dir, first, rest), { throwIfNoEntry: false });
        if (seen !== undefined) yield { digest: `sha256:${first}${rest}` as Digest, size: seen.size };
      }
    }
  }

  /** True when the object is there and its bytes verify; damage is an error, because a put promises that reads will work. */
  async #isThere(digest: Digest, size: number): Promise<boolean> {
    let opened: { readonly fd: number; readonly size: number };
    try {
      opened = this.#openExisting(digest);
    } catch (thrown) {
      if (thrown instanceof LilyError && thrown.code === "OBJECT_MISSING") return false;
      throw thrown;
    }
    const source = new FileSource(opened.fd, opened.size);
    try {
      if (opened.size !== size) throw corrupt(digest);
      await verifySource(source, digest);
      return true;
    } finally {
      await source.close();
    }
  }

  async #publish(digest: Digest, size: number, folderReady: Promise<void>, openTarget: () => Temporary, fill: (fd: number) => Promise<void>): Promise<void> {
    let temporary: Temporary | null = null;
    try {
      temporary = openTarget();
      await fill(temporary.fd);
      await Promise.all([syncFile(temporary.fd), folderReady]);
      fs.fchmodSync(temporary.fd, 0o444);
      const published = linkOnce(temporary.path, this.#pathOf(digest));
      removeQuietly(temporary.path);
      await syncFolder(this.#folderOf(digest));
      if (!published && !(await this.#isThere(digest, size))) throw new LilyError("STORAGE_FAILED", "another process removed the object");
    } finally {
      await folderReady.catch(() => {});
      if (temporary !== null) {
        closeQuietly(temporary.fd);
        removeQuietly(temporary.path);
      }
    }
  }

  /** Makes the fan-out folder now and resolves when its entry is durable; another process may have made it and not synced it yet. */
  #folderDurable(folder: string): Promise<void> {
    const known = this.#durableFolders.get(folder);
    if (known !== undefined) return known;
    try {
      fs.mkdirSync(folder, 0o755);
    } catch (thrown) {
      if (!hasErrno(thrown, "EEXIST")) throw thrown;
    }
    const synced = syncFolder(this.#dir);
    this.#durableFolders.set(folder, synced);
    synced.catch(() => this.#durableFolders.delete(folder));
    return synced;
  }

  #openExisting(digest: Digest): { readonly fd: number; readonly size: number } {
    let fd: number;
    try {
      fd = fs.openSync(this.#pathOf(digest), readFlags);
    } catch (thrown) {
      if (hasErrno(thrown, "ENOENT")) throw new LilyError("OBJECT_MISSING", `object ${digest} is not in ${this.#dir}`, { details: { digest } });
      if (hasErrno(thrown, "ELOOP", "ENXIO", "ENOTDIR")) throw corrupt(digest);
      throw thrown;
    }
    const seen = fs.fstatSync(fd);
    if (seen.isFile()) return { fd, size: seen.size };
    closeQuietly(fd);
    throw corrupt(digest);
  }

  #folderOf(digest: Digest): string {
    return join(this.#dir, hexOf(digest).slice(0, 2));
  }

  #pathOf(digest: Digest): string {
    return join(this.#folderOf(digest), hexOf(digest).slice(2));
  }

  async #guard<T>(what: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (thrown) {
      throw storageError(thrown, what);
    }
  }
}

/** Two buffers for what does not fit into one: the thread pool reads the next piece while this thread hashes. */
async function verifySource(source: FileSource, digest: Digest): Promise<void> {
  const hasher = streamHasher();
  let current = new Uint8Array(Math.max(1, Math.min(source.size, verifyPieceBytes)));
  let spare = source.size > verifyPieceBytes ? new Uint8Array(verifyPieceBytes) : null;
  for (let count = await source.read(current); count > 0; ) {
    const piece = current.subarray(0, count);
    if (spare === null) {
      hasher.update(piece);
      count = await source.read(current);
      continue;
    }
    const next = source.read(spare);
    hasher.update(piece);
    count = await next;
    [current, spare] = [spare, current];
  }
  if (hasher.digest() !== digest) throw corrupt(digest);
}

function namesIn(folder: string, pattern: RegExp): readonly string[] {
  try {
    return fs
      .readdirSync(folder)
      .filter((name) => pattern.test(name))
      .sort();
  } catch (thrown) {
    if (hasErrno(thrown, "ENOENT", "ENOTDIR")) return [];
    throw storageError(thrown, `cannot list ${folder}`);
  }
}

function corrupt(digest: Digest): LilyError {
  return new LilyError("OBJECT_CORRUPT", `the stored bytes of ${digest} do not give this digest; they were not served`, { details: { digest } });
}
