/**
 * Owns: comparing a folder of files between the opening and the closing of windows.
 * States: open -> ended; looks follow one another, never two at once.
 * Invariants: 1. a window is opened and closed right after a look that began after it was asked for; 2. every difference that a look
 * finds is noted in all windows that are open; 3. nothing is taken for unchanged unless it was looked at, or the kernel said so without
 * doubt. Not responsible for: what steps do outside of the folder; docs/reference/enforcement.md says what is not seen.
 *
 * A small folder is looked at each time, which costs about what starting a process does, and sees also what watches are not told (writes
 * through mapped memory, or by another name of the file). In a larger one only what the kernel reports as touched is looked at.
 */
import { realpathSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { LilyError } from "../../base/lily-error.ts";
import type { ChangeObserver, ChangeObservers, ChangeReport, ChangeWindow, TreeChange } from "../../ports/change-observer.ts";
import { bytesPath, reportedPath } from "./change-observer-path.ts";
import { KnownTree, type Seen } from "./change-observer-tree.ts";
import { FolderWatches, isWatchable } from "./change-observer-watch.ts";

export interface ChangeObserverOptions {
  /** Entries of a folder that are looked at in one go; more are INPUT_TOO_LARGE. 1,000,000 when absent. */
  readonly entriesMax?: number;
  /** Up to so many entries everything is looked at each time. 2,000 when absent. */
  readonly walkAlwaysUpTo?: number;
  /** False: nothing is watched, everything is looked at each time. */
  readonly watch?: boolean;
}

export function openFsChangeObservers(options: ChangeObserverOptions = {}): ChangeObservers {
  return { observe: async (root, { hidden }) => new FsChangeObserver(realFolder(root), hidden, options) };
}

function realFolder(root: string): string {
  try {
    const real = realpathSync.native(root);
    if (isAbsolute(root) && statSync(real).isDirectory()) return real;
  } catch {
    // Told below.
  }
  throw new LilyError("INPUT_NOT_FOUND", `the folder ${root} does not exist`, { details: { path: root } });
}

/** What was known of each entry when the window was opened, for those that changed since; null for what was not there. */
interface OpenWindow {
  readonly before: Map<string, Seen | null>;
  looked: boolean;
}

interface WaitingLook {
  readonly done: Promise<void>;
  /** Called in one go when the look has ended. */
  readonly after: (() => void)[];
}

class FsChangeObserver implements ChangeObserver {
  readonly #root: string;
  readonly #tree: KnownTree;
  readonly #walkAlwaysUpTo: number;
  readonly #windows = new Set<OpenWindow>();
  #mayWatch: boolean;
  #watches: FolderWatches | null = null;
  #looking: Promise<void> = Promise.resolve();
  #next: WaitingLook | null = null;
  #lookedOnce = false;
  #ended = false;

  constructor(root: string, hidden: readonly string[], options: ChangeObserverOptions) {
    this.#root = bytesPath(root);
    this.#walkAlwaysUpTo = options.walkAlwaysUpTo ?? 2_000;
    this.#mayWatch = (options.watch ?? true) && isWatchable(this.#root);
    this.#tree = new KnownTree({
      root: this.#root,
      hidden: hiddenBelow(root, hidden),
      entriesMax: options.entriesMax ?? 1_000_000,
      onDifference: (path, before) => this.#note(path, before),
      onFileSystem: (path) => {
        if (this.#mayWatch && !isWatchable(path)) this.#mayWatch = false;
      },
    });
  }

  async open(): Promise<ChangeWindow> {
    const window: OpenWindow = { before: new Map(), looked: false };
    await this.#afterLook(() => this.#windows.add(window));
    let report: Promise<ChangeReport> | null = null;
    return {
      close: () => {
        report ??= this.#close(window);
        return report;
      },
    };
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#looking.catch(() => undefined);
    this.#stopWatching();
  }

  async #close(window: OpenWindow): Promise<ChangeReport> {
    try {
      let changes: readonly TreeChange[] = [];
      await this.#afterLook(() => {
        changes = this.#changesOf(window);
        this.#windows.delete(window);
      });
      return { changes, looked: window.looked };
    } finally {
      this.#windows.delete(window);
    }
  }

  /** Calls `act` right after a look that begins later than this call. Those who wait share one look. */
  #afterLook(act: () => void): Promise<void> {
    if (this.#next === null) {
      const waiting: (() => void)[] = [];
      const done = this.#looking
        .catch(() => undefined)
        .then(async () => {
          this.#next = null;
          await this.#look();
          for (const each of waiting) each();
        });
      this.#looking = done;
      this.#next = { done, after: waiting };
    }
    this.#next.after.push(act);
    return this.#next.done;
  }

  async #look(): Promise<void> {
    this.#tree.requireRoot();
    const touched = (await this.#watches?.take()) ?? null;
    if (touched?.size === 0) return;
    for (const window of this.#windows) window.looked = true;
    if (touched === null) return this.#lookAtAll();
    const watches = this.#watches;
    // What is found half is found again: until the look has ended well, the next one looks at everything.
    this.#watches = null;
    try {
      for (const [folder, names] of touched) {
        if (names === null) await this.#lookAtFolder(folder, watches);
        else await this.#tree.lookAtNames(folder, names, watches);
      }
      if (this.#canWatch()) this.#watches = watches;
    } finally {
      if (this.#watches === null) watches?.end();
    }
  }

  /** Too many names of it were touched to look at them one by one. Folders below it have watches of their own, but may be others now. */
  async #lookAtFolder(folder: string, watches: FolderWatches | null): Promise<void> {
    if (folder === "" || this.#tree.find(folder)?.kind === "directory") await this.#tree.lookBelow(folder, watches);
  }

  async #lookAtAll(): Promise<void> {
    this.#stopWatching();
    // How large the folder is, is not known at first; looking twice at a large one costs more than some watches for a small one.
    const watches = this.#tree.count > this.#walkAlwaysUpTo || !this.#lookedOnce ? this.#startWatching() : null;
    try {
      await this.#tree.lookBelow("", watches);
    } catch (thrown) {
      watches?.end();
      throw thrown;
    }
    this.#lookedOnce = true;
    const isLarge = this.#tree.count > this.#walkAlwaysUpTo;
    if (watches === null && isLarge && this.#canWatch()) await this.#lookAtAll();
    else if (isLarge && watches !== null) this.#keep(watches);
    else watches?.end();
  }

  #keep(watches: FolderWatches): void {
    if (this.#canWatch() && !watches.broken) {
      this.#watches = watches;
      return;
    }
    this.#mayWatch = false;
    watches.end();
  }

  #canWatch(): boolean {
    return this.#mayWatch && !this.#ended;
  }

  #startWatching(): FolderWatches | null {
    if (!this.#canWatch()) return null;
    try {
      return new FolderWatches(this.#root);
    } catch {
      this.#mayWatch = false;
      return null;
    }
  }

  #stopWatching(): void {
    this.#watches?.end();
    this.#watches = null;
  }

  #note(path: string, before: Seen | null): void {
    for (const window of this.#windows) if (!window.before.has(path)) window.before.set(path, before);
  }

  #changesOf(window: OpenWindow): readonly TreeChange[] {
    const changes = new Map<string, TreeChange>();
    for (const [raw, before] of window.before) {
      const change = changeOf(raw, before, this.#tree.find(raw));
      if (change !== null) changes.set(change.path, change);
    }
    return [...changes.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }
}

function changeOf(raw: string, before: Seen | null, now: Seen | null): TreeChange | null {
  if (before?.mark === now?.mark) return null;
  const { path, exact } = reportedPath(raw);
  if (!exact) return { path, change: "changed", kind: "directory", size: 0 };
  if (now !== null) return { path, change: before === null ? "added" : "changed", kind: now.kind, size: now.size };
  return before === null ? null : { path, change: "removed", kind: before.kind, size: 0 };
}

/** Hidden folders as paths below the root. One that holds the root hides nothing of it. */
function hiddenBelow(root: string, hidden: readonly string[]): ReadonlySet<string> {
  const prefix = root === "/" ? "/" : `${root}/`;
  const below = hidden.flatMap((folder) => [resolve(folder), realOrNull(folder) ?? resolve(folder)]).filter((folder) => folder.startsWith(prefix));
  return new Set(below.map((folder) => bytesPath(folder.slice(prefix.length))));
}

function realOrNull(path: string): string | null {
  try {
    return realpathSync.native(path);
  } catch {
    return null;
  }
}
