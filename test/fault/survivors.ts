/** Processes that survive their cancel, alive or as zombies, two seconds after it; and children of a kernel that was killed. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createProcessRunner } from "../../src/adapters/process/process-runner.ts";
import { openLocal } from "../../src/presets/local.ts";
import { Random } from "../sim/random.ts";
import { casesOf, type Figure, type FigureOptions, type FigureResult, inScratch, Violations } from "./figure.ts";
import { isLinux } from "./prerequisites.ts";

const shapesDir = join(import.meta.dirname, "../fixtures-own/process-shapes");
const shapes: readonly (readonly string[])[] = [
  ["fork-tree"],
  ["ignored-term"],
  ["double-fork", "stay"],
  ["setsid-escapee", "stay"],
  ["pipe-holder"],
  ["respawn", "60"],
];
/** Nothing but a process namespace reaches it: counted and told, so that nobody reads "no violations" as more than it is. */
const knownLimit = ["unmarked-escapee", "stay"];
const limitCases = 5;
const atOnce = 4;
const waitMs = 2_000;
/** A runner that does not even say that it is done is looked at all the same. */
const doneMs = 5_000;

export const survivors: Figure = {
  name: "survivors",
  promise: "E6: nothing of a step is alive, or a zombie, two seconds after its cancel",
  missing: () => (isLinux ? null : "Linux is needed"),
  run: cancelMany,
};

async function cancelMany(options: FigureOptions): Promise<FigureResult> {
  const n = casesOf(options, 60, 2_000);
  const kills = options.full ? 50 : 2;
  const violations = new Violations();
  const random = new Random(options.seed);
  const runner = createProcessRunner();
  await inScratch(async (root) => {
    const cases = Array.from({ length: n }, (_, at) => ({ at, shape: shapes[at % shapes.length] ?? [], afterMs: random.below(120) }));
    const worker = async (): Promise<void> => {
      for (let next = cases.shift(); next !== undefined; next = cases.shift()) {
        const { at, shape, afterMs } = next;
        await violations.try(`cancel ${at} of ${shape.join(" ")} after ${afterMs} ms`, () =>
          cancelOne(runner, join(root, String(at)), `fault-${process.pid}-${at}/step/1`, shape, afterMs),
        );
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    for (let at = 0; at < kills; at++) await violations.try(`killed kernel ${at}`, () => killKernel(join(root, `kernel-${at}`)));
  });
  const escaped = await inScratch((root) => countEscaped(runner, root));
  return {
    n: n + kills,
    violations: violations.texts,
    note: `cancels over ${shapes.length} shapes of process trees, and ${kills} kernels killed over live children; known limit, not counted as violations: ${escaped} of ${limitCases} processes that cleared their environment, made a session and lost their parent lived on`,
  };
}

type Runner = ReturnType<typeof createProcessRunner>;

async function cancelOne(runner: Runner, dir: string, marker: string, shape: readonly string[], afterMs: number): Promise<void> {
  mkdirSync(dir);
  const [name = "", ...args] = shape;
  const running = runner.start({
    argv: ["sh", join(shapesDir, `${name}.sh`), ...args],
    cwd: dir,
    env: { PATH: process.env["PATH"] ?? "", PIDS: join(dir, "pids"), READY: join(dir, "ready") },
    timeoutMs: 60_000,
    stdoutPath: join(dir, "out.log"),
    stderrPath: join(dir, "err.log"),
    logBytesMax: 1_000_000,
    redact: [],
    graceMs: 100,
    marker,
  });
  await delay(afterMs);
  running.kill();
  const find = (): readonly number[] => [...written(join(dir, "pids")), ...marked(marker)];
  try {
    await Promise.race([running.done, delay(doneMs, null, { ref: false })]);
    await requireGone(find);
  } finally {
    for (const pid of find()) endOne(pid);
  }
}

/** How many processes of the known limit outlive their cancel. They are ended here. */
async function countEscaped(runner: Runner, root: string): Promise<number> {
  const hasEscaped = async (at: number): Promise<boolean> => {
    try {
      await cancelOne(runner, join(root, `limit-${at}`), `fault-${process.pid}-limit-${at}/step/1`, knownLimit, 500);
      return false;
    } catch (thrown) {
      if (thrown instanceof Error && thrown.message.startsWith("E6:")) return true;
      throw thrown;
    }
  };
  const cases = await Promise.all(Array.from({ length: limitCases }, (_, at) => hasEscaped(at)));
  return cases.filter(Boolean).length;
}

/** The kernel dies, its children live; whoever resumes ends them first. */
async function killKernel(dir: string): Promise<void> {
  mkdirSync(dir);
  const pids = join(dir, "pids");
  const workflow = { workflow: "orphans", version: 1, steps: { tree: { run: ["sh", join(shapesDir, "fork-tree.sh")], env: { PIDS: pids }, timeout: "600s" } } };
  writeFileSync(join(dir, "w.yaml"), JSON.stringify(workflow));
  const child = spawn(process.execPath, [join(import.meta.dirname, "kernel-process.ts"), dir], { stdio: "ignore" });
  for (const untilMs = performance.now() + 30_000; written(pids).length < 7; await delay(10)) {
    if (performance.now() > untilMs) throw new Error("the step did not start its tree");
  }
  child.kill("SIGKILL");
  const kernel = await openLocal({ workspaceDir: join(dir, ".lily"), dataHome: join(dir, "data") });
  try {
    const [run] = await kernel.runs.list();
    if (run === undefined) throw new Error("the run is not listed");
    await kernel.runs.cancel(run.run_id, "the kernel was killed");
    await requireGone(() => written(pids));
  } finally {
    await kernel.close();
    for (const pid of written(pids)) endOne(pid);
  }
}

async function requireGone(find: () => readonly number[]): Promise<void> {
  const startedAtMs = performance.now();
  for (;;) {
    const left = [...new Set(find())].filter((pid) => !isGone(pid));
    if (left.length === 0) return;
    if (performance.now() - startedAtMs > waitMs) throw new Error(`E6: ${left.map((pid) => `${pid} (${stateOf(pid) ?? "gone"})`).join(", ")} survived`);
    await delay(20);
  }
}

/** Orphans of others' sessions are reaped by init, not by Lily; what is dead and has no living parent of ours is gone. */
function isGone(pid: number): boolean {
  const state = stateOf(pid);
  return state === null || state === "X" || (state === "Z" && parentOf(pid) !== process.pid);
}

/** Leaves nothing behind when the promise was broken. Ids written by a shape are its own; they are looked at seconds after it ran. */
function endOne(pid: number): void {
  try {
    if (stateOf(pid) !== null) process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function stateOf(pid: number): string | null {
  return /^\d+ \(.*\) (\S)/s.exec(statText(pid))?.[1] ?? null;
}

function parentOf(pid: number): number {
  return Number(/^\d+ \(.*\) \S (\d+)/s.exec(statText(pid))?.[1] ?? -1);
}

function statText(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return "";
  }
}

function written(path: string): readonly number[] {
  return existsSync(path)
    ? readFileSync(path, "utf8")
        .trim()
        .split("\n")
        .map(Number)
        .filter((pid) => pid > 0)
    : [];
}

function marked(marker: string): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && carries(pid, marker));
}

function carries(pid: number, marker: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`LILY_RUN=${marker}`);
  } catch {
    return false;
  }
}
