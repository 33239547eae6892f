import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bed, flow, refusalOf, sh, stepOf, traceOf } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

/** Steps that append what they are to a file of their own, and give their count as output. */
const count = (id: string, more: object = {}) =>
  sh(`echo ${id} >> ${id}.log; echo ${id} says so; wc -l < ${id}.log > ${id}.txt`, { outputs: { n: { path: `${id}.txt` } }, ...more });
const chain = flow({
  a: count("a"),
  b: count("b", { needs: ["a"], gates: [{ id: "g", run: ["sh", "-c", "cat b.txt"] }] }),
  c: count("c", { needs: ["b"] }),
  d: count("d"),
});
const attemptsOf = (view: Parameters<typeof stepOf>[0], id: string) => stepOf(view, id).attempts.map(({ n, cause, outcome }) => [n, cause, outcome]);

describe("run rerun", () => {
  test("K23 E2: target and dependents are done again, the rest is untouched, and every earlier attempt stays readable", async () => {
    const first = await bed.run(chain);
    const id = first.view.run_id;
    const kernel = await bed.kernel();
    const { view, events } = await bed.finish(await kernel.runs.rerun(id, { from: ["b"], reason: "look again" }));
    expect(view.status).toBe("succeeded");
    expect([attemptsOf(view, "a"), attemptsOf(view, "d")]).toEqual([[[1, "ready", "completed"]], [[1, "ready", "completed"]]]);
    expect(attemptsOf(view, "b")).toEqual([
      [1, "ready", "completed"],
      [2, "rerun", "completed"],
    ]);
    expect(attemptsOf(view, "c")).toEqual([
      [1, "ready", "completed"],
      [2, "ready", "completed"],
    ]);
    expect(events.slice(0, first.events.length)).toEqual(first.events);
    expect(traceOf(events.slice(first.events.length)).slice(0, 4)).toEqual(["RUN_REOPENED", "RERUN_REQUESTED", "SECURITY_SNAPSHOT", "STEP_STARTED b/2"]);

    const before = stepOf(first.view, "b");
    for (const artifact of before.produced_artifact_ids) expect(new TextDecoder().decode(await kernel.artifacts.get(artifact)).trim()).toBe("1");
    for (const attempt of [1, 2]) {
      const logs = await kernel.runs.checkedLogs(id, { step: "b", attempt });
      expect(logs.map(({ state, isMissing }) => [state, isMissing])).toEqual([["recorded", false]]);
      for (const log of logs) await log.check();
    }
    const gateLogs = await kernel.runs.checkedLogs(id, { gate: "g" });
    expect(gateLogs.map(({ path, state }) => [path, state])).toEqual([
      ["gates/g/1/stdout.txt", "recorded"],
      ["gates/g/2/stdout.txt", "recorded"],
    ]);
    expect(view.gates.map(({ gate_id, attempt, status }) => [gate_id, attempt, status])).toEqual([
      ["g", 1, "passed"],
      ["g", 2, "passed"],
    ]);
    await bed.expectAnchored(id);
  });

  test("K23: the request has a why that names step, reason and who asked", async () => {
    const { view } = await bed.run(chain);
    const kernel = await bed.kernel();
    const { events } = await bed.finish(await kernel.runs.rerun(view.run_id, { from: ["c", "d", "c"], reason: "new prices" }));
    const asked = events.find((event) => event.kind === "RERUN_REQUESTED");
    if (asked?.kind !== "RERUN_REQUESTED") throw new Error("nothing was asked");
    expect(asked.data).toMatchObject({ step_ids: ["c", "d"], reason: "new prices" });
    const why = new TextDecoder().decode(await kernel.artifacts.get(asked.data.why_artifact_id ?? ""));
    expect(JSON.parse(why).payload).toMatchObject({
      subject: "rerun",
      changed: [
        { kind: "request", name: "c", after: "new prices" },
        { kind: "request", name: "d", after: "new prices" },
      ],
      because: expect.stringContaining("asked for c, d again: new prices"),
    });
  });

  test("a failed run completes once the cause is mended; what was never reached goes on too", async () => {
    const steps = { a: count("a"), b: sh("test -e mended", { needs: ["a"] }), c: count("c", { needs: ["b"] }), d: count("d", { needs: ["a"] }) };
    const { view } = await bed.run(flow(steps), { parallel: 1 });
    expect(view.status).toBe("failed");
    bed.write("mended", "");
    const again = await bed.finish(await (await bed.kernel()).runs.rerun(view.run_id, { from: ["b"], reason: "mended" }));
    expect(again.view.status).toBe("succeeded");
    expect(bed.read("a.log")).toBe("a\n");
    expect(bed.read("d.log")).toBe("d\n");
    await bed.expectAnchored(view.run_id);
  });

  test("what failed by itself and is not asked for again stays failed: its dependents are skipped, and the run ends failed", async () => {
    const steps = { a: sh("exit 1"), b: count("b", { needs: ["a"] }), c: count("c"), d: count("d", { needs: ["c"] }) };
    const { view } = await bed.run(flow(steps), { parallel: 1 });
    expect(view.status).toBe("failed");
    const again = await bed.finish(await (await bed.kernel()).runs.rerun(view.run_id, { from: ["c"], reason: "only c" }));
    expect(again.view).toMatchObject({ status: "failed" });
    expect(again.view.steps.map(({ step_id, status }) => [step_id, status])).toEqual([
      ["a", "failed"],
      ["b", "skipped"],
      ["c", "succeeded"],
      ["d", "succeeded"],
    ]);
    await bed.expectAnchored(view.run_id);
  });

  test("refuses an unknown step, a run that does not rest, and changed code, and leaves the record as it was", async () => {
    bed.write("step.sh", "exit 0\n");
    const { view, events } = await bed.run(flow({ a: { run: ["sh", "step.sh"] } }));
    const kernel = await bed.kernel();
    const rerun = (from: readonly string[]) => kernel.runs.rerun(view.run_id, { from, reason: "again" });
    expect(await refusalOf(rerun(["aa"]))).toMatchObject({ code: "USAGE_INVALID", message: expect.stringContaining("did you mean a?") });
    expect(await refusalOf(rerun([]))).toMatchObject({ code: "USAGE_INVALID" });
    bed.write("step.sh", "exit 0 # changed\n");
    expect(await refusalOf(rerun(["a"]))).toMatchObject({ code: "WORKFLOW_DRIFT" });
    expect(await bed.events(view.run_id)).toEqual(events);
    const created = await kernel.runs.create({});
    expect(await refusalOf(kernel.runs.rerun(created.run_id, { from: ["a"], reason: "again" }))).toMatchObject({ code: "RUN_STATE_CONFLICT" });
    bed.write("step.sh", "exit 0\n");
    await bed.finish(await rerun(["a"]));
    await bed.expectAnchored(view.run_id);
  });

  test("a blocked run is rerun only when somebody unblocks it, and then the escalated step has a fresh allowance", async () => {
    const document = flow(
      { a: sh("test -e mended"), b: count("b", { needs: ["a"] }) },
      { routes: [{ id: "ask", when: { step: "a", status: "failed" }, do: { escalate: "look" } }] },
    );
    const { view } = await bed.run(document);
    expect(view.status).toBe("blocked");
    const kernel = await bed.kernel();
    const options = { from: ["a"], reason: "again" };
    expect(await refusalOf(kernel.runs.rerun(view.run_id, options))).toMatchObject({
      code: "RUN_STATE_CONFLICT",
      message: expect.stringContaining("--unblock"),
    });
    bed.write("mended", "");
    const { view: after, events } = await bed.finish(await kernel.runs.rerun(view.run_id, { ...options, unblockReason: "seen" }));
    expect(after.status).toBe("succeeded");
    expect(traceOf(events)).toEqual(expect.arrayContaining(["RUN_UNBLOCKED", "RERUN_REQUESTED", "STEP_STARTED a/2"]));
    await bed.expectAnchored(view.run_id);
  });
});
