import { describe, expect, test } from "vitest";
import { LilyError } from "../base/lily-error.ts";
import type { FileTree } from "../ports/file-tree.ts";
import { memoryFileTree } from "./memory-file-tree.test-support.ts";
import { gate, step } from "./scheduler.test-support.ts";
import { refuseUnboundPaths } from "./unbound-paths.ts";

const root = "/home/ada/work";
const tree: FileTree = { ...memoryFileTree({ "s/a.sh": "a", "s/b.sh": "b", linked: null }), root };
const itemText = (item: string): string | null => (item.includes("${") ? null : item);

const ofArgv = (argv: readonly string[], where: FileTree = tree) => refuseUnboundPaths(step("a", [], { executor: { kind: "process", argv } }), itemText, where);

describe("B3: a pure step that names a file of the workflow's folder so that it is not bound is refused", () => {
  test.each([
    ["by an absolute path", `${root}/s/a.sh`, "write s/a.sh"],
    ["by an absolute path with dots", `${root}/x/.././/s/a.sh`, "write s/a.sh"],
    ["by a path that climbs and comes back", "s/../s/a.sh", "write s/a.sh"],
    ["by a path that leaves the folder and comes back", "../work/s/a.sh", "write s/a.sh"],
    ["by an absolute path of what is not there yet", `${root}/out.txt`, "write out.txt"],
    ["as the folder itself", `${root}/`, "name the files below it"],
    ["as a link", `${root}/linked`, "write linked"],
  ])("%s", async (_, item, said) => {
    await expect(ofArgv(["sh", item])).rejects.toMatchObject({ code: "WORKFLOW_INVALID", message: expect.stringContaining(said) });
    const check = { kind: "command" as const, argv: ["sh", item], env: {}, env_from: [], secrets: [] };
    const gated = step("a", [], { executor: { kind: "shell", text: "true" }, gates: [{ ...gate("g"), check }] });
    await expect(refuseUnboundPaths(gated, itemText, tree)).rejects.toMatchObject({ code: "WORKFLOW_INVALID" });
  });

  test.each([
    ["a path of the folder", ["sh", "s/a.sh", "./s/b.sh"]],
    ["a program of the folder, which is a tool by its own digest", [`${root}/s/a.sh`]],
    ["a path elsewhere", ["sort", "-T", "/tmp", "/home/ada/worker/s/a.sh", "../other/s/a.sh", "/home/ada"]],
    ["what is not there", ["cp", "s/../gone.sh"]],
    ["a text that is no path of a file", ["sed", "s/../x/", "..", ".", "", "a//b", "linked/../x"]],
    ["what is not known before the run", ["cp", "${inputs.x}", `${root}/\${inputs.x}`]],
  ])("but not %s", async (_, argv) => {
    await expect(ofArgv(argv)).resolves.toBeUndefined();
  });

  test("a disk that fails is never taken for a file that is not there", async () => {
    const failing: FileTree = {
      ...tree,
      stat: async () => {
        throw new LilyError("STORAGE_FAILED", "the disk does not answer");
      },
    };
    await expect(ofArgv(["sh", "s/../s/a.sh"], failing)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    const gone: FileTree = {
      ...tree,
      stat: async () => {
        throw new LilyError("INPUT_NOT_FOUND", "not there");
      },
    };
    await expect(ofArgv(["sh", "s/../s/a.sh"], gone)).resolves.toBeUndefined();
  });
});
