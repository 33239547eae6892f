/** Comparing a folder of 20,000 files before and after a step: the first look, one after which nothing was touched, and one after some writes. */
import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openFsChangeObservers } from "../src/adapters/fs/change-observer.ts";
import { spread, takeTurns } from "./measure.ts";
import { type Bench, figure, row } from "./row.ts";

const folders = 100;

/** Every name and what the system says of it, and nothing kept. */
function listAndLook(root: string): number {
  let seen = 0;
  for (const folder of readdirSync(root)) {
    for (const name of readdirSync(join(root, folder))) {
      lstatSync(join(root, folder, name));
      seen++;
    }
  }
  return seen;
}

export const observing: Bench = async ({ dir, quick }) => {
  const files = quick ? 5_000 : 20_000;
  const root = join(dir, "files");
  for (let folder = 0; folder < folders; folder++) {
    mkdirSync(join(root, `d${folder}`), { recursive: true });
    for (let index = 0; index < files / folders; index++) writeFileSync(join(root, `d${folder}`, `f${index}`), "x");
  }
  const observers = openFsChangeObservers();
  const first = async (): Promise<void> => {
    const observer = await observers.observe(root, { hidden: [] });
    const { changes } = await (await observer.open()).close();
    assert.equal(changes.length, 0);
    await observer.end();
  };
  const kept = await observers.observe(root, { hidden: [] });
  const window = async (touch: () => void): Promise<{ readonly ms: number; readonly changes: number; readonly looked: boolean }> => {
    const startedAt = performance.now();
    const open = await kept.open();
    const openedMs = performance.now() - startedAt;
    touch();
    const closedAt = performance.now();
    const { changes, looked } = await open.close();
    return { ms: openedMs + (performance.now() - closedAt), changes: changes.length, looked };
  };
  await window(() => undefined);
  const untouched: number[] = [];
  const touched: number[] = [];
  let round = 0;
  const times = await takeTurns(quick ? 5 : 11, {
    floor: () => assert.equal(listAndLook(root), files),
    first,
    untouched: async () => {
      const { ms, changes, looked } = await window(() => undefined);
      assert.deepEqual([changes, looked], [0, false]);
      untouched.push(ms);
    },
    touched: async () => {
      const content = `round ${round++}`;
      const { ms, changes } = await window(() => {
        for (let index = 0; index < 20; index++) writeFileSync(join(root, `d${index}`, "f0"), content);
      });
      assert.equal(changes, 20);
      touched.push(ms);
    },
  });
  await kept.end();
  rmSync(root, { recursive: true });
  const shared = { unit: "ms", floorName: "readdir and lstat of everything, one thread, nothing kept", floor: times.floor };
  return [
    row({
      ...shared,
      name: "observe-first",
      title: `a folder of ${files} files looked at for the first time, with a watch on each of its ${folders} folders`,
      measured: times.first,
      target: { bound: "at most", ratio: 5 },
      notes: [`the target was stated as under 1,000 ms for 20,000 files; here ${figure(spread(times.first).median)} ms`],
    }),
    row({
      ...shared,
      name: "observe-untouched",
      title: `a window over the same ${files} files in which nothing was touched, opened and closed`,
      measured: untouched,
      target: { bound: "at most", ratio: 0.1 },
      notes: ["nothing was looked at in any of these windows"],
    }),
    row({
      ...shared,
      name: "observe-touched",
      title: "a window in which 20 of them were written, without the writing",
      measured: touched,
      target: { bound: "at most", ratio: 0.2 },
    }),
  ];
};
