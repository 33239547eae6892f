/**
 * Owns: what a folder of files held when it was last looked at: kind, size and a mark of every entry, never content.
 * Invariants: 1. every difference that a look finds is told once, with what was known before, as it becomes known; 2. a look that failed
 * leaves what is known and what was told in agreement; 3. no link is followed; hidden folders are neither listed nor entered.
 * Not responsible for: who is told, and when to look.
 */
import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { LilyError } from "../../base/lily-error.ts";
import type { TreeChange } from "../../ports/change-observer.ts";
import { reportedPath, systemPath } from "./change-observer-path.ts";
import type { FolderWatches } from "./change-observer-watch.ts";
import { errnoOf, hasErrno } from "./storage-error.ts";

/** Entries after which other work gets a turn. */
const turnEvery = 2_000;

export interface Seen {
  readonly kind: TreeChange["kind"];
  readonly size: number;
  /** Equal as long as nothing was done to the entry. */
  readonly mark: string;
}

export interface TreeOptions {
  /** Absolute, without links, one character a byte. */
  readonly root: string;
  /** Paths below the root that are left out. */
  readonly hidden: ReadonlySet<string>;
  readonly entriesMax: number;
  /** Called before a difference becomes known; `before` is null for what was not there. */
  readonly onDifference: (path: string, before: Seen | null) => void;
  /** Called with the first folder of each file system that is met. */
  readonly onFileSystem: (absolute: string) => void;
}

export class KnownTree {
  readonly #options: TreeOptions;
  readonly #identity: string;
  /** Entries by folder, "" for the root. */
  readonly #folders = new Map<string, Map<string, Seen>>();
  readonly #fileSystems = new Set<bigint>();
  #count = 0;

  constructor(options: TreeOptions) {
    this.#options = options;
    this.#identity = this.#rootIdentity();
  }

  /** Entries known. */
  get count(): number {
    return this.#count;
  }

  find(path: string): Seen | null {
    const cut = path.lastIndexOf("/");
    return this.#folders.get(cut === -1 ? "" : path.slice(0, cut))?.get(path.slice(cut + 1)) ?? null;
  }

  /** Throws STORAGE_FAILED when another folder stands at the path of the root, or none. */
  requireRoot(): void {
    if (this.#rootIdentity() === this.#identity) return;
    throw new LilyError("STORAGE_FAILED", `${this.#options.root} is not the folder any more that is being observed; it was moved or replaced`);
  }

  /** Looks at everything below a folder. Throws INPUT_TOO_LARGE, STORAGE_FAILED. */
  async lookBelow(start: string, watches: FolderWatches | null): Promise<void> {
    const waiting = [start];
    let sinceTurn = 0;
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      watches?.renew(folder);
      const names = this.#namesIn(folder);
      const known = this.#known(folder);
      if (known.size > 0) this.#forgetAbsent(folder, new Set(names), watches);
      for (const name of names) {
        const path = join(folder, name);
        if (!this.#options.hidden.has(path) && this.#lookAt(folder, name, watches) === "directory") waiting.push(path);
      }
      sinceTurn += names.length + 1;
      if (sinceTurn < turnEvery) continue;
      sinceTurn = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Looks at some names of a folder, and at everything below those that are folders and may be others than before. */
  async lookAtNames(folder: string, names: Iterable<string>, watches: FolderWatches | null): Promise<void> {
    for (const name of names) {
      const path = join(folder, name);
      // A folder that is not known any more is told by the one that held it.
      if (this.#options.hidden.has(path) || !this.#folders.has(folder)) continue;
      if (this.#lookAt(folder, name, watches) === "directory") await this.lookBelow(path, watches);
    }
  }

  #known(folder: string): Map<string, Seen> {
    const found = this.#folders.get(folder);
    if (found !== undefined) return found;
    const made = new Map<string, Seen>();
    this.#folders.set(folder, made);
    return made;
  }

  #lookAt(folder: string, name: string, watches: FolderWatches | null): Seen["kind"] | null {
    const path = join(folder, name);
    const now = this.#seenAt(join(this.#options.root, path));
    const known = this.#known(folder);
    const before = known.get(name) ?? null;
    if (before?.kind === "directory" && now?.kind !== "directory") this.#forgetFolder(path, watches);
    if (now?.mark !== before?.mark) this.#options.onDifference(path, before);
    if (now === null) {
      if (known.delete(name)) this.#count--;
      return null;
    }
    known.set(name, now);
    if (before === null) this.#count++;
    if (this.#count > this.#options.entriesMax) throw tooMany(this.#options.root, this.#options.entriesMax);
    return now.kind;
  }

  #forgetAbsent(folder: string, names: ReadonlySet<string>, watches: FolderWatches | null): void {
    const known = this.#known(folder);
    for (const [name, before] of known) {
      if (names.has(name)) continue;
      const path = join(folder, name);
      if (before.kind === "directory") this.#forgetFolder(path, watches);
      this.#options.onDifference(path, before);
      known.delete(name);
      this.#count--;
    }
  }

  #forgetFolder(folder: string, watches: FolderWatches | null): void {
    this.#forgetAbsent(folder, new Set(), watches);
    this.#folders.delete(folder);
    watches?.drop(folder);
  }

  /** Names in a folder; a folder that may not be read is told by its mark, one that is gone by the folder above. */
  #namesIn(folder: string): readonly string[] {
    const path = folder === "" ? this.#options.root : join(this.#options.root, folder);
    try {
      return readdirSync(systemPath(path), { encoding: "latin1" });
    } catch (thrown) {
      if (folder !== "" && hasErrno(thrown, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG")) return [];
      throw new LilyError("STORAGE_FAILED", `${reportedName(path)} cannot be listed: ${errnoOf(thrown) ?? "failed"}`, { cause: thrown });
    }
  }

  #seenAt(path: string): Seen | null {
    try {
      const seen = lstatSync(systemPath(path), { bigint: true, throwIfNoEntry: false });
      if (seen?.isDirectory() === true && !this.#fileSystems.has(seen.dev)) {
        this.#fileSystems.add(seen.dev);
        this.#options.onFileSystem(path);
      }
      return seen === undefined ? null : seenOf(seen);
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno === "ENOTDIR" || errno === "ELOOP") return null;
      if (errno === "EACCES" || errno === "EPERM" || errno === "ENAMETOOLONG") return { kind: "special", size: 0, mark: errno };
      throw new LilyError("STORAGE_FAILED", `${reportedName(path)} cannot be looked at: ${errno ?? "failed"}`, { cause: thrown });
    }
  }

  #rootIdentity(): string {
    const seen = lstatSync(systemPath(this.#options.root), { bigint: true, throwIfNoEntry: false });
    return seen?.isDirectory() === true ? `${seen.dev}/${seen.ino}` : "";
  }
}

function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** The times of a folder say that something in it changed, and that is told by itself; so they are no part of its mark. */
function seenOf(seen: BigIntStats): Seen {
  const { dev, ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs } = seen;
  if (seen.isDirectory()) return { kind: "directory", size: 0, mark: `d/${dev}/${ino}/${mode}/${uid}/${gid}` };
  const mark = `${dev}/${ino}/${mode}/${nlink}/${size}/${mtimeNs}/${ctimeNs}`;
  if (seen.isFile()) return { kind: "file", size: Number(size), mark };
  return { kind: seen.isSymbolicLink() ? "link" : "special", size: 0, mark };
}

function reportedName(path: string): string {
  return `/${reportedPath(path.slice(1)).path}`;
}

function tooMany(root: string, entriesMax: number): LilyError {
  return new LilyError("INPUT_TOO_LARGE", `${reportedName(root)} has more than ${entriesMax} entries, too many to compare before and after a step`, {
    details: { entriesMax },
  });
}
