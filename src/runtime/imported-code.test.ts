import { expect, test } from "vitest";
import { type Digest, taggedDigest } from "../base/digest.ts";
import type { PlanStep } from "../contracts/plan-document.ts";
import { planOf, step } from "../graph/scheduler.test-support.ts";
import { hasStaleImports, noteImports } from "./imported-code.ts";
import type { RunContext } from "./run-context.ts";

const one = taggedDigest("event", "one");
const two = taggedDigest("event", "two");
const modular = (isolation: "none" | "process", code?: readonly string[]): PlanStep =>
  step("a", [], { executor: { kind: "module", module: "m", isolation }, ...(code === undefined ? {} : { code }) });

function runOf(sourceDir: string, digest: Digest): RunContext {
  const code = ["lib.mjs", "m.mjs"].map((path) => ({ path, digest }));
  return { sourceDir, plan: { ...planOf([]), code, modules: [{ name: "m", path: "m.mjs", digest }] } } as unknown as RunContext;
}

test("an import is stale when this process first ran beside another content of it, the module's own file apart", () => {
  const first = runOf("/stale", one);
  noteImports(first, modular("none"));
  noteImports(first, modular("none"));
  const later = runOf("/stale", two);
  noteImports(later, modular("none"));
  const uses = modular("none", ["lib.mjs"]);
  expect([hasStaleImports(first, uses), hasStaleImports(later, uses)]).toEqual([false, true]);
  expect([hasStaleImports(later, modular("none", ["m.mjs"])), hasStaleImports(later, modular("none"))]).toEqual([false, false]);
});

test("commands and modules of a process of their own import nothing into this one", () => {
  const run = runOf("/isolated", one);
  noteImports(run, step("a"));
  noteImports(run, modular("process"));
  const later = runOf("/isolated", two);
  noteImports(later, modular("none"));
  expect(hasStaleImports(later, modular("none", ["lib.mjs"]))).toBe(false);
});
