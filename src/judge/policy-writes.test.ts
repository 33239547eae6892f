import { describe, expect, test } from "vitest";
import { literalBase, pathTest } from "./path-globs.ts";
import { namesDenied } from "./policy-environment.ts";
import { changedBytes, type FileChange, judgeWrites, type WriteRule } from "./policy-writes.ts";
import { writePlaces } from "./write-places.ts";

const none = (): boolean => false;
const file = (path: string, change: FileChange["change"] = "added", size = 1): FileChange => ({ path, change, kind: "file", size });
const folder = (path: string, change: FileChange["change"] = "added"): FileChange => ({ path, change, kind: "directory", size: 0 });

function breaches(rule: WriteRule | null, ...changes: readonly FileChange[]): readonly string[] {
  return judgeWrites(rule, changes, none).map(({ path, reason }) => `${path}: ${reason}`);
}

describe("judgeWrites", () => {
  test("without a rule only Lily's own folder is denied (S7)", () => {
    expect(breaches(null, file("a"), file(".Lily/runs/x"), folder(".lily"))).toEqual([
      ".Lily/runs/x: lies in .lily, which is Lily's own",
      ".lily: lies in .lily, which is Lily's own",
    ]);
  });

  test("a path must match a glob of every layer, and no glob that denies", () => {
    const rule = {
      allow: [
        ["out/**", "log.txt"],
        ["**/*.json", "log.txt"],
      ],
      deny: ["**/secret.json"],
    };
    expect(breaches(rule, file("out/a.json"), file("log.txt", "removed"), file("out/a.txt"), file("b.json"), file("out/x/secret.json"))).toEqual([
      "out/a.txt: is not in write.allow",
      "b.json: is not in write.allow",
      "out/x/secret.json: is in write.deny",
    ]);
  });

  test("an empty layer allows nothing, and no layer at all allows everything", () => {
    expect(breaches({ allow: [[]], deny: [] }, file("a"))).toEqual(["a: is not in write.allow"]);
    expect(breaches({ allow: [], deny: ["data"] }, file("a"), file("data/x"), file("database"))).toEqual(["data/x: is in write.deny"]);
  });

  test("folders that lead to what is allowed, or hold it, are fine; others are not", () => {
    const rule = { allow: [["out/deep/**", "logs/*/run.txt"]], deny: [] };
    expect(breaches(rule, folder("out"), folder("out/deep"), folder("logs"), folder("logs/a"), file("logs/a/run.txt"))).toEqual([]);
    expect(breaches(rule, folder("out/other"), folder("logs/b"), folder("extra"))).toEqual([
      "out/other: is not in write.allow",
      "logs/b: is not in write.allow",
      "extra: is not in write.allow",
    ]);
  });

  test("a folder of which all is denied may be made, and not be taken away", () => {
    const rule = { allow: [["out/**"]], deny: ["out/held/**"] };
    expect(breaches(rule, folder("out/held"))).toEqual([]);
    expect(breaches(rule, folder("out/held", "removed"))).toEqual(["out/held: is in write.deny"]);
  });

  test("links and special files are refused where writing is allowed, but for declared outputs and what is gone", () => {
    const rule = { allow: [["out/**"]], deny: [] };
    const odd = (path: string, kind: FileChange["kind"], change: FileChange["change"] = "added"): FileChange => ({ path, kind, change, size: 0 });
    expect(breaches(rule, odd("out/l", "link"), odd("out/p", "special"), odd("out/g", "link", "removed"))).toEqual([
      "out/l: became a link",
      "out/p: became a special file",
    ]);
    expect(judgeWrites(rule, [odd("out/l", "link")], (path) => path === "out/l")).toEqual([]);
  });

  test("bytes are those of files that are there now", () => {
    expect(changedBytes([file("a", "added", 3), file("b", "changed", 4), file("c", "removed", 100), folder("d")])).toBe(7);
  });
});

describe("globs of paths", () => {
  test("dots, line breaks and brackets in a name hide nothing", () => {
    const all = pathTest(["./out/**", "*.key"]);
    expect(["out/.a", "out/a\nb", "out/[x]", ".k.key", "a\nb.key"].map(all)).toEqual([true, true, true, true, true]);
    expect(["out", "OUT/a", "outside", "x/a.key", "!out/a"].map(all)).toEqual([false, false, false, false, false]);
  });

  test("the base is what comes before the first wildcard", () => {
    expect([literalBase("a/b/*.c"), literalBase("**"), literalBase("./a/b"), literalBase("a{b,c}/d")]).toEqual(["a/b", "", "a/b", ""]);
  });
});

describe("writePlaces", () => {
  const exact = { files: [], denied: [], deniedGlobs: [], inexact: null };

  test("whole folders and single files can be said exactly", () => {
    expect(writePlaces({ allow: [], deny: [] })).toEqual({ ...exact, folders: [""] });
    expect(writePlaces({ allow: [["out/**", "out/deep/**", "./log.txt"]], deny: [] })).toEqual({ ...exact, folders: ["out"], files: ["log.txt"] });
    expect(writePlaces({ allow: [["out/a.txt", "out/**"]], deny: [] })).toEqual({ ...exact, folders: ["out"] });
  });

  test("layers leave what lies in both", () => {
    const { folders, files } = writePlaces({ allow: [["out/**", "a.txt", "b.txt"], ["out/deep/**", "a.txt", "lib/**", "out/f"], ["**"]], deny: [] });
    expect([folders, files]).toEqual([["out/deep"], ["out/f", "a.txt"]]);
    expect(writePlaces({ allow: [["out/**"], ["lib/**"]], deny: [] })).toEqual({ ...exact, folders: [] });
    expect(writePlaces({ allow: [[]], deny: ["**"] })).toEqual({ ...exact, folders: [] });
  });

  test("what is denied near to it stays as it is, and what is far away needs nothing", () => {
    expect(writePlaces({ allow: [["out/**"]], deny: ["out/held/**", "out/f", "data/**", ".lily/**"] })).toEqual({
      ...exact,
      folders: ["out"],
      denied: ["out/held", "out/f"],
    });
  });

  test("other globs are said as far as mounts can, and are not exact", () => {
    expect(writePlaces({ allow: [["a/*/c.txt"]], deny: [] })).toEqual({ ...exact, folders: ["a"], inexact: "write.allow a/*/c.txt" });
    expect(writePlaces({ allow: [["out/**"]], deny: ["**/*.key", "x/*.y"] })).toEqual({
      ...exact,
      folders: ["out"],
      deniedGlobs: ["**/*.key"],
      inexact: "write.deny **/*.key",
    });
  });
});

describe("namesDenied", () => {
  test("every layer must cover a name, by itself or by a pattern", () => {
    expect(namesDenied(null, ["A"])).toEqual([]);
    expect(namesDenied([["AWS_*", "TZ"]], ["TZ", "AWS_KEY", "AWS", "TZ2", "TZ2"])).toEqual(["AWS", "TZ2"]);
    expect(namesDenied([["*"], ["A"]], ["A", "B"])).toEqual(["B"]);
  });
});
