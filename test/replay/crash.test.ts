import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, rmSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bed, flow, sh, stepOf, traceOf, until } from "../runtime/bed.ts";

const child = fileURLToPath(new URL("replay-child.ts", import.meta.url));
let bed: Bed;
const children: ChildProcess[] = [];
beforeEach(() => {
  bed = new Bed();
});
afterEach(async () => {
  for (const one of children.splice(0)) one.kill("SIGKILL");
  await bed.remove();
});

/** Asks in another process, and kills that with SIGKILL once `when` says so. What it said. */
async function killedAt(when: () => boolean, job: Readonly<Record<string, string>>): Promise<string> {
  await bed.close();
  const whole = { workspaceDir: bed.workspaceDir, dataHome: bed.dataHome, ...job };
  const asked = spawn(process.execPath, [child, JSON.stringify(whole)], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(asked);
  let said = "";
  asked.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until(when);
  asked.kill("SIGKILL");
  await once(asked, "close");
  return said;
}

/** Fast, unless `slow` is there: then it says so and sleeps. */
const slowly = (text: string): string => `if test -e slow; then touch sleeping; exec sleep 60; fi; ${text}`;
const steps = {
  a: sh("echo a >> a.log; echo 1 > a.txt", { outputs: { o: { path: "a.txt" } }, gates: [{ id: "g", run: ["sh", "-c", `${slowly("true")}`] }] }),
  b: sh(slowly("cat $A > b.txt"), { env: { A: "${steps.a.outputs.o}" }, outputs: { o: { path: "b.txt" } } }),
};

async function ran() {
  const first = await bed.run(flow(steps));
  expect(first.view.status).toBe("succeeded");
  bed.write("slow", "");
  return first;
}

describe("after a SIGKILL of the process that a person asked", () => {
  test("a rerun goes on with run resume: what was asked for is done, what was not is untouched", async () => {
    const { view } = await ran();
    await killedAt(() => bed.has("sleeping"), { ask: "rerun", run: view.run_id, step: "b" });
    rmSync(`${bed.dir}/slow`);
    const after = await bed.finish(await (await bed.kernel()).runs.resume(view.run_id));
    expect(after.view.status).toBe("succeeded");
    expect(stepOf(after.view, "b").attempts.map(({ n, cause, outcome }) => [n, cause, outcome])).toEqual([
      [1, "ready", "completed"],
      [2, "rerun", "interrupted"],
      [3, "resume", "completed"],
    ]);
    expect(bed.read("a.log")).toBe("a\n");
    await bed.expectAnchored(view.run_id);
  });

  test("a fork goes on with run resume, and what it shares still holds", async () => {
    const { view, events } = await ran();
    const said = await killedAt(() => bed.has("sleeping"), { ask: "fork", run: view.run_id, step: "b" });
    rmSync(`${bed.dir}/slow`);
    const fork = said.slice(4).trim();
    const after = await bed.finish(await (await bed.kernel()).runs.resume(fork));
    expect(after.view.status).toBe("succeeded");
    expect(stepOf(after.view, "a")).toMatchObject({ status: "reused", attempts: [] });
    expect(bed.read("a.log")).toBe("a\n");
    expect(await bed.events(view.run_id)).toEqual(events);
    await bed.expectAnchored(fork);
  });

  test("E5: a dry run leaves the record as it was, and nothing of it runs on", async () => {
    // The file is none of the run's, so the gate is fast in the workflow's folder and slow in a restored one.
    bed.write("fast", "");
    const { view, events } = await bed.run(flow({ a: sh("true", { gates: [{ id: "g", run: ["sh", "-c", "test -e fast || exec sleep 60"] }] }) }));
    const gates = `${bed.workspaceDir}/runs/${view.run_id}/gates/g`;
    const isJudging = (): boolean => existsSync(gates) && readdirSync(gates).some((name) => name.startsWith("1-dry"));
    await killedAt(isJudging, { ask: "judge", run: view.run_id });
    expect(await bed.events(view.run_id)).toEqual(events);
    await bed.expectAnchored(view.run_id);
    const again = await bed.finish(await (await bed.kernel()).runs.rerun(view.run_id, { from: ["a"], reason: "again" }));
    expect(again.view.status).toBe("succeeded");
    expect((await (await bed.kernel()).doctor()).filter(({ level }) => level === "problem")).toEqual([]);
    await bed.expectAnchored(view.run_id);
  });

  test("a replacement goes on with run resume: it is kept, and its gates judge it", async () => {
    const { view } = await ran();
    const artifact = stepOf(view, "a").produced_artifact_ids[0] ?? "";
    await killedAt(() => bed.has("sleeping"), { ask: "replace", artifact, file: bed.write("mended.txt", "2\n") });
    rmSync(`${bed.dir}/slow`);
    const after = await bed.finish(await (await bed.kernel()).runs.resume(view.run_id));
    expect(after.view.status).toBe("succeeded");
    expect(traceOf(after.events)).toEqual(expect.arrayContaining(["ARTIFACT_REPLACED a", "GATE_PASSED g/1"]));
    const made = stepOf(after.view, "b").produced_artifact_ids[0] ?? "";
    expect(new TextDecoder().decode(await (await bed.kernel()).artifacts.get(made))).toBe("2\n");
    expect(stepOf(after.view, "a").attempts).toHaveLength(1);
    await bed.expectAnchored(view.run_id);
  });
});
