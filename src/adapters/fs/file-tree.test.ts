import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { RelativePath } from "../../base/relative-path.ts";
import { type FileTreeBed, fileTreeConformance } from "../../testkit/file-tree-conformance.ts";
import { openFsFileTrees } from "./file-tree.ts";

const made: string[] = [];
const at = (path: string): RelativePath => path as RelativePath;
const isLinux = process.platform === "linux";

async function bed(): Promise<FileTreeBed> {
  const root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "lily-tree-")));
  made.push(root);
  const place = (path: string): string => {
    fs.mkdirSync(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  return {
    trees: openFsFileTrees(),
    root,
    write: (path, content) => fs.writeFileSync(place(path), content),
    makeFolder: (path) => void fs.mkdirSync(place(path), { recursive: true }),
    link: (path, target) => fs.symlinkSync(target, place(path)),
    hardLink: (path, of) => fs.linkSync(join(root, of), place(path)),
    special: (path) => void execFileSync("mkfifo", [place(path)]),
    remove: (path) => fs.rmSync(join(root, path), { recursive: true }),
  };
}

afterAll(() => {
  for (const dir of made) fs.rmSync(dir, { recursive: true, force: true });
});

describe("file tree", () => {
  fileTreeConformance(bed);

  it("refuses a socket and a device without opening them", async () => {
    const { root, trees } = await bed();
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(join(root, "socket"), resolve));
    const tree = await trees.openTree(root);
    await expect(tree.read(at("socket"), 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
    expect((await tree.stat(at("socket")))?.kind).toBe("special");
    await new Promise((resolve) => server.close(resolve));
    const dev = await trees.openTree("/dev");
    await expect(dev.read(at("zero"), 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
    await expect(dev.read(at("null"), 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
  });

  it("the root may be reached through a link, and is then the real folder", async () => {
    const { root, trees, write } = await bed();
    write("file", "x");
    const link = `${root}-link`;
    fs.symlinkSync(root, link);
    made.push(link);
    expect((await trees.openTree(link)).root).toBe(root);
  });

  it("refuses a root that is not absolute", async () => {
    const { trees } = await bed();
    await expect(trees.openTree("relative")).rejects.toMatchObject({ code: "PATH_INVALID" });
  });

  it("refuses to go on when the root was replaced by a folder or link of the same name", async () => {
    const { root, trees, write } = await bed();
    write("tree/file", "inside");
    const tree = await trees.openTree(join(root, "tree"));
    fs.renameSync(join(root, "tree"), join(root, "old"));
    write("tree/file", "other");
    await expect(tree.read(at("file"), 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
    await expect(tree.walk(null, 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
    fs.rmSync(join(root, "tree"), { recursive: true });
    fs.symlinkSync("old", join(root, "tree"));
    await expect(tree.read(at("file"), 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
    fs.unlinkSync(join(root, "tree"));
    await expect(tree.read(at("file"), 10)).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  });

  it("what was opened stays what is read, when its name is taken over meanwhile", async () => {
    const { root, trees, write } = await bed();
    write("d/file", "inside");
    const outside = await bed();
    outside.write("file", "outside");
    const source = await (await trees.openTree(root)).open(at("d/file"));
    fs.renameSync(join(root, "d"), join(root, "moved"));
    fs.symlinkSync(outside.root, join(root, "d"));
    const into = new Uint8Array(10);
    expect(await source.read(into)).toBe(6);
    expect(new TextDecoder().decode(into.subarray(0, 6))).toBe("inside");
    await source.close();
  });

  it.skipIf(!isLinux)("a swapper that turns a folder into a link and back never gets outside bytes accepted (500 reads)", async () => {
    const { root, trees, write } = await bed();
    const outside = await bed();
    outside.write("file", "outside");
    write("d/file", "inside");
    fs.symlinkSync(outside.root, join(root, "evil"));
    const { spawn } = await import("node:child_process");
    const script = `const fs=require("fs");process.chdir(${JSON.stringify(root)});for(;;){try{fs.renameSync("d","real");fs.renameSync("evil","d")}catch{}try{fs.renameSync("d","evil");fs.renameSync("real","d")}catch{}}`;
    const swapper = spawn(process.execPath, ["-e", script], { stdio: "ignore" });
    const tree = await trees.openTree(root);
    const seen = new Set<string>();
    try {
      for (let i = 0; i < 500; i++) {
        try {
          seen.add(new TextDecoder().decode(await tree.read(at("d/file"), 100)));
          for (const entry of await tree.walk(null, 100)) if (entry.path === "evil/file") seen.add("outside listed");
        } catch (thrown) {
          seen.add(thrown instanceof Error && "code" in thrown ? String(thrown.code) : "?");
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      swapper.kill("SIGKILL");
    }
    seen.delete("inside");
    seen.delete("PATH_INVALID");
    seen.delete("INPUT_NOT_FOUND");
    expect([...seen]).toEqual([]);
  });

  it("hides a folder also under another name of its inode", async () => {
    const { root, trees, write } = await bed();
    write("work/.lily/secret", "x");
    fs.symlinkSync(join(root, "work"), `${root}-alias`);
    made.push(`${root}-alias`);
    const tree = await trees.openTree(join(root, "work"), { hidden: [join(`${root}-alias`, ".lily"), "/does/not/exist"] });
    expect(await tree.walk(null, 10)).toEqual([]);
    await expect(tree.read(at(".lily/secret"), 10)).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  });

  it.skipIf(!isLinux)("PATH_INVALID: a name that is not UTF-8, or has a backslash or newline, stops a listing instead of vanishing from it", async () => {
    for (const name of [Buffer.from([0x66, 0xff]), Buffer.from("a\\b"), Buffer.from("a\nb")]) {
      const { root, trees } = await bed();
      fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), name]), "x");
      const tree = await trees.openTree(root);
      await expect(tree.walk(null, 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
      await expect(tree.glob(["*"], 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
    }
  });

  it("INPUT_TOO_LARGE: a huge folder ends the listing early", async () => {
    const { root, trees, makeFolder } = await bed();
    makeFolder("many");
    for (let i = 0; i < 5_000; i++) fs.closeSync(fs.openSync(join(root, "many", `f${i}`), "w"));
    const tree = await trees.openTree(root);
    await expect(tree.walk(null, 100)).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
    expect(await tree.walk(null, 5_001)).toHaveLength(5_001);
    expect(await tree.glob(["many/f49*"], 1_000)).toHaveLength(111);
  });

  it("reads a file that grows while it is read, up to the limit", async () => {
    const { root, trees, write } = await bed();
    write("log", "");
    const tree = await trees.openTree(root);
    expect(await tree.read(at("log"), 10)).toHaveLength(0);
    const proc = await trees.openTree("/proc/self").catch(() => null);
    if (proc === null || !isLinux) return;
    // Files of /proc say that they are empty and are not.
    await expect(proc.read(at("status"), 100)).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
    expect((await proc.read(at("status"), 100_000)).length).toBeGreaterThan(100);
  });

  it.skipIf(process.getuid?.() === 0)("a folder that may not be read is an error, not an absence (not as root, who may)", async () => {
    const { root, trees, write } = await bed();
    write("closed/file", "x");
    fs.chmodSync(join(root, "closed"), 0o000);
    const tree = await trees.openTree(root);
    await expect(tree.stat(at("closed/file"))).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
    await expect(tree.walk(null, 10)).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
    fs.chmodSync(join(root, "closed"), 0o700);
  });

  it("PATH_INVALID: a glob that would be slow to match is refused", async () => {
    const { root, trees } = await bed();
    const tree = await trees.openTree(root);
    await expect(tree.glob(["*a*a*a*a*a*b"], 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
    await expect(tree.glob(["a".repeat(2_000)], 10)).rejects.toMatchObject({ code: "PATH_INVALID" });
  });

  it("leaves no descriptor open, whatever failed", async () => {
    if (!fs.existsSync("/proc/self/fd")) return;
    const { root, trees, write, link, hardLink } = await bed();
    write("d/file", "x");
    link("link", "d");
    hardLink("two", "d/file");
    const tree = await trees.openTree(root);
    const open = (): number => fs.readdirSync("/proc/self/fd").length;
    await new Promise((resolve) => setImmediate(resolve));
    const before = open();
    for (let i = 0; i < 20; i++) {
      for (const path of ["d/file", "link/file", "two", "absent/x", "d", "d/file/x"]) await tree.read(at(path), 0).catch(() => {});
      await tree.walk(null, 1).catch(() => {});
      await tree.walk(at("link"), 1).catch(() => {});
      await trees.openTree(join(root, "absent")).catch(() => {});
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(before);
  });

  it("within one turn sees a folder that was put in place of the one it read", async () => {
    const { root, trees, write, link, remove } = await bed();
    write("d/e/file", "one");
    const tree = await trees.openTree(root);
    const text = async (): Promise<string> => new TextDecoder().decode(await tree.read(at("d/e/file"), 10));
    expect(await text()).toBe("one");
    fs.renameSync(join(root, "d"), join(root, "old"));
    await expect(text()).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
    write("d/e/file", "two");
    expect(await text()).toBe("two");
    remove("d");
    link("d", "old");
    await expect(text()).rejects.toMatchObject({ code: "PATH_INVALID" });
    expect(await tree.walk(null, 10)).toHaveLength(4);
  });
});
