import { expect, it } from "vitest";
import type { RelativePath } from "../base/relative-path.ts";
import type { FileTree, FileTrees } from "../ports/file-tree.ts";

/** A folder of files that a case fills, and the trees over it. */
export interface FileTreeBed {
  readonly trees: FileTrees;
  /** Absolute; exists and is empty. */
  readonly root: string;
  write(path: string, content: string): void;
  makeFolder(path: string): void;
  link(path: string, target: string): void;
  /** A second name for a file; false when the technology has none. */
  hardLink(path: string, of: string): void;
  /** A FIFO or another thing that is neither file, folder nor link. */
  special(path: string): void;
  remove(path: string): void;
}

const at = (path: string): RelativePath => path as RelativePath;
const kinds = (entries: Awaited<ReturnType<FileTree["walk"]>>): readonly string[] => entries.map((entry) => `${entry.kind} ${entry.path}`);

const refusedPaths = [
  "",
  "/etc/passwd",
  "..",
  "../out",
  "a/../b",
  "a/..",
  "./a",
  "a/.",
  "a//b",
  "a/",
  "\\a",
  "a\\b",
  "C:/a",
  "a\0b",
  "a\nb",
  "a\u007fb",
  "\ud800",
  "x".repeat(256),
  `${"d/".repeat(600)}f`,
];
const refusedGlobs = ["", "/etc/*", "../*", "a/../*", "./*", "a\\*"];

/** What every file tree promises. `open` makes a fresh bed for each case. */
export function fileTreeConformance(open: () => Promise<FileTreeBed>): void {
  it("reads a file, whole and piece by piece", async () => {
    const bed = await open();
    bed.write("a/b.txt", "hello");
    const tree = await bed.trees.openTree(bed.root);
    expect(new TextDecoder().decode(await tree.read(at("a/b.txt"), 5))).toBe("hello");
    const source = await tree.open(at("a/b.txt"));
    const piece = new Uint8Array(3);
    let seen = "";
    for (let count = await source.read(piece); count > 0; count = await source.read(piece)) seen += new TextDecoder().decode(piece.subarray(0, count));
    await source.close();
    expect([seen, source.size]).toEqual(["hello", 5]);
  });

  it.each(refusedPaths)("PATH_INVALID: refuses %j before anything is opened", async (path) => {
    const bed = await open();
    const tree = await bed.trees.openTree(bed.root);
    await expect(tree.read(at(path), 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
    await expect(tree.open(at(path))).rejects.toMatchObject({ code: "PATH_INVALID" });
    await expect(tree.stat(at(path))).rejects.toMatchObject({ code: "PATH_INVALID" });
  });

  it.each(refusedGlobs)("PATH_INVALID: refuses the glob %j", async (glob) => {
    const bed = await open();
    const tree = await bed.trees.openTree(bed.root);
    await expect(tree.glob([glob], 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
  });

  it("follows no link: neither the file, nor a folder on the way, nor one that leads outside", async () => {
    const bed = await open();
    bed.write("real/file", "x");
    bed.link("file-link", "real/file");
    bed.link("dir-link", "real");
    bed.link("outside", "/etc");
    bed.link("dangling", "nowhere");
    bed.link("self", "self");
    const tree = await bed.trees.openTree(bed.root);
    for (const path of ["file-link", "dir-link/file", "outside/passwd", "dangling", "self", "self/x"]) {
      await expect(tree.read(at(path), 100_000), path).rejects.toMatchObject({ code: "PATH_INVALID" });
      await expect(tree.open(at(path)), path).rejects.toMatchObject({ code: "PATH_INVALID" });
    }
    await expect(tree.stat(at("dir-link/file"))).rejects.toMatchObject({ code: "PATH_INVALID" });
    await expect(tree.walk(at("dir-link"), 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
    expect((await tree.stat(at("file-link")))?.kind).toBe("link");
    expect(kinds(await tree.walk(null, 100))).toEqual([
      "link dangling",
      "link dir-link",
      "link file-link",
      "link outside",
      "directory real",
      "file real/file",
      "link self",
    ]);
    expect(kinds(await tree.glob(["**/file"], 100))).toEqual(["file real/file"]);
  });

  it("refuses a file with two names, a folder and a special file, and does not block on them", async () => {
    const bed = await open();
    bed.write("one", "x");
    bed.hardLink("two", "one");
    bed.makeFolder("folder");
    bed.special("special");
    const tree = await bed.trees.openTree(bed.root);
    for (const path of ["two", "folder", "special"]) await expect(tree.read(at(path), 100), path).rejects.toMatchObject({ code: "PATH_INVALID" });
    await expect(tree.read(at("special/below"), 100)).rejects.toMatchObject({ code: "PATH_INVALID" });
    expect((await tree.stat(at("special")))?.kind).toBe("special");
    expect((await tree.stat(at("folder")))?.kind).toBe("directory");
  });

  it("INPUT_NOT_FOUND: says what is absent, and stat answers null", async () => {
    const bed = await open();
    bed.write("file", "x");
    const tree = await bed.trees.openTree(bed.root);
    for (const path of ["absent", "absent/below", "file/below"]) {
      await expect(tree.read(at(path), 10), path).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
      expect(await tree.stat(at(path)), path).toBeNull();
    }
    await expect(tree.walk(at("absent"), 10)).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
    await expect(bed.trees.openTree(`${bed.root}/absent`)).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
    await expect(bed.trees.openTree(`${bed.root}/file`)).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  });

  it("INPUT_TOO_LARGE: a file beyond the limit is not handed out", async () => {
    const bed = await open();
    bed.write("file", "12345");
    const tree = await bed.trees.openTree(bed.root);
    await expect(tree.read(at("file"), 4)).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
  });

  it("INPUT_TOO_LARGE: a listing beyond the limit is not handed out", async () => {
    const bed = await open();
    for (let i = 0; i < 20; i++) bed.write(`f${i}`, "x");
    const tree = await bed.trees.openTree(bed.root);
    await expect(tree.walk(null, 19)).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
    await expect(tree.glob(["*"], 19)).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
    expect(await tree.walk(null, 20)).toHaveLength(20);
    expect(await tree.glob(["f1*"], 11)).toHaveLength(11);
  });

  it("sorts by path in ASCII order, upper case before lower, whatever was made first", async () => {
    const bed = await open();
    for (const path of ["b", "a/z", "B", "a.b", "a/b/c", "Z", "_", "10", "9"]) bed.write(path, "x");
    const tree = await bed.trees.openTree(bed.root);
    const paths = (await tree.walk(null, 100)).map((entry) => entry.path);
    expect(paths).toEqual(["10", "9", "B", "Z", "_", "a", "a.b", "a/b", "a/b/c", "a/z", "b"]);
  });

  it("globs: dots only when named, folders by **, alternatives, each entry once", async () => {
    const bed = await open();
    for (const path of ["x.csv", "d/y.csv", "d/e/z.csv", "d/z.txt", ".hidden.csv", ".git/x.csv", "d/.h/x.csv"]) bed.write(path, "x");
    const tree = await bed.trees.openTree(bed.root);
    const glob = async (...patterns: string[]): Promise<readonly string[]> => (await tree.glob(patterns, 100)).map((entry) => entry.path);
    expect(await glob("*.csv")).toEqual(["x.csv"]);
    expect(await glob("**/*.csv")).toEqual(["d/e/z.csv", "d/y.csv", "x.csv"]);
    expect(await glob("**/*.csv", "x.csv", "*.csv")).toEqual(["d/e/z.csv", "d/y.csv", "x.csv"]);
    expect(await glob("d/*.{csv,txt}")).toEqual(["d/y.csv", "d/z.txt"]);
    expect(await glob("d/**/*.csv")).toEqual(["d/e/z.csv", "d/y.csv"]);
    expect(await glob(".git/*")).toEqual([".git/x.csv"]);
    expect(await glob("d/e/z.csv")).toEqual(["d/e/z.csv"]);
    expect(await glob("nothing/**")).toEqual([]);
    expect(await glob("?.csv")).toEqual(["x.csv"]);
  });

  it("a glob is data: a leading ! or parentheses negate and repeat nothing", async () => {
    const bed = await open();
    bed.write("a", "x");
    bed.write("!a", "x");
    const tree = await bed.trees.openTree(bed.root);
    expect((await tree.glob(["!a"], 10)).map((entry) => entry.path)).toEqual(["!a"]);
  });

  it("hidden folders are neither entered nor listed nor read", async () => {
    const bed = await open();
    bed.write(".lily/secret", "x");
    bed.write("src/file", "x");
    const tree = await bed.trees.openTree(bed.root, { hidden: [`${bed.root}/.lily`] });
    expect(kinds(await tree.walk(null, 100))).toEqual(["directory src", "file src/file"]);
    expect(await tree.glob([".lily/**"], 100)).toEqual([]);
    expect(await tree.stat(at(".lily"))).toBeNull();
    expect(await tree.stat(at(".lily/secret"))).toBeNull();
    await expect(tree.read(at(".lily/secret"), 10)).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  });

  it("keeps names apart that differ in case or in Unicode form only", async () => {
    const bed = await open();
    bed.write("Data", "upper");
    bed.write("data", "lower");
    bed.write("caf\u00e9", "composed");
    bed.write("cafe\u0301", "decomposed");
    const tree = await bed.trees.openTree(bed.root);
    const read = async (path: string): Promise<string> => new TextDecoder().decode(await tree.read(at(path), 100));
    expect([await read("Data"), await read("data"), await read("caf\u00e9"), await read("cafe\u0301")]).toEqual(["upper", "lower", "composed", "decomposed"]);
    expect(await tree.walk(null, 10)).toHaveLength(4);
  });

  it("the mark of a file changes when it is written, and only then", async () => {
    const bed = await open();
    bed.write("file", "one");
    const tree = await bed.trees.openTree(bed.root);
    const before = await tree.stat(at("file"));
    expect((await tree.walk(null, 10))[0]?.mark).toBe(before?.mark);
    expect((await tree.glob(["*"], 10))[0]?.mark).toBe(before?.mark);
    bed.remove("file");
    bed.write("file", "two");
    expect((await tree.stat(at("file")))?.mark).not.toBe(before?.mark);
  });
}
