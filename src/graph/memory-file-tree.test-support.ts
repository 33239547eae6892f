import { matchesGlob } from "node:path";
import { LilyError } from "../base/lily-error.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { FileTree, TreeEntry } from "../ports/file-tree.ts";

const encoder = new TextEncoder();

/** A folder in memory, for tests: path to text, or `null` for a link. The record may be changed between calls. */
export function memoryFileTree(files: Record<string, string | null>): FileTree {
  const bytesOf = (path: string): Uint8Array => {
    const text = Object.hasOwn(files, path) ? files[path] : undefined;
    if (text === undefined) throw new LilyError("INPUT_NOT_FOUND", `no file ${path}`);
    if (text === null) throw new LilyError("PATH_INVALID", `${path} is a link`);
    return encoder.encode(text);
  };
  const entries = (): readonly TreeEntry[] =>
    Object.keys(files)
      .sort()
      .map((path) => ({
        path: parseRelativePath(path),
        kind: files[path] === null ? "link" : "file",
        size: encoder.encode(files[path] ?? "").length,
        mark: String(files[path]),
      }));
  return {
    root: "/memory",
    stat: async (path) => entries().find((entry) => entry.path === path) ?? null,
    read: async (path) => bytesOf(path),
    open: async (path) => {
      const bytes = bytesOf(path);
      let at = 0;
      const read = (into: Uint8Array) => {
        const piece = bytes.subarray(at, at + into.length);
        into.set(piece);
        at += piece.length;
        return piece.length;
      };
      return { size: bytes.length, read, close: async () => {} };
    },
    glob: async (patterns) => entries().filter((entry) => patterns.some((pattern) => matchesGlob(entry.path, pattern))),
    walk: async () => entries(),
  };
}
