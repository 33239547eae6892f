/** In-memory file trees over `MemoryFiles`: same refusals as the real ones, in a seeded number of turns. */
import picomatch from "picomatch";
import { LilyError } from "../../base/lily-error.ts";
import { parseRelativePath, type RelativePath } from "../../base/relative-path.ts";
import type { FileTree, FileTrees, TreeEntry } from "../../ports/file-tree.ts";
import type { ByteSource } from "../../ports/object-store.ts";
import type { MemoryFiles, MemoryNode } from "./memory-files.ts";
import { seededRandom, someTurns } from "./seeded-random.ts";

export function createMemoryFileTrees(files: MemoryFiles, options: { readonly seed?: number } = {}): FileTrees {
  const random = seededRandom(options.seed ?? 1);
  return {
    openTree: async (root, { hidden = [] } = {}) => {
      await someTurns(random);
      if (files.node(root)?.kind !== "directory") throw notFound(root);
      return new MemoryFileTree(files, root, hidden, random);
    },
  };
}

class MemoryFileTree implements FileTree {
  readonly root: string;
  readonly #files: MemoryFiles;
  readonly #hidden: readonly string[];
  readonly #random: () => number;

  constructor(files: MemoryFiles, root: string, hidden: readonly string[], random: () => number) {
    this.#files = files;
    this.root = root;
    this.#hidden = hidden;
    this.#random = random;
  }

  async stat(path: RelativePath): Promise<TreeEntry | null> {
    await someTurns(this.#random);
    const node = this.#find(path);
    return node === null ? null : entryOf(path, node);
  }

  async read(path: RelativePath, bytesMax: number): Promise<Uint8Array> {
    await someTurns(this.#random);
    const bytes = this.#plainFile(path);
    if (bytes.length > bytesMax) throw new LilyError("INPUT_TOO_LARGE", `${path} is larger than ${bytesMax} bytes`, { details: { path, bytesMax } });
    return bytes.slice();
  }

  async open(path: RelativePath): Promise<ByteSource & { readonly size: number }> {
    await someTurns(this.#random);
    const bytes = this.#plainFile(path).slice();
    let at = 0;
    return {
      size: bytes.length,
      read: (into) => {
        const count = Math.min(into.length, bytes.length - at, 1 + Math.floor(this.#random() * 8_192));
        into.set(bytes.subarray(at, at + count));
        at += count;
        return count;
      },
      close: async () => {},
    };
  }

  async glob(patterns: readonly string[], entriesMax: number): Promise<readonly TreeEntry[]> {
    await someTurns(this.#random);
    for (const pattern of patterns) {
      if (pattern === "" || pattern.startsWith("/") || pattern.includes("\\") || pattern.split("/").some((segment) => segment === "." || segment === "..")) {
        throw new LilyError("PATH_INVALID", `glob ${JSON.stringify(pattern)} is not inside the folder`);
      }
    }
    const matchers = patterns.map((pattern) => picomatch(pattern, { nonegate: true, noextglob: true, strictSlashes: true }));
    return this.#limited(
      this.#below(this.root, "").filter((entry) => matchers.some((matches) => matches(entry.path))),
      entriesMax,
    );
  }

  async walk(path: RelativePath | null, entriesMax: number): Promise<readonly TreeEntry[]> {
    await someTurns(this.#random);
    if (path === null) return this.#limited(this.#below(this.root, ""), entriesMax);
    const node = this.#find(path);
    if (node === null || node.kind === "file") throw notFound(path);
    if (node.kind !== "directory") throw pathInvalid(path, node.kind);
    return this.#limited(this.#below(`${this.root}/${path}`, `${path}/`), entriesMax);
  }

  #limited(entries: readonly TreeEntry[], entriesMax: number): readonly TreeEntry[] {
    if (entries.length > entriesMax)
      throw new LilyError("INPUT_TOO_LARGE", `${this.root} has more than ${entriesMax} entries to list`, { details: { entriesMax } });
    return [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #below(folder: string, prefix: string): readonly TreeEntry[] {
    const entries: TreeEntry[] = [];
    for (const name of this.#files.names(folder)) {
      const absolute = folder === "/" ? `/${name}` : `${folder}/${name}`;
      const node = this.#files.node(absolute);
      if (node === null || this.#isHidden(absolute)) continue;
      const path = parseRelativePath(`${prefix}${name}`);
      entries.push(entryOf(path, node));
      if (node.kind === "directory") entries.push(...this.#below(absolute, `${path}/`));
    }
    return entries;
  }

  #plainFile(path: RelativePath): Uint8Array {
    const node = this.#find(path);
    if (node === null) throw notFound(path);
    if (node.kind !== "file") throw pathInvalid(path, node.kind);
    if (node.names !== 1) throw pathInvalid(path, "hard link");
    return node.bytes;
  }

  /** Null when absent. Throws PATH_INVALID when something on the way is neither folder nor file. */
  #find(path: RelativePath): MemoryNode | null {
    const segments = parseRelativePath(path).split("/");
    let at = this.root;
    for (const [i, segment] of segments.entries()) {
      at = at === "/" ? `/${segment}` : `${at}/${segment}`;
      const node = this.#files.node(at);
      if (node === null || this.#isHidden(at)) return null;
      if (i === segments.length - 1) return node;
      if (node.kind === "file") return null;
      if (node.kind !== "directory") throw pathInvalid(path, node.kind);
    }
    return null;
  }

  #isHidden(absolute: string): boolean {
    return this.#hidden.some((hidden) => absolute === hidden || absolute.startsWith(`${hidden}/`));
  }
}

function entryOf(path: RelativePath, node: MemoryNode): TreeEntry {
  if (node.kind === "file") return { path, kind: "file", size: node.bytes.length, mark: `${node.version}` };
  return { path, kind: node.kind, size: 0, mark: node.kind === "link" ? node.target : node.kind };
}

function notFound(path: string): LilyError {
  return new LilyError("INPUT_NOT_FOUND", `${JSON.stringify(path)} does not exist`, { details: { path } });
}

function pathInvalid(path: string, kind: string): LilyError {
  return new LilyError("PATH_INVALID", `${JSON.stringify(path)} is a ${kind}`, { details: { path } });
}
