/**
 * Owns: what the kernel says about touched folders (inotify, by fs.watch), and knowing that it has said everything.
 * States: watching -> broken | ended. Broken for good: too many folders, an error of a watch, a file system that does not tell everything.
 * Invariants: 1. all watches of a process share one queue, which keeps order: when the event of a file made in a folder of our own has
 * arrived, every event about earlier changes has too; 2. a queue that may have run over counts as doubt, never as silence.
 * Not responsible for: what a touched folder holds.
 *
 * libuv passes over the kernel's note that the queue ran over. Before that can happen the queue is full, and all that is in it is
 * delivered: more events since the last look than a part of the queue holds are taken for it.
 */
import { randomUUID } from "node:crypto";
import { closeSync, type FSWatcher, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, unlinkSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemPath } from "./change-observer-path.ts";

/** Folders of one observer; each costs a watch of the user and some memory of the kernel. */
const foldersMax = 16_384;
/** Touched names of one folder that are remembered one by one. */
const namesMax = 1_024;
const barrierMs = 2_000;
/** File systems whose every change passes through this kernel: ext, xfs, btrfs, tmpfs, overlayfs, zfs, f2fs, bcachefs. */
const localTypes = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e]);

/** Which names of a folder were touched; null for all of them. */
export type Touched = ReadonlyMap<string, ReadonlySet<string> | null>;

/** True where watches tell everything about this folder. */
export function isWatchable(folder: string): boolean {
  if (process.platform !== "linux") return false;
  try {
    return localTypes.has(statfsSync(systemPath(folder)).type);
  } catch {
    return false;
  }
}

export class FolderWatches {
  readonly #root: string;
  readonly #queue: EventQueue;
  readonly #watchers = new Map<string, FSWatcher>();
  #touched = new Map<string, Set<string> | null>();
  #broken = false;
  #eventsBefore: number;

  /** `root` has one character a byte. Throws Node's errors when nothing can be watched. */
  constructor(root: string) {
    this.#root = root;
    this.#queue = EventQueue.shared();
    this.#eventsBefore = this.#queue.events;
  }

  get broken(): boolean {
    return this.#broken;
  }

  /** Watches a folder anew; call it before listing the folder. The watch before it goes on until the new one is there. */
  renew(folder: string): void {
    if (this.#broken) return;
    const before = this.#watchers.get(folder);
    if (before === undefined && this.#watchers.size >= foldersMax) {
      this.#broken = true;
      return;
    }
    try {
      const path = systemPath(folder === "" ? this.#root : `${this.#root}/${folder}`);
      const watcher = watch(path, { persistent: false, encoding: "latin1" }, (_, name) => this.#note(folder, name));
      watcher.on("error", () => {
        this.#broken = true;
      });
      this.#watchers.set(folder, watcher);
    } catch (thrown) {
      // A folder that is gone by now is told by the one above it; anything else, as no watch left, is the end of watching.
      if (!(thrown instanceof Error && "code" in thrown && (thrown.code === "ENOENT" || thrown.code === "ENOTDIR"))) this.#broken = true;
      this.#watchers.delete(folder);
    }
    before?.close();
  }

  drop(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  /** What was touched by all that happened before this call; null when that is not sure. Starts afresh. */
  async take(): Promise<Touched | null> {
    const sure = !this.#broken && (await this.#queue.drained(this.#eventsBefore + this.#queue.eventsMax));
    this.#eventsBefore = this.#queue.events;
    const touched = this.#touched;
    this.#touched = new Map();
    return sure && !this.#broken ? touched : null;
  }

  end(): void {
    this.#broken = true;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    this.#queue.leave();
  }

  #note(folder: string, name: string | Buffer | null): void {
    this.#queue.count();
    const names = this.#touched.get(folder);
    if (names === null) return;
    if (typeof name !== "string" || (names !== undefined && names.size >= namesMax)) this.#touched.set(folder, null);
    else if (names === undefined) this.#touched.set(folder, new Set([name]));
    else names.add(name);
  }
}

/** The one queue of this process, and a folder of our own to see how far it was read. */
class EventQueue {
  static #instance: EventQueue | null = null;
  readonly eventsMax = Math.min(4_096, Math.floor(queueLength() / 4));
  /** Events that watches of this process were told. */
  events = 0;
  readonly #folder: string;
  readonly #watcher: FSWatcher;
  readonly #waiting = new Map<string, { readonly eventsMax: number; readonly settle: (isDrained: boolean) => void }>();
  #users = 0;

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "lily-watch-"));
    this.#watcher = watch(this.#folder, { persistent: false }, (_, name) => this.#waiting.get(String(name))?.settle(true));
    this.#watcher.on("error", () => undefined);
  }

  static shared(): EventQueue {
    EventQueue.#instance ??= new EventQueue();
    EventQueue.#instance.#users++;
    return EventQueue.#instance;
  }

  leave(): void {
    if (--this.#users > 0) return;
    EventQueue.#instance = null;
    this.#watcher.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  count(): void {
    this.events++;
    for (const { eventsMax, settle } of this.#waiting.values()) if (this.events > eventsMax) settle(false);
  }

  /** True when every event about what happened before this call has been delivered; false when that cannot be said, or after too many. */
  async drained(eventsMax: number): Promise<boolean> {
    if (this.events > eventsMax) return false;
    const name = randomUUID();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), barrierMs);
    this.#waiting.set(name, { eventsMax, settle: resolve });
    const path = join(this.#folder, name);
    try {
      closeSync(openSync(path, "wx"));
      return await promise;
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(name);
      removeQuietly(path);
    }
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody removed it; nobody needs it.
  }
}

function queueLength(): number {
  try {
    const length = Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "utf8"));
    return Number.isSafeInteger(length) && length > 0 ? length : 0;
  } catch {
    return 0;
  }
}
