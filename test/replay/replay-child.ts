/** A process that asks one thing of a run and goes on until it rests: argv is JSON {workspaceDir, dataHome, run, ask, step?, artifact?, file?}. */
import process from "node:process";
import { openLocal } from "../../src/presets/local.ts";

const job: Record<string, string> = JSON.parse(process.argv[2] ?? "{}");
const { workspaceDir = "", dataHome = "", run = "", ask = "", step = "", artifact = "", file = "" } = job;
const kernel = await openLocal({ workspaceDir, dataHome, create: false });
if (ask === "judge") await kernel.runs.judge(run);
else {
  const asked = {
    rerun: () => kernel.runs.rerun(run, { from: [step], reason: "again" }),
    fork: () => kernel.runs.fork(run, { from: [step], reason: "again" }),
    replace: () => kernel.artifacts.replace(artifact, { file }, { reason: "mended" }),
  }[ask];
  const handle = await asked?.();
  process.stdout.write(`run ${handle?.runId}\n`);
  await handle?.done();
}
await kernel.close();
