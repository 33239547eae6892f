/**
 * Every durability call of a scenario, one after the other, is made to end the process (SIGKILL) or to fail (EIO, ENOSPC), by strace. Then
 * the scenario's folder is opened as the next process would. strace counts per thread, so the pool has one thread; the number grows until
 * nothing was injected any more, so every call of each thread was hit.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { casesOf, type Figure, type FigureOptions, type FigureResult, inScratch, Violations } from "./figure.ts";
import { firstMissing, hasCommand, isLinux } from "./prerequisites.ts";
import { checkScenario, prepareScenario, scenarios } from "./scenarios.ts";

const calls = "pwrite64,fsync,fdatasync,link,linkat,rename,renameat,renameat2,unlink,unlinkat,ftruncate,mkdir,mkdirat";
const injections = ["signal=SIGKILL", "error=EIO", "error=ENOSPC"] as const;
const atOnce = 2;
const callsMax = 2_000;
const perRunMs = 60_000;

export const syscalls: Figure = {
  name: "syscalls",
  promise: "L2: whichever durability call ends the process or fails, nothing acknowledged is lost",
  missing: () => firstMissing([isLinux, "Linux is needed"], [hasCommand("strace"), "strace is needed"]),
  run: injectAll,
};

async function injectAll(options: FigureOptions): Promise<FigureResult> {
  const violations = new Violations();
  const limit = casesOf(options, 24, Number.POSITIVE_INFINITY);
  const chosen = options.scenarios ?? (options.full ? Object.keys(scenarios) : ["append"]);
  let n = 0;
  const covered: string[] = [];
  for (const scenario of chosen) {
    for (const injection of options.full ? injections : injections.slice(0, 2)) {
      const share = Math.ceil(limit / (chosen.length * (options.full ? injections.length : 2)));
      const { tried, complete } = await injectEach(scenario, injection, share, violations);
      n += tried;
      covered.push(`${scenario}/${injection}: ${tried}${complete ? ", all" : ""}`);
    }
  }
  return { n, violations: violations.texts, note: covered.join("; ") };
}

/** Call 1, 2, 3, and so on until a run ends without being hit; with a limit, calls spread over the first ones. */
async function injectEach(
  scenario: string,
  injection: string,
  limit: number,
  violations: Violations,
): Promise<{ readonly tried: number; readonly complete: boolean }> {
  let next = 1;
  let tried = 0;
  let complete = false;
  const worker = async (): Promise<void> => {
    while (!complete && tried < limit && next < callsMax) {
      const when = next++;
      const hit = await injectOne(scenario, injection, when, violations);
      if (hit) tried++;
      else complete = true;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { tried, complete };
}

async function injectOne(scenario: string, injection: string, when: number, violations: Violations): Promise<boolean> {
  return inScratch(async (dir) => {
    await prepareScenario(scenario, dir);
    const log = join(dir, "strace.log");
    const { output, timedOut } = await traced([
      "-f",
      "-qq",
      "-o",
      log,
      "-e",
      `trace=${calls}`,
      "-e",
      `inject=${calls}:${injection}:when=${when}`,
      process.execPath,
      join(import.meta.dirname, "scenarios.ts"),
      scenario,
      dir,
    ]);
    const trace = readFileSync(log, "utf8");
    const hit = trace.includes("(INJECTED)") || trace.includes("killed by SIGKILL");
    const name = `${scenario}, ${injection} at call ${when}`;
    if (timedOut) violations.add(`${name}: the process hangs`);
    if (/unhandled|INTERNAL_INVARIANT/i.test(output)) violations.add(`${name}: ${output.slice(0, 500)}`);
    await violations.try(name, () => checkScenario(scenario, dir, output));
    return hit;
  });
}

function traced(args: readonly string[]): Promise<{ readonly output: string; readonly timedOut: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn("strace", args, { env: { ...process.env, UV_THREADPOOL_SIZE: "1" } });
    let output = "";
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, perRunMs);
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(timer);
      resolve({ output, timedOut });
    });
  });
}
