/** Starting the built command line against starting Node. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { takeTurns } from "./measure.ts";
import { type Bench, row } from "./row.ts";
import { chainOf, moduleStep, openWorkspace, start } from "./subject.ts";

const lily = fileURLToPath(new URL("../dist/cli/lily.js", import.meta.url));

function node(dir: string, ...args: readonly string[]): string {
  const env = { ...process.env, XDG_DATA_HOME: join(dir, "data"), NODE_COMPILE_CACHE: join(dir, "compile-cache") };
  const child = spawnSync(process.execPath, args, { cwd: dir, encoding: "utf8", env });
  assert.equal(child.status, 0, child.stderr);
  return child.stdout;
}

export const cliStart: Bench = async ({ dir, quick }) => {
  assert.ok(existsSync(lily), "dist/ is not built: npm run build");
  const runs = 100;
  const kernel = await openWorkspace(dir);
  const document = chainOf(2, moduleStep);
  for (let index = 0; index < runs; index++) await (await start(kernel, dir, document, 1)).done();
  await kernel.close();
  const version = (): void => void assert.match(node(dir, lily, "--version"), /^\d+\.\d+\.\d+/);
  const list = (): void => void assert.equal(JSON.parse(node(dir, lily, "run", "list", "--limit", "100", "--json")).runs.length, runs);
  const bare = (): void => void node(dir, "-e", "0");
  for (let warm = 0; warm < 3; warm++) {
    version();
    list();
  }
  const times = await takeTurns(quick ? 15 : 41, { bare, version, list });
  const shared = { unit: "ms", floorName: "node -e 0", floor: times.bare, notes: ["built command line, compile cache warm"] };
  return [
    row({ ...shared, name: "start-version", title: "lily --version", measured: times.version, target: { bound: "at most", ratio: 1.4 } }),
    row({ ...shared, name: "start-list", title: `lily run list of ${runs} runs`, measured: times.list, target: { bound: "at most", ratio: 2.5 } }),
  ];
};
