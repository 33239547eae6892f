/** The product as a user of the library has it: a workspace in a temporary folder, workflows built in code, checks of what was measured. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { JsonObject } from "../src/base/json-value.ts";
import type { RunView } from "../src/contracts/run-view.ts";
import type { Kernel, RunHandle } from "../src/kernel/kernel.ts";
import { openLocal } from "../src/presets/local.ts";

const moduleText = `import { defineModule } from ${JSON.stringify(new URL("../src/runtime/define-module.ts", import.meta.url).href)};
export const noop = defineModule({ name: "noop", version: "1", run: () => ({}) });
`;

/** A fresh workspace below `dir` that knows the module `noop`. */
export async function openWorkspace(dir: string): Promise<Kernel> {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "noop.mjs"), moduleText);
  writeFileSync(join(dir, "lily.yaml"), "modules: { noop: ./noop.mjs }\n");
  return openLocal({ workspaceDir: join(dir, ".lily"), create: true, dataHome: join(dir, "data") });
}

/** A chain of steps: each needs the one before it. */
export function chainOf(count: number, step: JsonObject): JsonObject {
  const steps: Record<string, JsonObject> = {};
  for (let index = 0; index < count; index++) steps[`s${index}`] = { ...step, ...(index === 0 ? {} : { needs: [`s${index - 1}`] }) };
  return { workflow: "chain", version: 1, steps };
}

/** Steps that need nothing. */
export function independent(count: number, step: JsonObject): JsonObject {
  return { workflow: "independent", version: 1, steps: Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, step])) };
}

export const moduleStep: JsonObject = { module: "noop" };
export const processStep: JsonObject = { run: ["true"] };

export async function start(kernel: Kernel, dir: string, document: JsonObject, parallel: number): Promise<RunHandle> {
  return kernel.runs.start({ document, dir }, { parallel });
}

/** What was timed must have happened: every step once, the record sealed, verified and covered by a checkpoint. */
export async function requireProven(kernel: Kernel, view: RunView, steps: number): Promise<void> {
  assert.equal(view.status, "succeeded");
  assert.equal(view.steps.length, steps);
  assert.ok(view.steps.every((step) => step.status === "succeeded" && step.attempts.length === 1));
  const verified = await kernel.records.verify(view.run_id);
  assert.deepEqual(verified.problems, []);
  assert.equal(verified.result, "anchored");
  assert.ok(verified.events >= steps * 2, "a record has a start and an end of every step");
}

/** Peak memory of this process in MB. */
export function peakMegabytes(): number {
  return process.resourceUsage().maxRSS / 1024;
}
