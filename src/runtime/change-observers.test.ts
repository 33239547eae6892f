import { expect, test } from "vitest";
import { LilyError } from "../base/lily-error.ts";
import { endObserver, endObservers, observerOf } from "./change-observers.ts";
import type { RunContext } from "./run-context.ts";

function runOf(told: string[], failures = 0): RunContext {
  let left = failures;
  const observe = async (root: string, { hidden }: { hidden: readonly string[] }) => {
    told.push(`observe ${root}, hidden ${hidden.join()}`);
    if (left-- > 0) throw new LilyError("STORAGE_FAILED", "disk");
    return { end: async () => void told.push(`end ${root}`) };
  };
  return { deps: { observers: { observe }, workspaceDir: "/w/.lily" } } as unknown as RunContext;
}

test("a folder has one observer until it ends, and the workspace is left out of it unless the folder lies in there", async () => {
  const told: string[] = [];
  const run = runOf(told);
  expect(await observerOf(run, "/w")).toBe(await observerOf(run, "/w"));
  await observerOf(run, "/w/.lily/runs/1");
  await endObserver(run, "/w");
  await endObserver(run, "/w");
  await observerOf(run, "/w");
  await endObservers(run);
  await endObservers(run);
  const opened = ["observe /w, hidden /w/.lily", "observe /w/.lily/runs/1, hidden "];
  expect(told).toEqual([...opened, "end /w", "observe /w, hidden /w/.lily", "end /w/.lily/runs/1", "end /w"]);
});

test("an observer that could not be opened is asked for again", async () => {
  const told: string[] = [];
  const run = runOf(told, 1);
  await expect(observerOf(run, "/w")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  expect(await observerOf(run, "/w")).not.toBe(null);
  expect(told.length).toBe(2);
});

test("where nobody observes there is no observer, and nothing to end", async () => {
  const run = { deps: { observers: null, workspaceDir: "/w/.lily" } } as unknown as RunContext;
  expect(await observerOf(run, "/w")).toBe(null);
  await endObserver(run, "/w");
  await endObservers(run);
});
