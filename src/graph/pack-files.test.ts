import { expect, test } from "vitest";
import { LilyError } from "../base/lily-error.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { FileTree, TreeEntry } from "../ports/file-tree.ts";
import { memoryFileTree } from "./memory-file-tree.test-support.ts";
import { packBytesMax, packDigest, packFiles, packFilesMax } from "./pack-files.ts";

const entry = (path: string, more: Partial<TreeEntry> = {}): TreeEntry => ({ path: parseRelativePath(path), kind: "file", size: 1, mark: path, ...more });
const treeOf = (entries: readonly TreeEntry[], more: Partial<FileTree> = {}): FileTree => ({ ...memoryFileTree({}), glob: async () => entries, ...more });
const refused = (words: string) => ({ code: "PACK_INVALID", message: expect.stringContaining(words), details: { dir: "/memory" } });

test("a file whose mark is unchanged is not read again, any other is", async () => {
  const files: Record<string, string> = { a: "1", b: "2" };
  const first = await packFiles(memoryFileTree(files));
  files["b"] = "3";
  const read: string[] = [];
  const tree = memoryFileTree(files);
  const noted = (path: string): void => void read.push(path);
  const watched: FileTree = {
    ...tree,
    open: (path) => {
      noted(path);
      return tree.open(path);
    },
    read: (path, max) => {
      noted(path);
      return tree.read(path, max);
    },
  };
  const second = await packFiles(watched, new Map(first.map((file) => [file.path, file])));
  expect([second[0] === first[0], new Set(read)]).toEqual([true, new Set(["b"])]);
  expect(packDigest(second)).not.toBe(packDigest(first));
  expect(packDigest(second.toReversed())).toBe(packDigest(second));
});

test("names that begin with a dot and packages that were installed are no part of a pack, at any depth", async () => {
  const inside = [entry("d/a"), entry("d/.b"), entry("d/Node_Modules/c")];
  const bytes = memoryFileTree({ "d/a": "1", z: "2" });
  const tree: FileTree = {
    ...bytes,
    glob: async () => [entry("z"), entry(".git", { kind: "link" }), entry("d", { kind: "directory" })],
    walk: async () => inside,
  };
  expect((await packFiles(tree)).map(({ path }) => path)).toEqual(["d/a", "z"]);
});

test.each<readonly [string, readonly TreeEntry[], string]>([
  ["a link", [entry("l", { kind: "link" })], "holds the link l"],
  ["a special file", [entry("s", { kind: "special" })], "holds s, which is neither a file nor a folder"],
  ["too many files", Array.from({ length: packFilesMax + 1 }, (_, at) => entry(`f${at}`)), `has more than ${packFilesMax} files`],
  ["too many bytes", [entry("a", { size: packBytesMax }), entry("b")], `is larger than ${packBytesMax} bytes`],
  ["too many folders", Array.from({ length: 20_001 }, (_, at) => entry(`f${at}`)), "has more than 20000 files and folders"],
])("a pack with %s is refused by its folder", async (_, entries, words) => {
  await expect(packFiles(treeOf(entries))).rejects.toMatchObject(refused(words));
});

test("what a tree refuses is the pack's fault, and faults of the disk stay what they are", async () => {
  const failing = (error: LilyError): FileTree => treeOf([], { glob: () => Promise.reject(error) });
  await expect(packFiles(failing(new LilyError("INPUT_TOO_LARGE", "too many")))).rejects.toMatchObject(refused("cannot be read: too many"));
  await expect(packFiles(failing(new LilyError("STORAGE_FAILED", "disk")))).rejects.toMatchObject({ code: "STORAGE_FAILED" });
});
