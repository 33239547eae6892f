/** Deciding that a pure step is reused: its key, the result behind it in its record, its bytes, and the events that say so, durable. */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { JsonObject } from "../src/base/json-value.ts";
import { takeTurns } from "./measure.ts";
import { type Bench, row } from "./row.ts";
import { openWorkspace, start } from "./subject.ts";

const budgetMs = 1;
const batch = 32;

/** The least that such a decision costs: a key looked up, what is found hashed, and three linked lines committed, 32 decisions at a time. */
function lookUpAndCommit(dir: string, steps: number): () => void {
  const text = "x".repeat(3_000);
  let file = 0;
  return () => {
    const db = new DatabaseSync(join(dir, `floor-${file++}.db`));
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    db.exec("CREATE TABLE results (key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID; CREATE TABLE lines (seq INTEGER PRIMARY KEY, line TEXT)");
    const fill = db.prepare("INSERT INTO results VALUES (?, ?)");
    db.exec("BEGIN");
    for (let index = 0; index < steps; index++) fill.run(hash("sha256", String(index)), text);
    db.exec("COMMIT");
    const find = db.prepare("SELECT text FROM results WHERE key = ?");
    const insert = db.prepare("INSERT INTO lines (line) VALUES (?)");
    let prev = "";
    for (let index = 0; index < steps; index++) {
      if (index % batch === 0) db.exec("BEGIN IMMEDIATE");
      const found = JSON.stringify(find.get(hash("sha256", String(index))));
      for (const line of [found, text.slice(0, 800), text.slice(0, 800)]) {
        prev = hash("sha256", `${prev}${line}`);
        insert.run(line);
      }
      if (index % batch === batch - 1 || index === steps - 1) db.exec("COMMIT");
    }
    db.close();
  };
}

function pureSteps(count: number): JsonObject {
  const step = (index: number): JsonObject => ({
    module: "noop",
    with: { index },
    uses: ["noop.mjs"],
    workdir: "isolated",
    pure: true,
    outputs: { note: { optional: true } },
  });
  return { workflow: "reuse", version: 1, steps: Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, step(index)])) };
}

export const reuse: Bench = async ({ dir, quick }) => {
  const steps = quick ? 2_000 : 10_000;
  mkdirSync(dir, { recursive: true });
  const kernel = await openWorkspace(dir);
  const document = pureSteps(steps);
  assert.equal((await (await start(kernel, dir, document, 8)).done()).status, "succeeded");
  let runMs: number[] = [];
  const subject = async (): Promise<void> => {
    const handle = await start(kernel, dir, document, 8);
    const startedAt = performance.now();
    const view = await handle.done();
    runMs.push(performance.now() - startedAt);
    assert.equal(view.status, "succeeded");
    assert.ok(view.steps.every((step) => step.status === "reused"));
    assert.deepEqual((await kernel.records.verify(view.run_id)).problems, []);
  };
  await subject();
  runMs = [];
  const times = await takeTurns(quick ? 3 : 5, { floor: lookUpAndCommit(dir, steps), subject });
  await kernel.close();
  const perStep = (ms: number): number => ms / steps;
  const slowest = Math.max(...runMs.map(perStep));
  return [
    row({
      name: "reuse",
      title: `one run of ${steps} pure steps, all of them reused`,
      unit: "ms/step",
      measured: runMs.map(perStep),
      floorName: "SQLite: a lookup by key, SHA-256 over what is found, three linked lines, one transaction for 32",
      floor: times.floor.map(perStep),
      target: { bound: "at most", ratio: 12 },
      notes: [
        `budget ${budgetMs} ms a step: ${slowest < budgetMs ? "kept" : "exceeded"}, ${slowest.toFixed(3)} ms in the slowest round; from the first decision to the sealed record under a signed checkpoint`,
      ],
    }),
  ];
};
