import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bed, flow, refusalOf, sh, stepOf, until } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

test("S1: an INCOMPLETE run is never rerun or changed; a fork follows once the state is OPERATIONAL, and a dry run stays possible", async () => {
  bed.write("slow", "");
  const document = flow({
    a: sh("echo a >> a.log; echo 1 > a.txt", { outputs: { o: { path: "a.txt" } }, gates: [{ id: "g", run: ["cat", "a.txt"] }] }),
    b: sh("test -e slow && touch sleeping && exec sleep 60; exit 0", { needs: ["a"] }),
  });
  const handle = await bed.start(document);
  await until(() => bed.has("sleeping"));
  const kernel = await bed.kernel();
  await kernel.security.set("LOCKDOWN", "a key leaked");
  const { view, events } = await bed.finish(handle);
  expect(view.status).toBe("incomplete");
  const id = view.run_id;
  const fork = () => kernel.runs.fork(id, { from: ["b"], reason: "again" });
  expect(await refusalOf(fork)).toMatchObject({ code: "SECURITY_NOT_OPERATIONAL" });
  await kernel.security.set("OPERATIONAL", "changed the key");
  expect(await refusalOf(kernel.runs.rerun(id, { from: ["b"], reason: "again" }))).toMatchObject({ code: "SECURITY_ESCALATED" });
  const artifact = stepOf(view, "a").produced_artifact_ids[0] ?? "";
  expect(await refusalOf(kernel.artifacts.replace(artifact, { file: bed.write("b.txt", "2\n") }, { reason: "x" }))).toMatchObject({
    code: "SECURITY_ESCALATED",
  });
  expect(await bed.events(id)).toEqual(events);

  rmSync(`${bed.dir}/slow`);
  const after = await bed.finish(await fork());
  expect(after.view).toMatchObject({ status: "succeeded", forked_from: { run_id: id } });
  expect(bed.read("a.log")).toBe("a\n");
  const judged = await kernel.runs.judge(id);
  expect(judged).toMatchObject({ verdicts: [{ gate_id: "g", status: "passed" }], skipped: [] });
  expect((await kernel.runs.show(id)).status).toBe("incomplete");
  for (const run of [id, after.view.run_id]) await bed.expectAnchored(run);
});

test("what a person asks for is really done again, though earlier results of a pure step could stand in", async () => {
  bed.write("count.sh", `test -z "$1" || echo x >> "$1"; echo 1 > o.txt\n`);
  const pure = (log: readonly string[], more: object = {}) => ({
    run: ["sh", "count.sh", ...log],
    uses: ["count.sh"],
    pure: true,
    workdir: "isolated",
    outputs: { o: { path: "o.txt" } },
    ...more,
  });
  const steps = { a: pure([`${bed.root}/a.log`]), b: pure([], { needs: ["a"] }) };
  const { view } = await bed.run(flow(steps));
  const kernel = await bed.kernel();
  const again = await bed.finish(await kernel.runs.rerun(view.run_id, { from: ["a"], reason: "again" }));
  expect(again.view.status).toBe("succeeded");
  expect(bed.read("../a.log")).toBe("x\nx\n");
  expect(stepOf(again.view, "a").attempts.map(({ cause }) => cause)).toEqual(["ready", "rerun"]);
  const fork = await bed.finish(await kernel.runs.fork(view.run_id, { from: ["a"], reason: "again" }));
  expect(fork.view.status).toBe("succeeded");
  expect(bed.read("../a.log")).toBe("x\nx\nx\n");
  expect(fork.view.steps.map(({ status, attempts }) => [status, attempts.length])).toEqual([
    ["succeeded", 1],
    ["succeeded", 1],
  ]);
  for (const run of [view.run_id, fork.view.run_id]) await bed.expectAnchored(run);
});
