import { describe, expect, test } from "vitest";
import { LilyError } from "../base/lily-error.ts";
import { memoryFileTree } from "../graph/memory-file-tree.test-support.ts";
import { planOf } from "../graph/scheduler.test-support.ts";
import type { WriteRule } from "../judge/policy-writes.ts";
import type { FileTree } from "../ports/file-tree.ts";
import type { RunContext } from "./run-context.ts";
import { buildSandbox, type BuiltSandbox, noted } from "./sandbox-spec.ts";

interface Setting {
  readonly cwd?: string;
  readonly handed?: readonly string[];
  readonly tool?: string;
  readonly tree?: FileTree;
  /** Null: there is nobody that makes folders. */
  readonly made?: readonly string[] | null;
}

const files = memoryFileTree({ "a.txt": "a", "d/b.txt": "b", "d/l": null });

function built(write: WriteRule | null, { cwd = "/w", handed = [], tool = "/bin/sh", tree = files, made = ["out", "d"] }: Setting = {}): Promise<BuiltSandbox> {
  const { policy } = planOf([]);
  const folderMaker = made === null ? null : { make: async (root: string, path: string) => (made.includes(path) ? `${root}/${path}` : null) };
  const run = { plan: { policy: { ...policy, write } }, sourceDir: "/w", deps: { workspaceDir: "/w/.lily", hiddenFolders: ["/keys"], folderMaker } };
  return buildSandbox(run as unknown as RunContext, { cwd, tree, tool, tools: null, handed });
}

describe("a sandbox", () => {
  test("hides the workspace and the keys, and shows what is handed over of them and nothing else", async () => {
    const { spec, inexact } = await built(null, { handed: ["/w/.lily/o", "/w/a.txt", "/keys/k"] });
    expect(spec).toMatchObject({ writable: ["/w"], readOnly: [], hidden: ["/w/.lily", "/keys"], shown: ["/w/.lily/o", "/keys/k"] });
    expect(inexact).toBe(null);
  });

  test("shows a folder of its own in the workspace to be read where only a part of it may be written, and hides the workflow's", async () => {
    const cwd = "/w/.lily/runs/1";
    const part = await built({ allow: [["out/**"]], deny: [] }, { cwd });
    expect(part.spec).toMatchObject({ writable: [`${cwd}/out`], hidden: ["/w/.lily", "/keys", "/w"], shown: [cwd] });
    expect((await built({ allow: [["**"]], deny: [] }, { cwd, tool: "/w/tool" })).spec).toMatchObject({ writable: [cwd], shown: ["/w/tool"] });
  });
});

describe("a rule about writes", () => {
  test("is said exactly when its places are there or can be made", async () => {
    const { spec, inexact } = await built({ allow: [["out/**", "d/**", "a.txt"]], deny: ["d/b.txt"] });
    expect([spec.writable.toSorted(), spec.readOnly, inexact]).toEqual([["/w/a.txt", "/w/d", "/w/out"], ["/w/d/b.txt"], null]);
  });

  test.each<readonly [string, WriteRule, Setting, readonly string[], readonly string[], string | null]>([
    ["a folder that cannot be made", { allow: [["no/**"]], deny: [] }, {}, [], [], "no is no folder"],
    ["a folder that nobody makes", { allow: [["out/**"]], deny: [] }, { made: null }, [], [], "out is no folder"],
    ["a file that does not exist yet", { allow: [["new.txt"]], deny: [] }, {}, ["/w"], [], "new.txt does not exist"],
    ["one in a folder", { allow: [["d/new.txt"]], deny: [] }, {}, ["/w/d"], [], "d/new.txt does not exist"],
    ["one in a folder that cannot be made", { allow: [["no/new.txt"]], deny: [] }, {}, [], [], "no/new.txt does not exist"],
    ["a link", { allow: [["d/l"]], deny: [] }, {}, ["/w/d"], [], "d/l does not exist"],
    ["a denied path that is not there", { allow: [["**"]], deny: ["gone.txt"] }, {}, ["/w"], [], "gone.txt does not exist"],
    ["everything denied", { allow: [["**"]], deny: ["**"] }, {}, ["/w"], ["/w"], null],
    ["a denied glob", { allow: [["**"]], deny: ["d/*"] }, {}, ["/w"], ["/w/d/b.txt"], "write.deny d/*"],
  ])("with %s says what mounts cannot hold", async (_, rule, setting, writable, readOnly, inexact) => {
    const { spec, inexact: found } = await built(rule, setting);
    expect([spec.writable, spec.readOnly, found]).toEqual([writable, readOnly, inexact]);
  });

  test("takes a path that leads through a link for missing, and a fault of the disk for a fault", async () => {
    const failing = (code: "PATH_INVALID" | "STORAGE_FAILED"): FileTree => ({ ...files, stat: () => Promise.reject(new LilyError(code, "x")) });
    const rule = { allow: [["a.txt"]], deny: [] };
    expect((await built(rule, { tree: failing("PATH_INVALID") })).inexact).toBe("a.txt does not exist");
    await expect(built(rule, { tree: failing("STORAGE_FAILED") })).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});

test("of what is handed to a command, paths are noted and values are not", async () => {
  const handed: string[] = [];
  const values: unknown[] = ["/p", 7];
  const form = noted((async () => values.shift()) as unknown as Parameters<typeof noted>[0], handed);
  const stored = {} as Parameters<typeof form>[0];
  expect([await form(stored), await form(stored), handed]).toEqual(["/p", 7, ["/p"]]);
});
