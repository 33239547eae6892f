/**
 * Owns: record files under a workspace root: `runs/<run>/record.jsonl`, the others under `streams/`, and `quarantine/`.
 * States: open, closed. Descriptors are kept for a bounded number of streams.
 * Invariants
 * - L2 After `sync` the bytes of earlier writes and every folder entry that leads to them are durable. A failed write or sync is thrown,
 *   never tried again.
 * - L4 Bytes are cut only after a durable copy of them lies in quarantine.
 * Not responsible for: which bytes are committed.
 */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { digestBytes, hexOf } from "../../base/digest.ts";
import { isIdentifier } from "../../base/identifier.ts";
import { LilyError } from "../../base/lily-error.ts";
import { parseRunId, runOfStream, runStream, type StreamId, workspaceStream } from "../../contracts/ids.ts";
import type { RecordFiles } from "../../ports/record-files.ts";
import { closeQuietly, makeFolderDurable, publishOnce, syncFile, syncFolder } from "./durable-folder.ts";
import { hasErrno, storageError } from "./storage-error.ts";

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;
// A FIFO that somebody put in a record's place must not be waited for.
const noFollow = (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);
const openFilesMax = 256;
const syncsAtOnce = 16;

interface OpenFile {
  readonly fd: number;
  /** Operations under way; a busy descriptor is not closed to make room. */
  busy: number;
}

export interface FsRecordFilesOptions {
  /** Absolute root of the workspace; it exists. */
  readonly root: string;
}

export function openFsRecordFiles(options: FsRecordFilesOptions): RecordFiles {
  return new FsRecordFiles(options.root);
}

class FsRecordFiles implements RecordFiles {
  readonly #root: string;
  readonly #open = new Map<StreamId, OpenFile>();
  /** Streams whose folder entries this process has not made durable. */
  readonly #entriesUnsynced = new Set<StreamId>();
  readonly #entriesSynced = new Set<StreamId>();

  constructor(root: string) {
    this.#root = root;
  }

  async writeAt(stream: StreamId, offset: number, bytes: Uint8Array): Promise<void> {
    try {
      const { fd } = this.#forWriting(stream);
      const written = fs.writeSync(fd, bytes, 0, bytes.length, offset);
      if (written !== bytes.length) throw new LilyError("STORAGE_FULL", `only ${written} of ${bytes.length} bytes fitted into ${this.displayPath(stream)}`);
    } catch (thrown) {
      throw storageError(thrown, `cannot write ${this.displayPath(stream)}`);
    }
  }

  async sync(streams: readonly StreamId[]): Promise<void> {
    for (let at = 0; at < streams.length; at += syncsAtOnce) {
      await Promise.all(streams.slice(at, at + syncsAtOnce).map((stream) => this.#syncFile(stream)));
    }
    await this.#syncEntries(streams);
  }

  async size(stream: StreamId): Promise<number> {
    try {
      return fs.lstatSync(this.#path(stream)).size;
    } catch (thrown) {
      if (hasErrno(thrown, "ENOENT", "ENOTDIR")) return 0;
      throw storageError(thrown, `cannot look at ${this.displayPath(stream)}`);
    }
  }

  async read(stream: StreamId, offset: number, length: number): Promise<Uint8Array> {
    let fd: number | null = null;
    try {
      fd = this.#open.get(stream)?.fd ?? null;
      const own = fd === null ? fs.openSync(this.#path(stream), O_RDONLY | noFollow) : null;
      try {
        return await readFrom(fd ?? own ?? -1, offset, length);
      } finally {
        if (own !== null) closeQuietly(own);
      }
    } catch (thrown) {
      if (hasErrno(thrown, "ENOENT", "ENOTDIR")) return new Uint8Array(0);
      if (hasErrno(thrown, "EISDIR", "ELOOP", "ESPIPE", "ENXIO")) {
        throw new LilyError("LEDGER_DAMAGED", `${this.displayPath(stream)} is not a regular file`, { cause: thrown, details: { stream } });
      }
      throw storageError(thrown, `cannot read ${this.displayPath(stream)}`);
    }
  }

  async setAside(stream: StreamId, fromOffset: number): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
    const bytes = await this.read(stream, fromOffset, Math.max(0, (await this.size(stream)) - fromOffset));
    const name = `quarantine/${stream.replaceAll("/", ".")}.${fromOffset}.${hexOf(digestBytes(bytes)).slice(0, 16)}`;
    try {
      await makeFolderDurable(join(this.#root, "quarantine"));
      await publishOnce(join(this.#root, name), bytes, 0o444);
      const file = this.#forWriting(stream);
      fs.ftruncateSync(file.fd, fromOffset);
      await syncFile(file.fd);
    } catch (thrown) {
      throw storageError(thrown, `cannot set bytes of ${this.displayPath(stream)} aside`);
    }
    return { name, bytes };
  }

  async list(): Promise<readonly StreamId[]> {
    const runs = this.#names("runs").flatMap((name) => (isRunId(name) ? [runStream(parseRunId(name))] : []));
    const directives = this.#names("streams/directive").flatMap((name) => directiveOf(name));
    const found = [...runs, ...directives, workspaceStream].filter((stream) => fs.existsSync(this.#path(stream)));
    return found.sort();
  }

  displayPath(stream: StreamId): string {
    const run = runOfStream(stream);
    return run === null ? `streams/${stream}.jsonl` : `runs/${run}/record.jsonl`;
  }

  async close(): Promise<void> {
    for (const { fd } of this.#open.values()) closeQuietly(fd);
    this.#open.clear();
  }

  #path(stream: StreamId): string {
    return join(this.#root, this.displayPath(stream));
  }

  #forWriting(stream: StreamId): OpenFile {
    const known = this.#open.get(stream);
    if (known !== undefined) {
      this.#open.delete(stream);
      this.#open.set(stream, known);
      return known;
    }
    const file = { fd: this.#openOrMake(this.#path(stream)), busy: 0 };
    this.#open.set(stream, file);
    if (!this.#entriesSynced.has(stream)) this.#entriesUnsynced.add(stream);
    this.#makeRoom();
    return file;
  }

  #openOrMake(path: string): number {
    const flags = O_RDWR | O_CREAT | noFollow;
    try {
      return fs.openSync(path, flags, 0o644);
    } catch (thrown) {
      if (!hasErrno(thrown, "ENOENT")) throw thrown;
      fs.mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      return fs.openSync(path, flags, 0o644);
    }
  }

  #makeRoom(): void {
    if (this.#open.size <= openFilesMax) return;
    for (const [stream, file] of this.#open) {
      if (file.busy > 0) continue;
      this.#open.delete(stream);
      closeQuietly(file.fd);
      return;
    }
  }

  async #syncFile(stream: StreamId): Promise<void> {
    try {
      const file = this.#forWriting(stream);
      file.busy++;
      await syncFile(file.fd).finally(() => file.busy--);
    } catch (thrown) {
      throw storageError(thrown, `cannot make ${this.displayPath(stream)} durable`);
    }
  }

  /** Whoever made a folder may have died before its entry was durable, so each process does it once, made by it or not. */
  async #syncEntries(streams: readonly StreamId[]): Promise<void> {
    const pending = streams.filter((stream) => this.#entriesUnsynced.has(stream));
    const folders = new Set(pending.flatMap((stream) => foldersTo(this.displayPath(stream))));
    try {
      for (const folder of folders) await syncFolder(join(this.#root, folder));
    } catch (thrown) {
      throw storageError(thrown, "cannot make a folder durable");
    }
    for (const stream of pending) {
      this.#entriesUnsynced.delete(stream);
      this.#entriesSynced.add(stream);
    }
  }

  #names(folder: string): readonly string[] {
    try {
      return fs.readdirSync(join(this.#root, folder));
    } catch (thrown) {
      if (hasErrno(thrown, "ENOENT", "ENOTDIR")) return [];
      throw storageError(thrown, `cannot list ${folder}`);
    }
  }
}

async function readFrom(fd: number, offset: number, length: number): Promise<Uint8Array> {
  // Not zeroed first, and a Buffer finds line ends faster than a plain array; only what was read is handed out.
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const count = fs.readSync(fd, bytes, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done === length ? bytes : bytes.subarray(0, done);
}

/** Every folder from the root to the one that holds `path`, deepest first. */
function foldersTo(path: string): readonly string[] {
  const folders: string[] = [];
  for (let at = dirname(path); ; at = dirname(at)) {
    folders.push(at);
    if (at === ".") return folders;
  }
}

function isRunId(name: string): boolean {
  return isIdentifier(name) && name === name.toLowerCase();
}

function directiveOf(name: string): readonly StreamId[] {
  const id = name.endsWith(".jsonl") ? name.slice(0, -6) : "";
  return isIdentifier(id) ? [`directive/${id}` as StreamId] : [];
}
