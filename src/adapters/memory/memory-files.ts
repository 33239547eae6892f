/**
 * Owns: a file system in memory, shared by the in-memory file trees and attempt folders of one test, by absolute path.
 * Not responsible for: permissions and times; `version` grows with every write and stands for them.
 */
import { posix } from "node:path";

export type MemoryNode =
  | { readonly kind: "file"; readonly bytes: Uint8Array; readonly version: number; readonly names: number }
  | { readonly kind: "directory" }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "special" };

export class MemoryFiles {
  readonly #nodes = new Map<string, MemoryNode>([["/", { kind: "directory" }]]);
  #version = 0;

  node(path: string): MemoryNode | null {
    return this.#nodes.get(path) ?? null;
  }

  /** Names inside a folder, unsorted. */
  names(folder: string): readonly string[] {
    const prefix = folder === "/" ? "/" : `${folder}/`;
    return [...this.#nodes.keys()]
      .filter((path) => path !== "/" && path.startsWith(prefix) && !path.slice(prefix.length).includes("/"))
      .map((path) => path.slice(prefix.length));
  }

  /** Makes or replaces a file, and its folders. `names` above 1 stands for a hard link. */
  write(path: string, content: Uint8Array | string, names = 1): void {
    this.makeFolder(posix.dirname(path));
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content.slice();
    this.#nodes.set(path, { kind: "file", bytes, version: ++this.#version, names });
  }

  makeFolder(path: string): void {
    for (let at = path; at !== "/"; at = posix.dirname(at)) {
      if (this.#nodes.get(at)?.kind === "directory") return;
      this.#nodes.set(at, { kind: "directory" });
    }
  }

  link(path: string, target: string): void {
    this.makeFolder(posix.dirname(path));
    this.#nodes.set(path, { kind: "link", target });
  }

  /** A FIFO, device or socket. */
  special(path: string): void {
    this.makeFolder(posix.dirname(path));
    this.#nodes.set(path, { kind: "special" });
  }

  /** Removes a path and everything below it. */
  remove(path: string): void {
    for (const known of [...this.#nodes.keys()]) if (known === path || known.startsWith(`${path}/`)) this.#nodes.delete(known);
  }
}
