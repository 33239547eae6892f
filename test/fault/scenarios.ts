/**
 * What is interrupted at every durability call. Each scenario has a preparation (not interrupted), an action whose acknowledgements go to
 * stdout, and a check by the next process. As a program: `node test/fault/scenarios.ts NAME DIR` does the action.
 */
import { mkdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isLilyError, LilyError } from "../../src/base/lily-error.ts";
import { initWorkspace, localSecurity, openLocal, recoverAuthority } from "../../src/presets/local.ts";
import { hasPython, runChecker } from "../checker/python-checker.ts";
import { smallWorkflow } from "./small-workflow.ts";

type Kernel = Awaited<ReturnType<typeof openLocal>>;

interface Scenario {
  /** Before: `none`, `workspace`, or a workspace with one finished run. */
  readonly before: "none" | "workspace" | "run";
  readonly act: (dir: string) => Promise<void>;
}

const options = (dir: string): { readonly workspaceDir: string; readonly dataHome: string } => ({
  workspaceDir: join(dir, ".lily"),
  dataHome: join(dir, "data"),
});

export const scenarios: Readonly<Record<string, Scenario>> = {
  init: { before: "none", act: async (dir) => void (await initWorkspace(dir, options(dir))) },
  append: {
    before: "workspace",
    act: async (dir) => {
      await within(dir, async (kernel) => {
        for (let at = 0; at < 3; at++) acknowledge(`run ${(await kernel.runs.create({ title: `run ${at}` })).run_id}`);
      });
    },
  },
  run: { before: "workspace", act: (dir) => within(dir, runOnce) },
  put: {
    before: "workspace",
    act: (dir) =>
      within(dir, async (kernel) => {
        const { artifact_id } = await kernel.artifacts.put(join(dir, "big.bin"));
        acknowledge(`artifact ${artifact_id}`);
      }),
  },
  checkpoint: { before: "run", act: (dir) => within(dir, async (kernel) => void (await kernel.records.checkpoint())) },
  rebuild: { before: "run", act: (dir) => within(dir, async (kernel) => void (await kernel.rebuildIndex())) },
  recover: {
    before: "run",
    act: async (dir) => {
      for (const end of ["", "-wal", "-shm"]) rmSync(join(dir, ".lily", `authority.db${end}`), { force: true });
      await recoverAuthority(join(dir, ".lily"));
    },
  },
  "cancel-unstarted": {
    before: "workspace",
    act: (dir) =>
      within(dir, async (kernel) => {
        const { run_id } = await kernel.runs.create({});
        acknowledge(`run ${run_id}`);
        await kernel.runs.cancel(run_id, "not needed");
      }),
  },
  "security-set": {
    before: "workspace",
    act: async (dir) => {
      const security = await localSecurity(join(dir, ".lily"));
      for (const state of settings) {
        await security.set(state, state);
        acknowledge(`security ${state}`);
      }
    },
  },
  "two-runs": {
    before: "workspace",
    act: (dir) => within(dir, async (kernel) => void (await Promise.all([runOnce(kernel, dir), runOnce(kernel, dir)]))),
  },
};

/** From OPERATIONAL, which is what a new workspace is. */
const settings = ["DEGRADED", "LOCKDOWN", "COMPROMISED"] as const;

async function within(dir: string, use: (kernel: Kernel, dir: string) => Promise<void>): Promise<void> {
  const kernel = await openLocal(options(dir));
  try {
    await use(kernel, dir);
  } finally {
    await kernel.close();
  }
}

async function runOnce(kernel: Kernel, dir: string): Promise<void> {
  const handle = await kernel.runs.start({ file: join(dir, "w.yaml") });
  acknowledge(`run ${handle.runId}`);
  for await (const event of handle.events()) acknowledge(`event ${handle.runId} ${event.hash}`);
  await handle.done();
}

function acknowledge(line: string): void {
  writeSync(1, `${line}\n`);
}

export async function prepareScenario(name: string, dir: string): Promise<void> {
  writeFileSync(join(dir, "w.yaml"), smallWorkflow);
  writeFileSync(join(dir, "big.bin"), Buffer.alloc(100_000, 7));
  mkdirSync(join(dir, "data"), { recursive: true });
  const { before } = scenarioOf(name);
  if (before === "none") return;
  await initWorkspace(dir, options(dir));
  if (before === "run") await within(dir, async (kernel) => void (await (await kernel.runs.start({ file: join(dir, "w.yaml") })).done()));
}

function scenarioOf(name: string): Scenario {
  const scenario = scenarios[name];
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return scenario;
}

/** Opens unaided, finds what was acknowledged, brings every run to its end, and finds every record whole. */
export async function checkScenario(name: string, dir: string, output: string): Promise<void> {
  if (scenarioOf(name).before === "none") await initWorkspace(dir, options(dir));
  await openAgain(name, dir);
  if (name === "security-set") await checkSecurity(dir, output);
  await within(dir, async (kernel) => {
    for (const line of output.split("\n")) await checkLine(kernel, line.split(" "));
    for (const { run_id, status } of await kernel.runs.list()) if (status === "running") await (await kernel.runs.resume(run_id)).done();
    for (const view of await kernel.records.verifyAll()) {
      if (view.problems.length > 0 || view.result === "corrupt" || view.result === "behind_anchor")
        throw new Error(`run ${view.run_id} is ${view.result}: ${view.problems.join("; ")}`);
    }
    const handle = await kernel.runs.start({ file: join(dir, "w.yaml") });
    const { status, reason } = await handle.done();
    if (status !== "succeeded") throw new Error(`the next run is ${status}: ${reason}`);
  });
  if (!hasPython()) return;
  const { answer } = runChecker(["workspace", join(dir, ".lily")]);
  if (answer["result"] === "corrupt" || answer["result"] === "behind_anchor")
    throw new Error(`the independent checker says: ${JSON.stringify(answer["problems"])}`);
}

/** A recovery that was cut off is asked for again, as the message says. */
async function openAgain(name: string, dir: string): Promise<void> {
  if (name !== "recover") return;
  try {
    await recoverAuthority(join(dir, ".lily"));
  } catch (thrown) {
    if (!isLilyError(thrown, "RUN_STATE_CONFLICT")) throw thrown;
  }
}

/** What was acknowledged last, or what was being set then; never a file that is not understood. */
async function checkSecurity(dir: string, output: string): Promise<void> {
  const security = await localSecurity(join(dir, ".lily"));
  const { state, reason } = await security.show();
  const acknowledged = output.split("\n").filter((line) => line.startsWith("security ")).length;
  const allowed: readonly string[] = ["OPERATIONAL", ...settings].slice(acknowledged, acknowledged + 2);
  if (!allowed.includes(state) || (state !== "OPERATIONAL" && reason !== state))
    throw new Error(`L2: the state is ${state} (${reason ?? "no reason"}) where ${allowed.join(" or ")} was set`);
  await security.set("OPERATIONAL", "checked");
}

async function checkLine(kernel: Kernel, [kind, id = "", hash = ""]: readonly string[]): Promise<void> {
  if (kind === "run") await kernel.runs.show(id);
  if (kind === "artifact") await kernel.artifacts.get(id);
  if (kind !== "event") return;
  for await (const event of kernel.records.show(id)) if (event.hash === hash) return;
  throw new Error(`L2: event ${hash} of run ${id} was acknowledged and is lost`);
}

if (process.argv[1] === import.meta.filename) {
  const [name = "", dir = ""] = process.argv.slice(2);
  try {
    await scenarioOf(name).act(dir);
  } catch (thrown) {
    // A refusal by its code is what an I/O error must become.
    if (!(thrown instanceof LilyError)) throw new Error("unhandled", { cause: thrown });
    process.stderr.write(`${thrown.code}: ${thrown.message}\n`);
    process.exitCode = 1;
  }
}
