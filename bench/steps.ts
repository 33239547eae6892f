/** Durable steps: one run in sequence against an appended and synced file; many runs at once against bare group commit. */
import { hash } from "node:crypto";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { takeTurns } from "./measure.ts";
import { type Bench, row } from "./row.ts";
import { chainOf, moduleStep, openWorkspace, requireProven, start } from "./subject.ts";

/** A line of the size and form of an event, linked to the one before it. */
function linkedLine(index: number, prev: string): string {
  const data = { step_id: `s${index}`, attempt: 1, cause: "ready", inputs: [] };
  return `${JSON.stringify({ v: 1, stream: "run/floor", seq: index, prev, token: 1, at: "2026-01-01T00:00:00.000Z", by: "user:bench", kind: "STEP_STARTED", key: `STEP_STARTED/s${index}/1`, data })}\n`;
}

/** Hash-linked JSONL, one fdatasync a step. */
export function appendAndSync(dir: string, steps: number): () => void {
  let file = 0;
  return () => {
    const fd = openSync(join(dir, `floor-${file++}.jsonl`), "w");
    let prev = "";
    for (let index = 0; index < steps; index++) {
      const line = linkedLine(index, prev);
      prev = hash("sha256", line);
      writeSync(fd, line);
      fdatasyncSync(fd);
    }
    closeSync(fd);
  };
}

export const sequential: Bench = async ({ dir, quick }) => {
  const steps = quick ? 500 : 1_000;
  const kernel = await openWorkspace(dir);
  const document = chainOf(steps, moduleStep);
  const floor = appendAndSync(dir, steps);
  let runMs: number[] = [];
  const subject = async (): Promise<void> => {
    const handle = await start(kernel, dir, document, 1);
    const startedAt = performance.now();
    const view = await handle.done();
    runMs.push(performance.now() - startedAt);
    await requireProven(kernel, view, steps);
  };
  await subject();
  runMs = [];
  const times = await takeTurns(quick ? 5 : 9, { floor, subject });
  await kernel.close();
  const rate = (ms: number): number => (steps / ms) * 1_000;
  const order = [...runMs];
  return [
    row({
      name: "sequential",
      title: `one run of ${steps} sequential durable module steps`,
      unit: "steps/s",
      measured: order.map(rate),
      floorName: "hash-linked JSONL, one fdatasync a step",
      floor: times.floor.map(rate),
      target: { bound: "at least", ratio: 0.5 },
      notes: ["from the first step to the sealed record under a signed checkpoint; compiling the document comes before"],
    }),
  ];
};

/** SQLite, one transaction a batch; each of `runs` streams links its own lines. */
function groupCommit(dir: string, runs: number, steps: number): () => void {
  let file = 0;
  return () => {
    const db = new DatabaseSync(join(dir, `floor-${file++}.db`));
    db.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE lines (stream INTEGER, seq INTEGER, line TEXT, PRIMARY KEY (stream, seq)) WITHOUT ROWID",
    );
    const insert = db.prepare("INSERT INTO lines VALUES (?, ?, ?)");
    const prev = new Array<string>(runs).fill("");
    for (let step = 0; step < steps; step++) {
      db.exec("BEGIN IMMEDIATE");
      for (let run = 0; run < runs; run++) {
        const line = linkedLine(step, prev[run] ?? "");
        prev[run] = hash("sha256", line);
        insert.run(run, step, line);
      }
      db.exec("COMMIT");
    }
    db.close();
  };
}

export const concurrent: Bench = async ({ dir, quick }) => {
  const runs = 100;
  const steps = quick ? 50 : 100;
  const kernel = await openWorkspace(dir);
  const document = chainOf(steps, moduleStep);
  const floor = groupCommit(dir, runs, steps);
  let driveMs: number[] = [];
  let wholeMs: number[] = [];
  const subject = async (): Promise<void> => {
    const begunAt = performance.now();
    const handles = await Promise.all(Array.from({ length: runs }, () => start(kernel, dir, document, 1)));
    const startedAt = performance.now();
    const views = await Promise.all(handles.map((handle) => handle.done()));
    driveMs.push(performance.now() - startedAt);
    wholeMs.push(performance.now() - begunAt);
    for (const view of views) await requireProven(kernel, view, steps);
  };
  await subject();
  driveMs = [];
  wholeMs = [];
  const times = await takeTurns(quick ? 5 : 7, { floor, subject });
  await kernel.close();
  const rate = (ms: number): number => ((runs * steps) / ms) * 1_000;
  const shared = { unit: "steps/s", floorName: "SQLite, one transaction a batch of hash-linked lines", floor: times.floor.map(rate) };
  const target = { bound: "at least", ratio: 0.3 } as const;
  return [
    row({ ...shared, name: "concurrent", title: `${runs} runs of ${steps} module steps at once`, measured: driveMs.map(rate), target }),
    row({
      ...shared,
      name: "concurrent-whole",
      title: "the same with making the runs: plan, environment, manifest, lease",
      measured: wholeMs.map(rate),
      target,
    }),
  ];
};
