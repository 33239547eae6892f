import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ChangeObserver, ChangeReport } from "../../ports/change-observer.ts";
import { openFsChangeObservers } from "./change-observer.ts";

const onLinux = process.platform === "linux";
let dir: string;
let root: string;
const observers: ChangeObserver[] = [];

beforeEach(() => {
  dir = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "lily-changes-")));
  root = join(dir, "root");
  fs.mkdirSync(root);
});
afterEach(async () => {
  for (const observer of observers.splice(0)) await observer.end();
  fs.rmSync(dir, { recursive: true, force: true });
});

const at = (path: string): string => join(root, path);
const write = (path: string, content = "x"): void => {
  fs.mkdirSync(join(at(path), ".."), { recursive: true });
  fs.writeFileSync(at(path), content);
};
const told = ({ changes }: ChangeReport): readonly string[] => changes.map(({ change, kind, path }) => `${change} ${kind} ${path}`);

async function observe(how: "told" | "looking" = "told"): Promise<ChangeObserver> {
  const observer = await openFsChangeObservers(how === "told" ? { walkAlwaysUpTo: 0 } : { watch: false }).observe(root, { hidden: [] });
  observers.push(observer);
  return observer;
}

async function during(change: () => void, how: "told" | "looking" = "told"): Promise<ChangeReport> {
  const window = await (await observe(how)).open();
  change();
  return window.close();
}

const both = describe.each(onLinux ? (["told", "looking"] as const) : (["looking"] as const));

both("what is done to a file (%s)", (how) => {
  beforeEach(() => write("a/file", "before"));

  test.each([
    ["content of the same length", () => fs.writeFileSync(at("a/file"), "BEFORE")],
    ["a write in place", () => fs.writeSync(fs.openSync(at("a/file"), "r+"), "B")],
    ["an appended byte", () => fs.appendFileSync(at("a/file"), "x")],
    ["a cut", () => fs.truncateSync(at("a/file"), 1)],
    ["another mode", () => fs.chmodSync(at("a/file"), 0o600)],
    ["another time", () => fs.utimesSync(at("a/file"), 1, 1)],
    [
      "content, with the time of before put back",
      () => {
        const { atime, mtime } = fs.statSync(at("a/file"));
        fs.writeFileSync(at("a/file"), "BEFORE");
        fs.utimesSync(at("a/file"), atime, mtime);
      },
    ],
    [
      "a file put in its place, with its time",
      () => {
        const { atime, mtime } = fs.statSync(at("a/file"));
        fs.writeFileSync(join(dir, "other"), "BEFORE");
        fs.utimesSync(join(dir, "other"), atime, mtime);
        fs.renameSync(join(dir, "other"), at("a/file"));
      },
    ],
    [
      "a move away and back, with another content",
      () => {
        fs.renameSync(at("a"), join(dir, "away"));
        fs.writeFileSync(join(dir, "away/file"), "BEFORE");
        fs.renameSync(join(dir, "away"), at("a"));
      },
    ],
    [
      "a way through a link to the folder",
      () => {
        fs.symlinkSync(at("a"), join(dir, "way"));
        fs.writeFileSync(join(dir, "way/file"), "BEFORE");
      },
    ],
  ])("%s is told", async (_, change) => {
    expect(told(await during(change, how))).toEqual(["changed file a/file"]);
  });

  test("another mode of a folder is told, a file that came and went in it is not", async () => {
    expect(
      told(
        await during(() => {
          write("a/passing");
          fs.rmSync(at("a/passing"));
        }, how),
      ),
    ).toEqual([]);
    expect(told(await during(() => fs.chmodSync(at("a"), 0o700), how))).toEqual(["changed directory a"]);
  });

  test("a folder that is moved is removed in one place and added in the other, and goes on being observed", async () => {
    write("b/deep/file");
    const observer = await observe(how);
    const first = await observer.open();
    fs.renameSync(at("b"), at("c"));
    expect(told(await first.close())).toEqual([
      "removed directory b",
      "removed directory b/deep",
      "removed file b/deep/file",
      "added directory c",
      "added directory c/deep",
      "added file c/deep/file",
    ]);
    const second = await observer.open();
    write("c/deep/file", "xx");
    fs.mkdirSync(at("b/deep"), { recursive: true });
    write("b/deep/new");
    expect(told(await second.close())).toEqual(["added directory b", "added directory b/deep", "added file b/deep/new", "changed file c/deep/file"]);
  });

  test("a folder that is removed and made again is observed again", async () => {
    const observer = await observe(how);
    for (let round = 0; round < 5; round++) {
      const away = await observer.open();
      fs.rmSync(at("a"), { recursive: true });
      fs.mkdirSync(at("a"));
      await away.close();
      const again = await observer.open();
      write("a/file", `round ${round}`);
      expect(told(await again.close())).toEqual(["added file a/file"]);
    }
  });

  test("a folder that became a link is not entered", async () => {
    fs.mkdirSync(join(dir, "outside"));
    fs.writeFileSync(join(dir, "outside/file"), "x");
    const report = await during(() => {
      fs.rmSync(at("a"), { recursive: true });
      fs.symlinkSync(join(dir, "outside"), at("a"));
    }, how);
    expect(told(report)).toEqual(["changed link a", "removed file a/file"]);
  });

  test("names that no relative path can hold are told all the same, and so is what lies below them", async () => {
    const raw = Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x41])]);
    const report = await during(() => {
      write("line\nbreak");
      write("back\\slash");
      write("C:");
      write("ümlaut");
      fs.mkdirSync(raw);
      fs.writeFileSync(Buffer.concat([raw, Buffer.from("/in")]), "x");
    }, how);
    expect(told(report)).toEqual([
      "added directory %FFA",
      "added file %FFA/in",
      "added file C%3A",
      "added file back%5Cslash",
      "added file line%0Abreak",
      "added file ümlaut",
    ]);
  });

  test("what lies too deep to be named is told as the folder above it", async () => {
    const deep = Array.from({ length: 12 }, () => "d".repeat(200)).join("/");
    fs.mkdirSync(at(deep), { recursive: true });
    expect(told(await during(() => write(`${deep}/file`), how))).toEqual([`changed directory ${deep.slice(0, 4 * 201 + 200)}`]);
  });

  test("STORAGE_FAILED: the folder was moved away, or another stands in its place", async () => {
    const observer = await observe(how);
    const window = await observer.open();
    const other = await observer.open();
    fs.renameSync(root, join(dir, "moved"));
    await expect(window.close()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    fs.mkdirSync(root);
    await expect(other.close()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    fs.rmdirSync(root);
    fs.renameSync(join(dir, "moved"), root);
    expect(told(await (await observer.open()).close())).toEqual([]);
  });
});

describe("looking", () => {
  test("a small folder is looked at each time, and so is everything where nothing can be watched", async () => {
    write("file");
    const small = await openFsChangeObservers().observe(root, { hidden: [] });
    observers.push(small);
    expect(await (await small.open()).close()).toEqual({ changes: [], looked: true });
    expect((await during(() => undefined, "looking")).looked).toBe(true);
  });

  test("a change through another name of the file is seen by looking", async () => {
    write("file");
    fs.linkSync(at("file"), join(dir, "second-name"));
    expect(told(await during(() => fs.writeFileSync(join(dir, "second-name"), "evil"), "looking"))).toEqual(["changed file file"]);
  });
});

describe.skipIf(!onLinux)("being told by the kernel", () => {
  test("nothing is looked at when nothing was touched; a hidden folder may be", async () => {
    write("a/b/file");
    write(".lily/file");
    const observer = await openFsChangeObservers({ walkAlwaysUpTo: 0 }).observe(root, { hidden: [at(".lily")] });
    observers.push(observer);
    await (await observer.open()).close();
    const window = await observer.open();
    write(".lily/file", "xx");
    write(".lily/other");
    fs.readFileSync(at("a/b/file"));
    expect(await window.close()).toEqual({ changes: [], looked: false });
    const next = await observer.open();
    write("a/b/file", "xx");
    expect((await next.close()).looked).toBe(true);
  });

  test("a folder that grows is watched from then on, and one that shrinks is looked at each time again", async () => {
    write("d/file");
    const observer = await openFsChangeObservers({ walkAlwaysUpTo: 5 }).observe(root, { hidden: [] });
    observers.push(observer);
    const idle = async (): Promise<ChangeReport> => (await observer.open()).close();
    expect(await idle()).toEqual({ changes: [], looked: true });
    const growing = await observer.open();
    for (let index = 0; index < 10; index++) write(`d/f${index}`);
    expect((await growing.close()).changes).toHaveLength(10);
    expect(await idle()).toEqual({ changes: [], looked: false });
    const shrinking = await observer.open();
    for (let index = 0; index < 10; index++) fs.rmSync(at(`d/f${index}`));
    expect((await shrinking.close()).changes).toHaveLength(10);
    const later = await observer.open();
    write("d/file", "xx");
    expect(told(await later.close())).toEqual(["changed file d/file"]);
  });

  test("what a window tells does not hang on whether another one was told first that something was touched", async () => {
    write("file");
    const observer = await observe();
    const [first, second] = [await observer.open(), await observer.open()];
    write("file", "xx");
    await first.close();
    expect(await second.close()).toMatchObject({ looked: true, changes: [{ path: "file", change: "changed" }] });
  });

  test("more events than a part of the queue holds are doubt, and doubt is a look at everything", async () => {
    for (const name of ["noise/a", "noise/b", "quiet/file"]) write(name);
    const observer = await observe();
    for (const waits of [false, true]) {
      const window = await observer.open();
      for (let index = 0; index < 20_000; index++) fs.utimesSync(at(index % 2 === 0 ? "noise/a" : "noise/b"), index, index);
      // The queue is full, so nobody is told of this.
      write("quiet/file", `lost ${waits}`);
      // What is left of a queue that ran over is delivered, and then it has room again, as if nothing had been lost.
      for (let turn = 0; waits && turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(told(await window.close())).toEqual(["changed file noise/a", "changed file noise/b", "changed file quiet/file"]);
    }
  });

  test("a folder of which very many names were touched is looked at as a whole", async () => {
    write("d/sub/file");
    const report = await during(() => {
      for (let index = 0; index < 1_200; index++) fs.closeSync(fs.openSync(at(`d/f${index}`), "w"));
      write("d/sub/file", "xx");
    });
    expect(report.changes).toHaveLength(1_201);
  });

  test("when somebody takes away the folder by which the queue is measured, everything is looked at", async () => {
    write("file");
    const before = new Set(fs.readdirSync(tmpdir()));
    const observer = await observe();
    const window = await observer.open();
    for (const name of fs.readdirSync(tmpdir())) if (name.startsWith("lily-watch-") && !before.has(name)) fs.rmSync(join(tmpdir(), name), { recursive: true });
    write("file", "xx");
    expect(told(await window.close())).toEqual(["changed file file"]);
    expect(told(await (await observer.open()).close())).toEqual([]);
  });

  test("ending gives all watches and the folder of its own back", async () => {
    for (let folder = 0; folder < 50; folder++) write(`d${folder}/file`);
    const watches = (): number =>
      fs
        .readdirSync("/proc/self/fdinfo")
        .flatMap((fd) => {
          try {
            return fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8").split("\n");
          } catch {
            return [];
          }
        })
        .filter((line) => line.startsWith("inotify wd:")).length;
    const before = watches();
    const observer = await observe();
    await (await observer.open()).close();
    expect(watches() - before).toBeGreaterThanOrEqual(51);
    await observer.end();
    expect(watches()).toBe(before);
  });

  test("watching does not keep a process alive", () => {
    write("file");
    const script = `
      const { openFsChangeObservers } = await import(${JSON.stringify(join(import.meta.dirname, "change-observer.ts"))});
      const observer = await openFsChangeObservers({ walkAlwaysUpTo: 0 }).observe(${JSON.stringify(root)}, { hidden: [] });
      const report = await (await observer.open()).close();
      console.log(report.changes.length);`;
    expect(execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" })).toBe("0\n");
  });

  test("no change is lost while another process goes on writing: each is in a window that was open", async () => {
    for (let folder = 0; folder < 10; folder++) fs.mkdirSync(at(`d${folder}`));
    const observer = await observe();
    let window = await observer.open();
    const script = `const fs = require("fs"); for (let i = 0; i < 3000; i++) { fs.mkdirSync(process.argv[1] + "/d" + (i % 10) + "/n" + (i % 100), { recursive: true }); fs.writeFileSync(process.argv[1] + "/d" + (i % 10) + "/n" + (i % 100) + "/f" + i, "x"); }`;
    const writer = spawn(process.execPath, ["-e", script, root]);
    const found = new Set<string>();
    let running = true;
    writer.on("exit", () => {
      running = false;
    });
    for (let last = false; !last; ) {
      last = !running;
      const next = await observer.open();
      for (const { path, kind } of (await window.close()).changes) if (kind === "file") found.add(path);
      window = next;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await window.close();
    expect(found.size).toBe(3_000);
  });
});
