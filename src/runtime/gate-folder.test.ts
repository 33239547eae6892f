import { expect, test } from "vitest";
import { digestBytes } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import { memoryFileTree } from "../graph/memory-file-tree.test-support.ts";
import { planOf, ToldRun } from "../graph/scheduler.test-support.ts";
import { freshGateFolder, restoreFolder } from "./restore-folder.ts";
import type { RunContext } from "./run-context.ts";

/** A run whose folders fail this often; tells which were asked for and what was placed. */
function runOf(told: string[], failures = 0, code: "STORAGE_FAILED" | "STORAGE_FULL" = "STORAGE_FAILED"): RunContext {
  let left = failures;
  const open = async (_: string, parts: readonly string[]) => {
    told.push(parts.join("/"));
    if (left-- > 0) throw new LilyError(code, "there");
    return { place: async (path: string) => void told.push(`place ${path}`) };
  };
  const plan = {
    ...planOf([]),
    code: [{ path: "a.sh", digest: digestBytes("a") }],
    inputs: { none: { file: null, schema: null, media_type: null } },
  };
  return { runId: "run-a", plan, state: new ToldRun(plan).state, tree: memoryFileTree({ "a.sh": "a" }), deps: { folders: { open } } } as unknown as RunContext;
}

test("a folder that was used is never used again, and what is no used folder is not tried again", async () => {
  const told: string[] = [];
  await freshGateFolder(runOf(told, 2), "g", "1", { kind: "isolated" });
  expect(told).toEqual(["gates/g/1", "gates/g/1-2", "gates/g/1-3"]);
  const full: string[] = [];
  await expect(freshGateFolder(runOf(full, 1, "STORAGE_FULL"), "g", "1", { kind: "isolated" })).rejects.toMatchObject({ code: "STORAGE_FULL" });
  const endless: string[] = [];
  await expect(freshGateFolder(runOf(endless, 1_000), "g", "1", { kind: "isolated" })).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  expect([full.length, endless.length]).toEqual([1, 100]);
});

test("the code of the plan is put into the folder of a gate, unless it changed", async () => {
  const told: string[] = [];
  await restoreFolder(runOf(told), "g", "1", []);
  expect(told).toEqual(["gates/g/1", "place a.sh"]);
  const drifted = { ...runOf([]), tree: memoryFileTree({ "a.sh": "b" }) };
  await expect(restoreFolder(drifted, "g", "1", [])).rejects.toMatchObject({ code: "WORKFLOW_DRIFT", details: { path: "a.sh" } });
});
