import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bed, filesBelow, flow, refusalOf, sh, stepOf, traceOf } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

/** Every file below the bed's folder by content, but the record of the run, the authority database and what lies beside it. */
function tree(runId: string): Readonly<Record<string, string>> {
  const left = new RegExp(`^work/\\.lily/(?:runs/${runId}/record\\.jsonl|streams/|authority|index|.*-(?:wal|shm)$)|^data/`);
  const files = filesBelow(bed.root).map((file) => relative(bed.root, file));
  const kept = files.filter((file) => !left.test(file)).sort();
  return Object.fromEntries(
    kept.map((file) => [
      file,
      createHash("sha256")
        .update(readFileSync(`${bed.root}/${file}`))
        .digest("hex"),
    ]),
  );
}

const gate = (id: string, text: string, more: object = {}) => ({ id, run: ["sh", "-c", text], ...more });

describe("run gates --judge-only", () => {
  test("K24 E5: verdicts are stored and marked; no step runs, no state changes, and no byte but verdicts", async () => {
    bed.write("lily.yaml", "schemas: { table.v1: ./table.json }\n");
    bed.write("table.json", JSON.stringify({ type: "object" }));
    bed.write("check.sh", "cat out/t.json; echo x >> left\n");
    const steps = {
      a: sh(`mkdir -p out; echo '{"n":1}' > out/t.json`, {
        outputs: { t: { path: "out/t.json", schema: "table.v1" } },
        gates: [
          { id: "command", run: ["sh", "check.sh"] },
          { id: "shape", schema: "table.v1", of: "${steps.a.outputs.t}" },
          gate("never", "exit 1", { required: false }),
        ],
      }),
      b: sh("test -e fail && exit 1; echo b > b.txt", {
        workdir: "isolated",
        needs: ["a"],
        outputs: { o: { path: "b.txt" } },
        gates: [gate("there", "cat b.txt")],
      }),
    };
    bed.write("out/t.json", "{}");
    const first = await bed.run(flow(steps, { gates: [gate("all", "cat out/t.json")] }));
    expect(first.view.status).toBe("succeeded");
    const id = first.view.run_id;
    const kernel = await bed.kernel();
    bed.write("out/t.json", "changed by somebody\n");
    const before = tree(id);
    const judged = await kernel.runs.judge(id);
    expect(judged.verdicts.map(({ gate_id, step_id, attempt, status, dry_run }) => [gate_id, step_id, attempt, status, dry_run])).toEqual([
      ["command", "a", 1, "passed", true],
      ["shape", "a", 1, "passed", true],
      ["never", "a", 1, "failed", true],
      ["there", "b", 1, "passed", true],
      ["all", null, 1, "passed", true],
    ]);
    expect(judged).toMatchObject({ skipped: [], anchoring: null });

    const after = tree(id);
    expect(Object.fromEntries(Object.keys(before).map((file) => [file, after[file]]))).toEqual(before);
    const added = Object.keys(after).filter((file) => !(file in before));
    expect(added.filter((file) => !/\/gates\/(?:command|there|all)\/1-dry\d+\/stdout\.txt$/.test(file))).toEqual([]);

    const events = await bed.events(id);
    expect(events.slice(0, first.events.length)).toEqual(first.events);
    expect(traceOf(events.slice(first.events.length))).toEqual([
      "GATE_PASSED command/1",
      "GATE_PASSED shape/1",
      "GATE_FAILED never/1",
      "GATE_PASSED there/1",
      "GATE_PASSED all/1",
      "RUN_SEALED",
    ]);
    const view = await kernel.runs.show(id);
    const { gates, record, ...rest } = view;
    const { gates: gatesBefore, record: recordBefore, ...restBefore } = first.view;
    expect(rest).toEqual(restBefore);
    expect(gates.slice(0, gatesBefore.length)).toEqual(gatesBefore);
    expect(gates.slice(gatesBefore.length).every((one) => one.dry_run === true)).toBe(true);
    expect([record.sealed, recordBefore.sealed]).toEqual([true, true]);
    for (const log of await kernel.runs.checkedLogs(id)) {
      expect([log.path, log.state]).toEqual([log.path, "recorded"]);
      await log.check();
    }
    expect((await kernel.doctor()).filter(({ level }) => level === "problem")).toEqual([]);
    await bed.expectAnchored(id);
  });

  test("E5: dry verdicts never count: a failed one leaves a run succeeded, a passed one leaves it failed, and a rerun judges anew", async () => {
    // The file is none of the run's: a gate finds it in the workflow's folder, and not among what is stored.
    bed.write("in-the-way", "");
    const document = flow({ a: sh("echo 1 > a.txt", { outputs: { o: { path: "a.txt" } }, gates: [gate("g", "test ! -e in-the-way && cat a.txt")] }) });
    const { view } = await bed.run(document);
    expect(view.status).toBe("failed");
    const kernel = await bed.kernel();
    expect((await kernel.runs.judge(view.run_id)).verdicts).toMatchObject([{ gate_id: "g", status: "passed" }]);
    const judged = await kernel.runs.show(view.run_id);
    expect([judged.status, stepOf(judged, "a").status]).toEqual(["failed", "failed"]);
    rmSync(`${bed.dir}/in-the-way`);
    const again = await bed.finish(await kernel.runs.rerun(view.run_id, { from: ["a"], reason: "ok now" }));
    expect([again.view.status, stepOf(again.view, "a").status]).toEqual(["succeeded", "succeeded"]);
    await bed.expectAnchored(view.run_id);
  });

  test("what does not exist is skipped with a reason, also on a blocked run, and a run can be judged any number of times", async () => {
    const steps = {
      a: sh("echo 1 > a.txt", { workdir: "isolated", outputs: { o: { path: "a.txt" } }, gates: [gate("bad", "exit 1")] }),
      b: sh("true", { env: { A: "${steps.a.outputs.o}" }, gates: [gate("later", "true")] }),
    };
    const { view } = await bed.run(flow(steps, { gates: [gate("all", "true")], routes: [{ id: "ask", when: { gate: "bad" }, do: { escalate: "look" } }] }));
    expect(view.status).toBe("blocked");
    const kernel = await bed.kernel();
    for (let round = 0; round < 2; round++) {
      const { verdicts, skipped } = await kernel.runs.judge(view.run_id);
      expect(verdicts).toMatchObject([{ gate_id: "bad", status: "failed" }]);
      expect(skipped).toEqual([
        { gate_id: "later", step_id: "b", reason: "step b is waiting: no completed attempt of it stands" },
        { gate_id: "all", step_id: null, reason: "not every step succeeded" },
      ]);
    }
    expect((await kernel.runs.show(view.run_id)).status).toBe("blocked");
    await bed.expectAnchored(view.run_id);
    const only = await kernel.runs.judge(view.run_id, { gate: "all" });
    expect(only).toMatchObject({ verdicts: [], skipped: [{ gate_id: "all" }] });
    const { view: after } = await bed.finish(await kernel.runs.resume(view.run_id, { unblockReason: "go on" }));
    expect(after.status).toBe("blocked");
    await bed.expectAnchored(view.run_id);
  });

  test("a hash gate is judged in the workflow's folder where the step worked there, and on what was kept where it did not", async () => {
    const bundle = "mkdir -p b; printf one > b/one; printf 'sha256_hex = %s' $(cat b/one | sha256sum | cut -d' ' -f1) > b/_passed.flag";
    const sealed = { id: "sealed", hash: { law: "sha256_bundle_digest", root: "b", flag: "b/_passed.flag", exclude_filenames: ["_passed.flag"] } };
    const inPlace = await bed.run(flow({ a: sh(bundle, { gates: [sealed] }) }));
    expect(inPlace.view.status).toBe("succeeded");
    const kernel = await bed.kernel();
    expect((await kernel.runs.judge(inPlace.view.run_id)).verdicts).toMatchObject([{ gate_id: "sealed", status: "passed" }]);
    bed.write("b/one", "two");
    expect((await kernel.runs.judge(inPlace.view.run_id)).verdicts).toMatchObject([{ gate_id: "sealed", status: "failed" }]);

    const kept = { ...sealed, id: "kept" };
    const lost = await bed.run(
      flow({
        a: sh(bundle, { workdir: "isolated", gates: [sealed] }),
        c: sh(bundle, { workdir: "isolated", outputs: { files: { glob: "b/*" } }, gates: [kept] }),
      }),
    );
    expect(lost.view.status).toBe("succeeded");
    expect(await kernel.runs.judge(lost.view.run_id)).toMatchObject({
      verdicts: [{ gate_id: "kept", status: "passed" }],
      skipped: [{ gate_id: "sealed", reason: expect.stringContaining("nothing of it was kept") }],
    });
    await bed.expectAnchored(lost.view.run_id);
  });

  test("refuses unknown steps and gates, a run that does not rest and changed code; an interrupted one records nothing", async () => {
    bed.write("check.sh", "exit 0\n");
    const { view, events } = await bed.run(flow({ a: sh("true", { gates: [{ id: "g", run: ["sh", "check.sh"] }] }) }));
    const kernel = await bed.kernel();
    const id = view.run_id;
    expect(await refusalOf(kernel.runs.judge(id, { step: "b" }))).toMatchObject({ code: "USAGE_INVALID" });
    expect(await refusalOf(kernel.runs.judge(id, { gate: "h" }))).toMatchObject({ code: "USAGE_INVALID", message: expect.stringContaining("it has g") });
    const bare = await bed.run(flow({ a: sh("true") }));
    expect(await kernel.runs.judge(bare.view.run_id)).toMatchObject({ verdicts: [], skipped: [] });
    expect(await bed.events(bare.view.run_id)).toEqual(bare.events);
    const created = await kernel.runs.create({});
    expect(await refusalOf(kernel.runs.judge(created.run_id))).toMatchObject({ code: "RUN_STATE_CONFLICT" });
    expect(await refusalOf(kernel.runs.judge(id, { signal: AbortSignal.abort() }))).toMatchObject({ code: "INTERRUPTED" });
    bed.write("check.sh", "exit 0 # other\n");
    expect(await refusalOf(kernel.runs.judge(id))).toMatchObject({ code: "WORKFLOW_DRIFT" });
    expect(await bed.events(id)).toEqual(events);
    await bed.expectAnchored(id);
  });
});
