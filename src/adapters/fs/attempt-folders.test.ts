import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { digestBytes } from "../../base/digest.ts";
import type { RelativePath } from "../../base/relative-path.ts";
import type { RunId } from "../../contracts/ids.ts";
import { attemptFoldersConformance } from "../../testkit/attempt-folders-conformance.ts";
import { openFsAttemptFolders } from "./attempt-folders.ts";

const made: string[] = [];
const run = "run-1" as RunId;
const bytes = new TextEncoder().encode("content");
const give = async (): Promise<Uint8Array> => bytes;

function workspace(): string {
  const dir = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "lily-attempts-")));
  made.push(dir);
  return dir;
}

afterAll(() => {
  for (const dir of made) fs.rmSync(dir, { recursive: true, force: true });
});

describe("attempt folders", () => {
  attemptFoldersConformance(async () => ({
    folders: openFsAttemptFolders(workspace()),
    write: (path, content) => {
      fs.mkdirSync(dirname(path), { recursive: true });
      fs.writeFileSync(path, content);
    },
    read: (path) => (fs.existsSync(path) ? fs.readFileSync(path, "utf8") : null),
    names: (path) => (fs.existsSync(path) ? fs.readdirSync(path) : []),
  }));

  it("A1: a copy replaced by a link or a second name is made anew, and what it led to is left alone", async () => {
    const dir = workspace();
    const folder = await openFsAttemptFolders(dir).open(run, ["steps", "a", "1"], { kind: "isolated" });
    const path = await folder.materialize(digestBytes(bytes), "t.csv", give);
    const outside = join(dir, "outside");
    fs.writeFileSync(outside, "content");
    for (const replace of [() => fs.symlinkSync(outside, path), () => fs.linkSync(outside, path)]) {
      fs.rmSync(path);
      replace();
      expect(await folder.materialize(digestBytes(bytes), "t.csv", give)).toBe(path);
      expect([fs.lstatSync(path).isFile(), fs.lstatSync(path).nlink]).toEqual([true, 1]);
    }
    expect(fs.readFileSync(outside, "utf8")).toBe("content");
  });

  it("A1: a copy that an earlier process left is used only when its bytes fit", async () => {
    const dir = workspace();
    const first = await openFsAttemptFolders(dir).open(run, ["steps", "a", "1"], { kind: "isolated" });
    const path = await first.materialize(digestBytes(bytes), "t.csv", give);
    const inode = fs.statSync(path).ino;
    const second = await openFsAttemptFolders(dir).open(run, ["steps", "a", "2"], { kind: "isolated" });
    await second.materialize(digestBytes(bytes), "t.csv", give);
    expect(fs.statSync(path).ino).toBe(inode);
    fs.writeFileSync(path, "tampered");
    const third = await openFsAttemptFolders(dir).open(run, ["steps", "a", "3"], { kind: "isolated" });
    await third.materialize(digestBytes(bytes), "t.csv", give);
    expect(fs.readFileSync(path, "utf8")).toBe("content");
  });

  it("placing follows no link that an earlier command left", async () => {
    const dir = workspace();
    const folder = await openFsAttemptFolders(dir).open(run, ["steps", "a", "1"], { kind: "isolated" });
    const outside = join(dir, "outside");
    fs.mkdirSync(outside);
    fs.symlinkSync(outside, join(folder.cwd, "in"));
    await expect(folder.place("in/table.csv" as RelativePath, give)).rejects.toMatchObject({ code: "PATH_INVALID" });
    fs.symlinkSync(join(outside, "target"), join(folder.cwd, "table.csv"));
    await folder.place("table.csv" as RelativePath, give);
    expect([fs.readdirSync(outside), fs.lstatSync(join(folder.cwd, "table.csv")).isFile()]).toEqual([[], true]);
  });

  it("cleaning removes links in a working folder, not what they lead to", async () => {
    const dir = workspace();
    const folder = await openFsAttemptFolders(dir).open(run, ["steps", "a", "1"], { kind: "isolated" });
    fs.writeFileSync(join(dir, "precious"), "x");
    fs.symlinkSync(dir, join(folder.cwd, "up"));
    await folder.clean();
    expect(fs.readFileSync(join(dir, "precious"), "utf8")).toBe("x");
    expect(fs.existsSync(dirname(folder.cwd))).toBe(false);
  });

  it("a log that was replaced by a link is not read", async () => {
    const dir = workspace();
    const folder = await openFsAttemptFolders(dir).open(run, ["steps", "a", "1"], { kind: "isolated" });
    fs.writeFileSync(join(dir, "secret"), "x");
    fs.symlinkSync(join(dir, "secret"), folder.stdoutPath);
    await expect(folder.openLog("stdout")).rejects.toMatchObject({ code: "PATH_INVALID" });
    expect(await openFsAttemptFolders(dir).logs(run)).toEqual([]);
  });
});
