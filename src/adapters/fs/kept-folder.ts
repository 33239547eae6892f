/**
 * Owns: the folders from a root down to the one that was used last, open until the next turn of the event loop.
 * Invariants
 * - A folder is used again only while its name, looked at now, is still that folder by device and inode; as it is held open, no other
 *   folder can have got its inode meanwhile. A caller therefore sees what it would see by opening all of them again.
 * - Nothing stays open beyond a turn, so nobody has to close a tree.
 */
import * as fs from "node:fs";
import { closeQuietly } from "./durable-folder.ts";
import { type FolderHandle, openFolder, openSubfolder } from "./folder-handle.ts";

export class KeptFolder {
  readonly #root: string;
  /** The root, and one folder for each name. */
  #open: FolderHandle[] = [];
  #names: string[] = [];
  #closes = false;

  constructor(root: string) {
    this.#root = root;
  }

  /** Opens a folder below the root; `check` sees the root and every folder on the way and throws to refuse. Good for this turn only. */
  enter(names: readonly string[], check: (folder: FolderHandle) => void): FolderHandle {
    this.#closeSoon();
    let at = this.#first();
    check(at);
    for (const [index, name] of names.entries()) {
      at = this.#next(at, index, name);
      check(at);
    }
    return at;
  }

  #first(): FolderHandle {
    const kept = this.#open[0];
    if (kept !== undefined && isStillThere(kept)) return kept;
    this.#closeFrom(0);
    return this.#add(openFolder(this.#root));
  }

  #next(parent: FolderHandle, index: number, name: string): FolderHandle {
    const kept = this.#names[index] === name ? this.#open[index + 1] : undefined;
    if (kept !== undefined && isStillThere(kept)) return kept;
    this.#closeFrom(index + 1);
    const opened = openSubfolder(parent, name);
    this.#names[index] = name;
    return this.#add(opened);
  }

  #add(folder: FolderHandle): FolderHandle {
    this.#open.push(folder);
    return folder;
  }

  #closeFrom(length: number): void {
    for (const folder of this.#open.splice(length)) closeQuietly(folder.fd);
    this.#names.length = Math.min(this.#names.length, Math.max(0, length - 1));
  }

  #closeSoon(): void {
    if (this.#closes) return;
    this.#closes = true;
    setImmediate(() => {
      this.#closes = false;
      this.#closeFrom(0);
    });
  }
}

/** By its whole path: every folder above was just found to be the one that is held, and the answer only says what to use again. */
function isStillThere(folder: FolderHandle): boolean {
  const seen = fs.lstatSync(folder.path, { bigint: true, throwIfNoEntry: false });
  return seen?.isDirectory() === true && seen.dev === folder.dev && seen.ino === folder.ino;
}
