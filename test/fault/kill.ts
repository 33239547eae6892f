/**
 * SIGKILL at a random moment: 0 to 50 ms into the work of a writer process, 0 to 150 ms into a kernel's run. The next process
 * opens unaided; everything acknowledged is there, and a run is resumed to its end. A kill leaves the page cache, so it says nothing about
 * syncs: that is what power cuts are for.
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openLocal } from "../../src/presets/local.ts";
import { hasPython, PythonChecker, runChecker } from "../checker/python-checker.ts";
import { Random } from "../sim/random.ts";
import { checkAcknowledged } from "./acknowledged.ts";
import { casesOf, type Figure, type FigureOptions, type FigureResult, inScratch, Violations } from "./figure.ts";
import { isLinux } from "./prerequisites.ts";
import { smallWorkflow } from "./small-workflow.ts";
import { WriterProcess } from "./writer-process.ts";

export const kill: Figure = {
  name: "kill",
  promise: "L2 E7: no acknowledged event is lost by SIGKILL, and nobody has to repair anything",
  missing: () => (isLinux ? null : "Linux is needed"),
  run: killMany,
};

async function killMany(options: FigureOptions): Promise<FigureResult> {
  const n = casesOf(options, 20, 10_000);
  const violations = new Violations();
  const python = hasPython() ? new PythonChecker() : null;
  const random = new Random(options.seed);
  let resumed = 0;
  await inScratch(async (root) => {
    for (let at = 0; at < n && violations.count < 20; at++) {
      const dir = join(root, String(at));
      const name = `kill ${at} of seed ${options.seed}`;
      if (at % 4 === 3)
        await violations.try(`${name} (run)`, async () => {
          const more = await killRun(dir, random.below(150));
          resumed += more;
        });
      else await violations.try(`${name} (writer)`, () => killWriter(dir, options.seed * 1_000_000 + at, random.below(50), at % 8 === 0 ? python : null));
    }
  });
  python?.close();
  return { n, violations: violations.texts, note: `a writer, and every fourth time a kernel in a run; ${resumed} runs were resumed` };
}

async function killWriter(dir: string, seed: number, afterMs: number, python: PythonChecker | null): Promise<void> {
  const writer = new WriterProcess(dir, seed, "free");
  await writer.until(() => writer.acknowledged.ready);
  await delay(afterMs);
  await writer.kill();
  await writer.drained();
  await checkAcknowledged({ dir, acknowledged: writer.acknowledged.copy(), python });
}

/** Answers how many runs it resumed. */
async function killRun(dir: string, afterMs: number): Promise<number> {
  const workspace = { workspaceDir: join(dir, ".lily"), dataHome: join(dir, "data") };
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "w.yaml"), smallWorkflow);
  const acknowledged = await killKernel(dir, afterMs);
  const kernel = await openLocal(workspace);
  try {
    let resumed = 0;
    for (const { run_id, status } of await kernel.runs.list()) {
      if (status === "running") {
        resumed++;
        await (await kernel.runs.resume(run_id)).done();
      }
      const view = await kernel.runs.show(run_id);
      // A kill between the seal and its checkpoint: resuming a finished run anchors it.
      if (view.status === "succeeded" && (await kernel.records.verify(run_id)).result === "unanchored") {
        resumed++;
        await (await kernel.runs.resume(run_id)).done();
      }
      if (!["created", "planned", "succeeded"].includes(view.status)) throw new Error(`run ${run_id} is ${view.status}: ${view.reason}`);
      const verified = await kernel.records.verify(run_id);
      // A run that was killed before it started is whole and has nothing sealed to anchor.
      if (verified.result !== (view.status === "succeeded" ? "anchored" : "unanchored"))
        throw new Error(`run ${run_id} is ${view.status} and ${verified.result}: ${verified.problems.join("; ")}`);
      const seen: string[] = [];
      for await (const event of kernel.records.show(run_id)) seen.push(event.hash);
      for (const hash of acknowledged.get(run_id) ?? [])
        if (!seen.includes(hash)) throw new Error(`L2: event ${hash} of run ${run_id} was acknowledged and is lost`);
    }
    return resumed;
  } finally {
    await kernel.close();
    requirePython(workspace.workspaceDir);
  }
}

function requirePython(workspaceDir: string): void {
  if (!hasPython()) return;
  const { answer } = runChecker(["workspace", workspaceDir]);
  if (answer["result"] === "corrupt") throw new Error(`the independent checker says: ${JSON.stringify(answer["problems"])}`);
}

function killKernel(dir: string, afterMs: number): Promise<ReadonlyMap<string, readonly string[]>> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "kernel-process.ts"), dir], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    let killing = false;
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      if (killing || !text.includes("event")) return;
      killing = true;
      setTimeout(() => child.kill("SIGKILL"), afterMs);
    });
    child.on("error", reject);
    child.on("close", () => resolve(acknowledgedRuns(text)));
  });
}

function acknowledgedRuns(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const line of text.split("\n").slice(0, -1)) {
    const [kind, run = "", hash = ""] = line.split(" ");
    if (kind === "event") found.set(run, [...(found.get(run) ?? []), hash]);
  }
  return found;
}
