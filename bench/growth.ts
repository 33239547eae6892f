/** What length costs: time a step, recovery of a long record, memory. Each in a process of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { timed } from "./measure.ts";
import { type Bench, type BenchRow, figure, row } from "./row.ts";
import { appendAndSync } from "./steps.ts";
import { chainOf, moduleStep, openWorkspace, start } from "./subject.ts";

const growthSubject = fileURLToPath(new URL("growth-subject.ts", import.meta.url));
const recoverySubject = fileURLToPath(new URL("recovery-subject.ts", import.meta.url));

function child<T>(file: string, ...args: readonly string[]): T {
  const done = spawnSync(process.execPath, [file, ...args], { encoding: "utf8", maxBuffer: 1 << 26 });
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout);
}

interface Grown {
  readonly ok: boolean;
  readonly startMs: number;
  readonly driveMs: number;
  readonly peak: number;
  readonly events: number;
}

interface Sample {
  readonly eachMs: number;
  /** A step against an append with sync, measured beside it: takes the disk's mood out of the comparison. */
  readonly overFloor: number;
  readonly grown: Grown;
}

async function sample(dir: string, steps: number): Promise<Sample> {
  mkdirSync(dir, { recursive: true });
  const floorSteps = Math.min(steps, 2_000);
  const floor = appendAndSync(dir, floorSteps);
  const before = await timed(floor);
  const grown = child<Grown>(growthSubject, join(dir, "workspace"), String(steps));
  const after = await timed(floor);
  assert.ok(grown.ok && grown.events >= steps * 2);
  const eachMs = grown.driveMs / steps;
  return { eachMs, overFloor: eachMs / ((before + after) / 2 / floorSteps), grown };
}

export const growth: Bench = async ({ dir, quick }) => {
  const small = 1_000;
  const sizes = quick ? [10_000] : [10_000, 100_000];
  const rows: BenchRow[] = [];
  for (const size of sizes) {
    const pairs: { readonly small: Sample; readonly large: Sample }[] = [];
    for (let round = 0; round < (size > 10_000 ? 1 : quick ? 2 : 3); round++) {
      pairs.push({ small: await sample(join(dir, `${size}-${round}-small`), small), large: await sample(join(dir, `${size}-${round}-large`), size) });
    }
    const last = pairs.at(-1)?.large.grown;
    rows.push(
      row({
        name: `growth-${size}`,
        title: `cost of a step in a run of ${size} steps`,
        unit: "x the synced append beside it",
        measured: pairs.map((pair) => pair.large.overFloor),
        floorName: `the same in a run of ${small} steps`,
        floor: pairs.map((pair) => pair.small.overFloor),
        target: { bound: "at most", ratio: 1.2 },
        notes: [
          `${figure((pairs.at(-1)?.large.eachMs ?? 0) * 1_000)} microseconds a step; check, plan and start of the document before it: ${figure(last?.startMs ?? 0)} ms`,
        ],
      }),
      row({
        name: `memory-${size}`,
        title: `peak memory of the process that ran ${size} steps`,
        unit: "MB",
        measured: pairs.map((pair) => pair.large.grown.peak),
        floorName: "300 MB",
        floor: pairs.map(() => 300),
        target: { bound: "at most", ratio: 1 },
      }),
    );
  }
  return rows;
};

interface Recovered {
  readonly ok: boolean;
  readonly events: number;
  readonly readMs: number;
  readonly planMs: number;
  readonly foldMs: number;
  readonly peak: number;
}

export const recovery: Bench = async ({ dir, quick }) => {
  const steps = quick ? 10_000 : 50_000;
  const kernel = await openWorkspace(dir);
  const view = await (await start(kernel, dir, chainOf(steps, moduleStep), 1)).done();
  await kernel.close();
  const samples: Recovered[] = [];
  for (let round = 0; round < 5; round++) {
    const seen = child<Recovered>(recoverySubject, dir, view.run_id);
    assert.ok(seen.ok && seen.events >= steps * 2);
    samples.push(seen);
  }
  const bound = quick ? 100 : 500;
  const last = samples.at(-1);
  return [
    row({
      name: "recovery",
      title: `record of ${steps * 2} events read, verified, parsed and folded in a fresh process`,
      unit: "ms",
      measured: samples.map((one) => one.readMs + one.planMs + one.foldMs),
      floorName: `${bound} ms`,
      floor: samples.map(() => bound),
      target: { bound: "at most", ratio: 1 },
      notes: [
        `reading ${figure(last?.readMs ?? 0)} ms, plan ${figure(last?.planMs ?? 0)} ms, fold ${figure(last?.foldMs ?? 0)} ms; peak memory ${figure(last?.peak ?? 0)} MB`,
      ],
    }),
  ];
};
