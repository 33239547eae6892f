/**
 * The security state rises at random moments: over runs in memory with power cuts, where nothing at all may start once it was seen, and over
 * real processes, where no start may be recorded later than 300 ms after the state was set, and nothing of the run is alive at its end.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { openLocal } from "../../src/presets/local.ts";
import { Random } from "../sim/random.ts";
import { escalatedRun } from "./escalated-run.ts";
import { casesOf, type Figure, type FigureOptions, type FigureResult, inScratch, Violations } from "./figure.ts";
import { isLinux } from "./prerequisites.ts";

/** A look comes every 250 ms at the latest; the rest is what a busy machine takes. */
const startMsMax = 300;

export const escalate: Figure = {
  name: "escalate",
  promise: "S1: no start event follows the state change plus 300 ms, and the run is closed whole",
  missing: () => (isLinux ? null : "Linux is needed"),
  run: escalateMany,
};

async function escalateMany(options: FigureOptions): Promise<FigureResult> {
  const real = casesOf(options, 12, 1_000);
  const inMemory = real * 100;
  const violations = new Violations();
  let incomplete = 0;
  let cuts = 0;
  for (let at = 0; at < inMemory; at++) {
    const seed = options.seed * 1_000_000 + at;
    await violations.try(`seed ${seed}`, async () => {
      const ran = await escalatedRun(seed);
      if (ran.incomplete) incomplete++;
      cuts += ran.cuts;
    });
  }
  const random = new Random(options.seed);
  const worst = { ms: 0 };
  await inScratch(async (root) => {
    for (let at = 0; at < real; at++) await violations.try(`real run ${at}`, () => escalateReal(join(root, String(at)), random, worst));
  });
  return {
    n: inMemory + real,
    violations: violations.texts,
    note: `${inMemory} runs in memory (${incomplete} incomplete, ${cuts} power cuts), ${real} of real processes; the last start came ${worst.ms} ms after the state was set, at worst`,
  };
}

async function escalateReal(dir: string, random: Random, worst: { ms: number }): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const workspaceDir = join(dir, ".lily");
  const pids = join(dir, "pids");
  const kernel = await openLocal({ workspaceDir, dataHome: join(dir, "data") });
  try {
    const handle = await kernel.runs.start({ document: workflow(random, pids), dir }, { parallel: 1 + random.below(4) });
    await delay(random.below(700));
    await raise(kernel, workspaceDir, random);
    const setAtMs = Date.now();
    const view = await handle.done();
    const events: LedgerEvent[] = [];
    for await (const event of kernel.records.show(handle.runId)) events.push(event);
    if (view.status !== "incomplete" && view.status !== "succeeded") throw new Error(`S1: the run is ${view.status}`);
    for (const event of events) {
      if (event.kind !== "STEP_STARTED") continue;
      const lateMs = Date.parse(event.at) - setAtMs;
      worst.ms = Math.max(worst.ms, lateMs);
      if (lateMs > startMsMax) throw new Error(`S1: ${event.key} started ${lateMs} ms after the state was set`);
    }
    const alive = [...written(pids), ...marked(`${handle.runId}/`)].filter((pid) => existsSync(`/proc/${pid}`) && !isZombie(pid));
    if (alive.length > 0) throw new Error(`E6: ${alive.join(", ")} live on`);
    if (view.status === "incomplete") requireClosed(events);
  } finally {
    await kernel.close();
  }
}

/** Short and long steps, some of which ignore SIGTERM, some of which leave children. */
function workflow(random: Random, pids: string) {
  const texts = ["sleep 0.02", "sleep 0.2", "trap '' TERM; sleep 5; sleep 5", "sleep 30 & sleep 30", "sleep 30"];
  const steps = Array.from({ length: 30 }, (_, at) => [
    `s${at}`,
    { run: ["sh", "-c", `echo $$ >> ${pids}; ${random.chance(0.6) ? texts[0] : random.pick(texts)}`] },
  ]);
  return { workflow: "escalated", version: 1, steps: Object.fromEntries(steps) };
}

async function raise(kernel: Kernel, workspaceDir: string, random: Random): Promise<void> {
  const file = join(workspaceDir, "security.json");
  const how = random.below(4);
  if (how === 0) writeFileSync(file, "{");
  else if (how === 1) mkdirSync(file);
  else if (how === 2) appendFileSync(file, "");
  else await kernel.security.set(random.pick(["DEGRADED", "COMPROMISED", "LOCKDOWN"]), "random");
}

function requireClosed(events: readonly LedgerEvent[]): void {
  const closing = events.slice(events.findIndex((event) => event.kind === "SECURITY_ESCALATED"));
  const kinds = closing.map((event) => event.kind).filter((kind) => kind !== "STEP_INTERRUPTED");
  if (kinds.join() !== "SECURITY_ESCALATED,SECURITY_SNAPSHOT,RUN_INCOMPLETE,RUN_SEALED") throw new Error(`S1: the record ends with ${kinds.join()}`);
}

function written(path: string): readonly number[] {
  return existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .map(Number)
        .filter((pid) => pid > 0)
    : [];
}

function marked(prefix: string): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && environmentOf(pid).includes(`\0LILY_RUN=${prefix}`));
}

function environmentOf(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`;
  } catch {
    return "";
  }
}

function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return true;
  }
}
