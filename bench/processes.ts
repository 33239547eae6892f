/** Processes that do nothing: what starting, recording and judging one costs, against make and against Node's own spawn. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../src/base/json-value.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import { spread, takeTurns } from "./measure.ts";
import { type Bench, type BenchRow, figure, row } from "./row.ts";
import { chainOf, independent, openWorkspace, processStep, requireProven, start } from "./subject.ts";

const hasMake = spawnSync("make", ["--version"]).status === 0;
const truePath = ["/usr/bin/true", "/bin/true"].find((path) => existsSync(path)) ?? "true";

/** Bare Node: spawn with pipes for both streams, wait for the end. */
function bareSpawn(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(truePath, [], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.resume();
    child.stderr.resume();
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`true ended with ${code}`))));
  });
}

async function bareNode(count: number, parallel: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next++ < count) await bareSpawn();
  };
  await Promise.all(Array.from({ length: parallel }, lane));
}

/** A makefile that starts the same processes; each with a shell-free recipe. */
function makefile(dir: string, count: number, chained: boolean): readonly string[] {
  const rules = Array.from({ length: count }, (_, index) => `s${index}:${chained && index > 0 ? ` s${index - 1}` : ""}\n\t@${truePath}\n`);
  const names = Array.from({ length: count }, (_, index) => `s${index}`).join(" ");
  const path = join(dir, chained ? "chain.mk" : "independent.mk");
  writeFileSync(path, `.PHONY: all ${names}\nall: ${names}\n${rules.join("")}`);
  return ["-s", "-r", "-f", path];
}

function runMake(args: readonly string[]): void {
  assert.equal(spawnSync("make", args).status, 0);
}

interface Case {
  readonly name: string;
  readonly title: string;
  readonly count: number;
  readonly parallel: number;
  readonly chained: boolean;
  readonly targetMs: number;
  /** Published figures of the machine that the target was set on: what bare Node and make needed there. */
  readonly limits: { readonly node: number; readonly make: number };
}

async function measureCase(kernel: Kernel, dir: string, test: Case, rounds: number): Promise<readonly BenchRow[]> {
  const document: JsonObject = test.chained ? chainOf(test.count, processStep) : independent(test.count, processStep);
  const made = makefile(dir, test.count, test.chained);
  const runMs: number[] = [];
  const subject = async (): Promise<void> => {
    const handle = await start(kernel, dir, document, test.parallel);
    const startedAt = performance.now();
    const view = await handle.done();
    runMs.push(performance.now() - startedAt);
    await requireProven(kernel, view, test.count);
  };
  const make = (): void => {
    if (hasMake) runMake([...made, "-j", String(test.parallel)]);
  };
  await subject();
  runMs.length = 0;
  const times = await takeTurns(rounds, { node: () => bareNode(test.count, test.parallel), subject, make });
  const each = (values: readonly number[]): readonly number[] => values.map((ms) => ms / test.count);
  const measured = each(runMs);
  const stated = `the target was stated as ${test.targetMs} ms on a machine where make took ${test.limits.make} ms; here ${figure(spread(measured).median)} ms`;
  const shared = { title: test.title, unit: "ms each", measured };
  const rows = [
    row({
      ...shared,
      name: test.name,
      floorName: "bare Node spawn with pipes",
      floor: each(times.node),
      target: { bound: "at most", ratio: test.targetMs / test.limits.node },
      notes: [stated],
    }),
  ];
  if (hasMake)
    rows.push(
      row({
        ...shared,
        name: `${test.name}-make`,
        floorName: `make -j${test.parallel}`,
        floor: each(times.make),
        target: { bound: "at most", ratio: test.targetMs / test.limits.make },
      }),
    );
  return rows;
}

export const processes: Bench = async ({ dir, quick }) => {
  const kernel = await openWorkspace(dir);
  const rounds = quick ? 3 : 5;
  const wide: Case = {
    name: "processes",
    title: `${quick ? 300 : 1_000} independent processes, 2 at a time`,
    count: quick ? 300 : 1_000,
    parallel: 2,
    chained: false,
    targetMs: 1.2,
    limits: { node: 1.03, make: 0.32 },
  };
  const chain: Case = {
    name: "process-chain",
    title: `a chain of ${quick ? 100 : 300} processes`,
    count: quick ? 100 : 300,
    parallel: 1,
    chained: true,
    targetMs: 1.6,
    // Bare Node was not published for the chain; it starts one process at a time as it does two.
    limits: { node: 1.03, make: 0.58 },
  };
  const rows = [...(await measureCase(kernel, dir, wide, rounds)), ...(await measureCase(kernel, dir, chain, rounds))];
  await kernel.close();
  return rows;
};
