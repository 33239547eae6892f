/**
 * `npm run bench`: every figure next to a floor that the same machine gave in the same minutes.
 *   -- --quick       smaller and fewer, for a look
 *   -- --only NAME   one group (repeat for more)
 *   -- --json        the rows as one JSON document on stdout, the table on stderr
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { cliStart } from "./cli-start.ts";
import { growth, recovery } from "./growth.ts";
import { largeFile, smallFiles } from "./hashing.ts";
import { observing } from "./observing.ts";
import { processes } from "./processes.ts";
import { report } from "./report.ts";
import { reuse } from "./reuse.ts";
import { type Bench, type BenchRow, figure, spreadText } from "./row.ts";
import { concurrent, sequential } from "./steps.ts";
import { verifying } from "./verifying.ts";

const groups: Readonly<Record<string, Bench>> = {
  sequential,
  concurrent,
  processes,
  "large-file": largeFile,
  "small-files": smallFiles,
  verify: verifying,
  observe: observing,
  "cli-start": cliStart,
  growth,
  recovery,
  reuse,
  report,
};

function describe(found: BenchRow): string {
  const { target } = found;
  return [
    `${found.met ? "met   " : "MISSED"} ${found.name}: ${found.title}`,
    `       measured ${spreadText(found.measured)} ${found.unit} (min / median / max of ${found.measured.rounds})`,
    `       floor    ${spreadText(found.floor)} ${found.unit}: ${found.floorName}`,
    `       ratio    ${spreadText(found.ratio)}, target ${target.bound} ${figure(target.ratio)}`,
    ...found.notes.map((note) => `       ${note}`),
  ].join("\n");
}

function machine(): Readonly<Record<string, unknown>> {
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
  const [oneMinute = 0] = os.loadavg();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit === "" ? null : commit,
    node: process.version,
    platform: `${os.platform()} ${os.arch()}`,
    processors: os.availableParallelism(),
    memory_gb: Math.round(os.totalmem() / 1e9),
    load_before: oneMinute,
  };
}

async function runGroup(name: string, bench: Bench, root: string, quick: boolean): Promise<readonly BenchRow[]> {
  const dir = join(root, name);
  mkdirSync(dir);
  try {
    return await bench({ dir, quick });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { quick: { type: "boolean", default: false }, json: { type: "boolean", default: false }, only: { type: "string", multiple: true } },
  });
  const names = values.only ?? Object.keys(groups);
  const unknown = names.filter((name) => !Object.hasOwn(groups, name));
  if (unknown.length > 0) {
    process.stderr.write(`no group ${unknown.join(", ")}; there are ${Object.keys(groups).join(", ")}\n`);
    return 2;
  }
  const say = (text: string): void => void (values.json ? process.stderr : process.stdout).write(`${text}\n`);
  const about = machine();
  say(
    Object.entries(about)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(", "),
  );
  const root = mkdtempSync(join(os.tmpdir(), "lily-bench-"));
  const rows: BenchRow[] = [];
  try {
    for (const name of names) {
      const bench = groups[name];
      if (bench === undefined) continue;
      for (const found of await runGroup(name, bench, root, values.quick)) {
        rows.push(found);
        say(describe(found));
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  const missed = rows.filter((found) => !found.met);
  say(`${rows.length - missed.length} of ${rows.length} targets met${missed.length === 0 ? "" : `; missed: ${missed.map((found) => found.name).join(", ")}`}`);
  if (values.json) process.stdout.write(`${JSON.stringify({ ...about, quick: values.quick, rows }, null, 2)}\n`);
  return 0;
}

// Ends with 0 also when targets are missed: a shared machine must not turn a measurement into a broken build.
process.exitCode = await main();
