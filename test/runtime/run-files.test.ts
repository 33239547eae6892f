/** Logs, executor.json and the manifest are files that anybody can write; what is shown of them is what the record says. */
import { chmodSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CheckedLog } from "../../src/kernel/kernel.ts";
import { Bed, flow, refusalOf, sh } from "./bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const gate = { id: "judge", run: ["sh", "-c", "echo fine"] };

async function textOf(log: CheckedLog | undefined): Promise<string> {
  const pieces: Uint8Array[] = [];
  if (log?.bytes === undefined || log.bytes === null) throw new Error("the log is not recorded");
  for await (const piece of log.bytes()) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function problems(): Promise<readonly string[]> {
  return (await (await bed.kernel()).doctor()).filter(({ level }) => level === "problem").map(({ subject }) => subject);
}

async function ran(text = "echo made; echo aside >&2"): Promise<{ readonly id: string; readonly dir: string }> {
  const { view } = await bed.run(flow({ a: sh(text, { gates: [gate] }) }));
  return { id: view.run_id, dir: join(bed.workspaceDir, "runs", view.run_id) };
}

describe("the log of an attempt that ended", () => {
  test("A1: is what the record says, of steps and gates", async () => {
    const { id } = await ran();
    const logs = await (await bed.kernel()).runs.checkedLogs(id);
    expect(await Promise.all(logs.map(async (log) => [log.path, log.state, await textOf(log)]))).toEqual([
      ["gates/judge/1/stdout.txt", "recorded", "fine\n"],
      ["steps/a/1/stderr.txt", "recorded", "aside\n"],
      ["steps/a/1/stdout.txt", "recorded", "made\n"],
    ]);
    expect(await problems()).toEqual([]);
  });

  test.each(["steps/a/1/stdout.txt", "gates/judge/1/stdout.txt"])("A1: %s is not shown when it was changed, and doctor names it", async (path) => {
    const { id, dir } = await ran();
    writeFileSync(join(dir, path), "forged\n");
    const { runs, artifacts } = await bed.kernel();
    const log = (await runs.checkedLogs(id)).find((one) => one.path === path);
    const refused = await refusalOf(textOf(log));
    expect([refused.code, refused.message.includes(join(dir, path)), refused.message.includes(`lily artifact get ${log?.artifactId}`)]).toEqual([
      "OBJECT_CORRUPT",
      true,
      true,
    ]);
    expect(Buffer.from(await artifacts.get(log?.artifactId ?? "")).toString()).toBe(path.startsWith("steps") ? "made\n" : "fine\n");
    expect(await problems()).toEqual([`log runs/${id}/${path}`]);
  });

  test("A1: that is emptied or longer than what rides in the record is compared too", async () => {
    const { id, dir } = await ran("yes line | head -n 4000; echo aside >&2");
    const { runs } = await bed.kernel();
    expect((await textOf((await runs.checkedLogs(id, { step: "a" }))[1])).length).toBe(20_000);
    writeFileSync(join(dir, "steps/a/1/stdout.txt"), "");
    writeFileSync(join(dir, "steps/a/1/stderr.txt"), "aside\n\n");
    for (const log of await runs.checkedLogs(id, { step: "a" })) expect((await refusalOf(log.check())).code).toBe("OBJECT_CORRUPT");
  });

  test("comes from the record when the file is gone, or a link stands in its place", async () => {
    const { id, dir } = await ran();
    rmSync(join(dir, "steps/a/1/stdout.txt"));
    rmSync(join(dir, "steps/a/1/stderr.txt"));
    symlinkSync("/etc/hostname", join(dir, "steps/a/1/stderr.txt"));
    const logs = await (await bed.kernel()).runs.checkedLogs(id, { step: "a" });
    expect(logs.map(({ isMissing }) => isMissing)).toEqual([true, true]);
    expect((await Promise.all(logs.map(textOf))).sort()).toEqual(["aside\n", "made\n"]);
    expect(await problems()).toEqual([]);
  });

  test("A1: that the record does not name is refused, and a second try of a gate that nobody made does not hide the first", async () => {
    const { id, dir } = await ran("echo made");
    writeFileSync(join(dir, "steps/a/1/stderr.txt"), "put here\n");
    const [foreign] = await (await bed.kernel()).runs.checkedLogs(id, { step: "a" });
    expect([foreign?.state, (await refusalOf(foreign?.check() ?? Promise.resolve())).code]).toEqual(["foreign", "OBJECT_CORRUPT"]);
    expect(await problems()).toEqual([`log runs/${id}/steps/a/1/stderr.txt`]);
  });
});

test("the log of a running attempt is not yet recorded", async () => {
  const handle = await bed.start(flow({ a: sh("echo begun; touch begun; while test ! -e go; do sleep 0.05; done") }));
  const { runs } = await bed.kernel();
  for await (const event of runs.watch(handle.runId)) if (event.kind === "STEP_STARTED") break;
  while ((await runs.checkedLogs(handle.runId)).length === 0) await new Promise((resolve) => void setImmediate(resolve));
  const [log] = await runs.checkedLogs(handle.runId);
  expect([log?.state, log?.bytes]).toEqual(["running", null]);
  bed.write("go", "");
  await handle.done();
});

test("the log of an attempt that was cut off is nobody's word", async () => {
  const handle = await bed.start(flow({ a: sh("echo begun; exec sleep 60") }));
  const { runs } = await bed.kernel();
  while ((await runs.checkedLogs(handle.runId)).length === 0) await new Promise((resolve) => void setImmediate(resolve));
  await handle.cancel("enough");
  expect((await runs.checkedLogs(handle.runId)).map(({ state }) => state)).toEqual(["unrecorded"]);
  expect(await problems()).toEqual([]);
});

test("A1: doctor compares run_manifest.json and executor.json with the record", async () => {
  const { id, dir } = await ran();
  const change = (name: string, from: RegExp, to: string): void => {
    const file = join(dir, name);
    chmodSync(file, 0o644);
    writeFileSync(file, readFileSync(file, "utf8").replace(from, to));
  };
  change("run_manifest.json", /"kernel_version":"[^"]*"/, '"kernel_version":"9.9.9"');
  change("steps/a/1/executor.json", /"exit_code":0/, '"exit_code":1');
  expect(await problems()).toEqual([`file runs/${id}/run_manifest.json`, `file runs/${id}/steps/a/1/executor.json`]);
  change("steps/a/1/executor.json", /^\{/, "{{");
  rmSync(join(dir, "run_manifest.json"));
  expect(await problems()).toEqual([`file runs/${id}/steps/a/1/executor.json`]);
});
