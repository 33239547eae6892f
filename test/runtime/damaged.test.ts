/** What one damaged record or one missing object takes away, and what it does not. */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bed, flow, sh } from "./bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

test("L4: one damaged record hides no other run, and is named by verification", async () => {
  const first = await bed.run(flow({ a: sh("true") }));
  await bed.close();
  const file = bed.recordFile(first.view.run_id);
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 200) ^ 1, bytes.length - 200);
  rmSync(file);
  writeFileSync(file, bytes);
  rmSync(join(bed.workspaceDir, "index.db"), { force: true });
  const second = await bed.run(flow({ a: sh("echo hi > o.txt", { outputs: { o: { path: "o.txt" } } }) }));
  const kernel = await bed.kernel();
  expect((await kernel.runs.list()).map((row) => row.run_id)).toContain(second.view.run_id);
  expect(await kernel.runs.show("latest")).toMatchObject({ run_id: second.view.run_id, status: "succeeded" });
  expect(await kernel.artifacts.list({ run_id: second.view.run_id })).not.toEqual([]);
  expect(await kernel.records.verify(first.view.run_id)).toMatchObject({ result: "corrupt" });
});

test("A1: a rerun that lacks an object is refused before the run is reopened, and the run stays as it was", async () => {
  bed.write("in.txt", "x".repeat(10_000));
  const document = flow({ a: { run: ["cat", "${inputs.c}"] } }, { inputs: { c: { file: "in.txt" } } });
  const { view, events } = await bed.run(document);
  const kernel = await bed.kernel();
  rmSync(join(bed.workspaceDir, "objects"), { recursive: true });
  await expect(kernel.runs.rerun(view.run_id, { from: ["a"], reason: "again" })).rejects.toMatchObject({ code: "OBJECT_MISSING" });
  expect(await kernel.runs.show(view.run_id)).toMatchObject({ status: "succeeded" });
  expect((await bed.events(view.run_id)).length).toBe(events.length);
});

test("L4: bytes behind the end of one record are set aside, and the others list as before", async () => {
  const first = await bed.run(flow({ a: sh("true") }));
  await bed.close();
  appendFileSync(bed.recordFile(first.view.run_id), "torn");
  expect((await (await bed.kernel()).runs.list()).length).toBe(1);
});
