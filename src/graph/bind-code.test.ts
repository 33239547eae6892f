import { describe, expect, test } from "vitest";
import { digestBytes } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import type { PlanInput } from "../contracts/plan-document.ts";
import type { FileTree } from "../ports/file-tree.ts";
import { bindCode, bindModule, type CodeNames, verifyPlanCode } from "./bind-code.ts";
import { memoryFileTree } from "./memory-file-tree.test-support.ts";
import { gate, planOf, step } from "./scheduler.test-support.ts";

const names = (argv: readonly string[], more: Partial<CodeNames> = {}): CodeNames => ({
  steps: [step("a", [], { executor: { kind: "process", argv } })],
  gates: [],
  inputs: {},
  uses: [],
  modulePaths: [],
  itemText: (item) => (item.includes("${") ? null : item),
  ...more,
});
const boundPaths = async (given: CodeNames, tree: FileTree) => (await bindCode(given, tree)).map(({ path }) => path);
const fileInput: PlanInput = { file: "./data.csv", schema: null, media_type: null };

/** A tree whose disk fails, in what it does with single files. */
function failingTree(): FileTree {
  const fail = async () => {
    throw new LilyError("STORAGE_FAILED", "the disk does not answer");
  };
  return { ...memoryFileTree({ "a.mjs": "a" }), open: fail, stat: fail };
}

describe("bindCode", () => {
  test("binds files that argv, gates, uses and modules name, sorted, each once", async () => {
    const tree = memoryFileTree({ "b.mjs": "b", "a.mjs": "a", "lib/x.mjs": "x", "lib/y.mjs": "y", "m.ts": "m", "check.sh": "c" });
    const given = names(["node", "./b.mjs", "b.mjs", "${params.x}", "/etc/passwd", "--flag", ""], {
      gates: [{ ...gate("g"), check: { kind: "command", argv: ["sh", "check.sh"], env: {}, env_from: [], secrets: [] } }],
      uses: ["lib/*.mjs", "./a.mjs"],
      modulePaths: ["m.ts"],
    });
    expect(await boundPaths(given, tree)).toEqual(["a.mjs", "b.mjs", "check.sh", "lib/x.mjs", "lib/y.mjs", "m.ts"]);
    expect((await bindCode(given, tree))[0]?.digest).toBe(digestBytes("a"));
  });

  test("leaves out what a step writes, what an input names, and links", async () => {
    const tree = memoryFileTree({ "out/t.csv": "t", "data.csv": "d", "plot-1.svg": "p", "run.mjs": "r", linked: null });
    const writer = step("w", [], {
      executor: { kind: "process", argv: ["node", "run.mjs", "out/t.csv", "data.csv", "plot-1.svg", "linked"] },
      outputs: {
        table: { path: "./out/t.csv", glob: null, schema: null, optional: false, media_type: null },
        plots: { path: null, glob: "plot-*.svg", schema: null, optional: false, media_type: null },
      },
    });
    expect(await boundPaths(names([], { steps: [writer], inputs: { data: fileInput }, uses: ["link*"] }), tree)).toEqual(["run.mjs"]);
  });

  test("WORKFLOW_INVALID: a plain uses entry must name a file", async () => {
    await expect(bindCode(names([], { uses: ["gone.mjs"] }), memoryFileTree({}))).rejects.toMatchObject({ code: "WORKFLOW_INVALID" });
    await expect(bindCode(names([], { uses: ["linked"] }), memoryFileTree({ linked: null }))).rejects.toMatchObject({ code: "WORKFLOW_INVALID" });
  });

  test("a disk that fails is never taken for a file that is not there", async () => {
    await expect(bindCode(names(["a.mjs"]), failingTree())).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(bindModule("m", "a.mjs", failingTree())).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });

  test("what lies behind a link or vanished while it was looked at is no file", async () => {
    const behind: FileTree = {
      ...memoryFileTree({}),
      stat: async () => {
        throw new LilyError("PATH_INVALID", "a link is on the way");
      },
    };
    expect(await boundPaths(names(["a.mjs"]), behind)).toEqual([]);
  });
});

describe("bindModule", () => {
  test("gives path and digest, without a leading dot", async () => {
    expect(await bindModule("m", "./m.ts", memoryFileTree({ "m.ts": "m" }))).toEqual({ name: "m", path: "m.ts", digest: digestBytes("m") });
  });

  test.each(["gone.ts", "../m.ts", "/m.ts", "linked"])("MODULE_NOT_FOUND: refuses %s", async (path) => {
    await expect(bindModule("m", path, memoryFileTree({ linked: null }))).rejects.toMatchObject({ code: "MODULE_NOT_FOUND" });
  });
});

describe("verifyPlanCode", () => {
  const bound = { path: "a.mjs", digest: digestBytes("a") };
  const messages = async (files: Record<string, string | null>, plan: Parameters<typeof verifyPlanCode>[0], moduleTree?: FileTree) =>
    (await verifyPlanCode(plan, memoryFileTree(files), moduleTree)).map(({ code, file, message }) => [code, file, message]);

  test("says nothing when all files are as planned, and names each that changed or is gone", async () => {
    const plan = { ...planOf([step("s")]), code: [bound, { path: "b.mjs", digest: digestBytes("b") }] };
    expect(await messages({ "a.mjs": "a", "b.mjs": "b" }, plan)).toEqual([]);
    expect(await messages({ "a.mjs": "other", "b.mjs": null }, plan)).toEqual([
      ["WORKFLOW_DRIFT", "a.mjs", expect.stringContaining(`is now ${digestBytes("other")}`)],
      ["WORKFLOW_DRIFT", "b.mjs", expect.stringContaining("is missing or no longer a regular file")],
    ]);
  });

  test("a module is compared once, where modules lie", async () => {
    const plan = { ...planOf([step("s")]), code: [bound], modules: [{ name: "m", ...bound }] };
    expect(await messages({ "a.mjs": "x" }, plan)).toHaveLength(1);
    expect(await messages({ "a.mjs": "a" }, plan, memoryFileTree({ "a.mjs": "x" }))).toEqual([
      ["WORKFLOW_DRIFT", "a.mjs", expect.stringContaining("module m")],
    ]);
    expect(await messages({ "a.mjs": "x" }, { ...plan, code: [] })).toHaveLength(1);
  });

  test("a new file that uses matches is drift, unless a step writes it", async () => {
    const writer = step("w", [], { outputs: { log: { path: "lib/log.mjs", glob: null, schema: null, optional: false, media_type: null } } });
    const plan = { ...planOf([writer]), code: [bound], uses: ["*.mjs", "lib/*.mjs"] };
    expect(await messages({ "a.mjs": "a" }, plan)).toEqual([]);
    expect(await messages({ "a.mjs": "a", "lib/log.mjs": "l", "lib/new.mjs": "n", "lib/linked.mjs": null }, plan)).toEqual([
      ["WORKFLOW_DRIFT", "lib/new.mjs", expect.stringContaining("appeared after planning")],
    ]);
  });
});
