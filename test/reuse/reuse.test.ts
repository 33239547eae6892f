/** When an earlier result stands in for a pure step and when it does not, through the real product. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import { filesBelow, flow, type Ran, stepOf, traceOf } from "../runtime/bed.ts";
import { decisionOf, made, one, ReuseBed } from "./reuse-bed.ts";

let bed: ReuseBed;

beforeEach(() => {
  bed = new ReuseBed();
});
afterEach(() => bed.remove());

describe("a reuse", () => {
  test("B3: names the attempt and event that it stands on, keeps the artifacts of their run, and is verified like everything else", async () => {
    const first = await bed.run(one());
    const second = await bed.run(one());
    expect(traceOf(second.events)).toContain("STEP_REUSED a/0");
    const reused = decisionOf(second.events);
    const completed = first.events.find((event) => event.kind === "STEP_COMPLETED");
    expect(reused.data).toMatchObject({
      cause: "pure",
      attempt: 0,
      from: { run_id: first.view.run_id, step_id: "a", attempt: 1, event: completed?.hash },
      outputs: completed?.kind === "STEP_COMPLETED" ? completed.data.outputs : null,
      artifacts: completed?.kind === "STEP_COMPLETED" ? completed.data.artifacts : null,
      materials: completed?.kind === "STEP_COMPLETED" ? completed.data.materials : null,
    });
    const stored = second.events.filter((event) => event.kind === "ARTIFACT_STORED" && event.data.artifact.run_id === first.view.run_id);
    expect(stored).toHaveLength(2);
    expect(stepOf(second.view, "a").status).toBe("reused");
    expect(await bed.because(second)).toMatch(/^step a was reused from run .*, attempt 1: nothing of 10 inputs changed$/);
    await bed.expectAnchored(second.view.run_id);
  });

  test("B3: a third run stands on the attempt that was done, not on the reuse of it", async () => {
    const first = await bed.run(one());
    await bed.run(one());
    const third = await bed.run(one());
    expect(decisionOf(third.events).data).toMatchObject({ from: { run_id: first.view.run_id } });
  });

  test("B3: what needs a reused step is given its artifacts", async () => {
    const document = flow(
      { a: made, b: { run: ["cp", "${steps.a.outputs.o}", "b.txt"], workdir: "isolated", outputs: { o: { path: "b.txt" } } } },
      { inputs: { data: { file: "data.txt" } } },
    );
    const second = await bed.again(document);
    expect(traceOf(second.events)).toEqual(expect.arrayContaining(["STEP_REUSED a/0", "STEP_STARTED b/1", "STEP_COMPLETED b/1"]));
    expect(second.view.status).toBe("succeeded");
  });

  test("B3: a step of a failed run that succeeded is reused", async () => {
    const document = flow({ a: made, z: { run: ["sh", "-c", "test -e ok"], needs: ["a"] } }, { inputs: { data: { file: "data.txt" } } });
    const second = await bed.again(document, ({ view }) => {
      expect(view.status).toBe("failed");
      bed.write("ok", "");
    });
    expect(second.view.status).toBe("succeeded");
    expect(decisionOf(second.events).kind).toBe("STEP_REUSED");
  });

  test("L6: the index is derived: dropped and rebuilt it gives the same reuse", async () => {
    const second = await bed.again(one(), async () => {
      await (await bed.kernel()).rebuildIndex();
    });
    expect(decisionOf(second.events).kind).toBe("STEP_REUSED");
  });

  test("the two words of a person that turn it off are honoured: run start without reuse does every step", async () => {
    await bed.run(one());
    const second = await bed.run(one(), { reuse: false });
    expect(decisionOf(second.events)).toMatchObject({ kind: "STEP_STARTED", data: { attempt: 1 } });
    expect(await bed.because(second)).toBe("step a ran: earlier results were not looked for");
  });
});

describe("what an earlier result is not used for", () => {
  const notReused = async (document: JsonObject, between: (first: Ran) => Promise<void> | void, said: RegExp): Promise<void> => {
    const second = await bed.again(document, between);
    expect(decisionOf(second.events).kind).toBe("STEP_STARTED");
    expect(second.view.status).toBe("succeeded");
    expect(await bed.because(second)).toMatch(said);
  };

  const outputObject = ({ events }: Ran): string => {
    const completed = events.find((event) => event.kind === "STEP_COMPLETED");
    const digest = completed?.kind === "STEP_COMPLETED" ? String(completed.data.outputs["o"]) : "";
    const file = filesBelow(join(bed.workspaceDir, "objects")).find((path) => path.replaceAll("/", "").includes(digest.slice(9)));
    if (file === undefined) throw new Error(`no object ${digest}`);
    return file;
  };

  test("A1: an object that is gone is no result: the step runs, the run does not fail, and the why says it", async () => {
    await notReused(
      one(),
      (first) => rmSync(outputObject(first)),
      /although nothing of 10 inputs changed: its result of run .* cannot be used \(OBJECT_MISSING/,
    );
  });

  test("A1: neither is one whose bytes changed", async () => {
    // A second put of the same bytes finds the damage too, so the step makes other bytes then.
    const document = one({ run: ["sh", "-c", "date +%s%N > out.txt"] });
    await notReused(
      document,
      (first) => {
        const path = outputObject(first);
        rmSync(path);
        writeFileSync(path, "other\n");
      },
      /cannot be used \(OBJECT_CORRUPT/,
    );
  });

  test("E4: a gate that was judged again later and did not pass speaks against the result", async () => {
    const gate = { id: "g", run: ["sh", "-c", 'test -z "$REUSE_BAD"'], env_from: ["REUSE_BAD"] };
    await notReused(
      one({ gates: [gate], env_affects_output: false }),
      async ({ view }) => {
        process.env["REUSE_BAD"] = "yes";
        expect((await (await bed.kernel()).runs.judge(view.run_id)).verdicts).toMatchObject([{ status: "failed" }]);
        delete process.env["REUSE_BAD"];
      },
      /although nothing of \d+ inputs changed: its result of run .*, attempt 1 cannot be used \(required gate g did not pass when it was judged again\)$/,
    );
  });

  test("E4: an optional gate that did not pass does not", async () => {
    const document = one({ gates: [{ id: "g", required: false, run: ["false"] }] });
    const second = await bed.again(document);
    expect(decisionOf(second.events).kind).toBe("STEP_REUSED");
  });

  test("an output that a person replaced is never given as the step's own result, nor is the replacement", async () => {
    await notReused(
      one(),
      async ({ events }) => {
        const completed = events.find((event) => event.kind === "STEP_COMPLETED");
        const original = completed?.kind === "STEP_COMPLETED" ? completed.data.artifacts[0] : undefined;
        const file = bed.write("better.txt", "better\n");
        const kernel = await bed.kernel();
        await (await kernel.artifacts.replace(original ?? "", { file }, { reason: "mended by hand" })).done();
      },
      /although nothing of 10 inputs changed: its result of run .*, attempt 1 cannot be used \(its output o was replaced by a person\)$/,
    );
  });

  test("a run that goes on may still be left incomplete, so nothing of it is used yet", async () => {
    const steps = { a: made, hold: { run: ["sh", "-c", `while test ! -e ${bed.dir}/go; do sleep 0.02; done`], needs: ["a"] } };
    const going = await bed.start(flow(steps, { inputs: { data: { file: "data.txt" } } }));
    for await (const event of going.events()) if (event.kind === "STEP_STARTED" && event.data.step_id === "hold") break;
    const other = await bed.run(one());
    expect(decisionOf(other.events).kind).toBe("STEP_STARTED");
    expect(await bed.because(other)).toContain("its run is running");
    bed.write("go", "");
    await going.done();
  });

  test("a step that a person asks for again is done again, and its start names the person's why", async () => {
    const first = await bed.run(one());
    const handle = await (await bed.kernel()).runs.rerun(first.view.run_id, { from: ["a"], reason: "look again" });
    const { events } = await bed.finish(handle);
    const asked = events.find((event) => event.kind === "RERUN_REQUESTED");
    expect(decisionOf(events)).toMatchObject({
      kind: "STEP_STARTED",
      data: { attempt: 2, cause: "rerun", why_artifact_id: asked?.kind === "RERUN_REQUESTED" ? asked.data.why_artifact_id : "" },
    });
  });

  test("what needs a step that a person asks for again is done again too, pure or reused before, and names the same why", async () => {
    const steps = {
      a: made,
      b: { run: ["cp", "${steps.a.outputs.o}", "b.txt"], uses: ["lib.sh"], workdir: "isolated", pure: true, outputs: { o: { path: "b.txt" } } },
    };
    const document = flow(steps, { inputs: { data: { file: "data.txt" } } });
    const second = await bed.again(document);
    expect(decisionOf(second.events, "b").kind).toBe("STEP_REUSED");
    const handle = await (await bed.kernel()).runs.rerun(second.view.run_id, { from: ["a"], reason: "look again" });
    const { events } = await bed.finish(handle);
    const asked = events.find((event) => event.kind === "RERUN_REQUESTED");
    const why = asked?.kind === "RERUN_REQUESTED" ? asked.data.why_artifact_id : undefined;
    expect(why).toBeDefined();
    for (const step of ["a", "b"]) expect(decisionOf(events, step)).toMatchObject({ kind: "STEP_STARTED", data: { attempt: 1, why_artifact_id: why } });
  });

  test("E2: an attempt that was done again in its run is not the step's result any more, whatever became of the second", async () => {
    const document = one({ run: ["sh", "-c", `test ! -e ${bed.dir}/bad && cat data.txt > out.txt`] });
    const first = await bed.run(document);
    bed.write("bad", "");
    const rerun = await (await bed.kernel()).runs.rerun(first.view.run_id, { from: ["a"], reason: "look again" });
    expect((await rerun.done()).status).toBe("failed");
    rmSync(join(bed.dir, "bad"));
    const second = await bed.run(document);
    expect(decisionOf(second.events).kind).toBe("STEP_STARTED");
  });

  test("a file of code that changed while the step ran leaves no materials behind", async () => {
    const document = one({ run: ["sh", "-c", `echo x >> ${bed.dir}/package-lock.json; cat data.txt > out.txt`] });
    const { events } = await bed.run(document);
    const completed = events.find((event) => event.kind === "STEP_COMPLETED");
    expect(completed?.kind === "STEP_COMPLETED" && completed.data.materials).toBe(undefined);
  });

  test("S6: in the project's folder only a sandboxed command is reused: without one nobody knows what it wrote and where", async () => {
    const inPlace = one(
      { workdir: "source", outputs: { o: { path: "made.txt" } }, run: ["sh", "-c", "rm -f made.txt; cat data.txt > made.txt"] },
      { policy: { sandbox: "prefer" } },
    );
    const first = await bed.run(inPlace);
    const second = await bed.run(inPlace);
    const completed = first.events.find((event) => event.kind === "STEP_COMPLETED");
    if (completed?.kind !== "STEP_COMPLETED") throw new Error("the step did not complete");
    const { executor, materials } = completed.data;
    expect(materials !== undefined).toBe(executor.sandbox !== undefined);
    expect(decisionOf(second.events).kind).toBe(executor.sandbox === undefined ? "STEP_STARTED" : "STEP_REUSED");
  });

  test("S6: an input that is read in the project's folder and was changed there meanwhile leaves no materials behind", async () => {
    const inPlace = one(
      { workdir: "source", outputs: { o: { path: "made.txt" } }, run: ["sh", "-c", "cat data.txt > made.txt"] },
      { policy: { sandbox: "prefer" } },
    );
    bed.write("given.txt", "given\n");
    const { events } = await bed.run(inPlace, { inputs: { data: join(bed.dir, "given.txt") } });
    const completed = events.find((event) => event.kind === "STEP_COMPLETED");
    expect(completed?.kind === "STEP_COMPLETED" && completed.data.materials).toBe(undefined);
  });

  test.each(["source", "isolated"])(
    "B3: JSON with a schema, workdir %s: another form of the same value is another input only where the step sees it",
    async (workdir) => {
      bed.write("any.json", '{"type":"object"}');
      bed.write("lily.yaml", "schemas: {d.v1: ./any.json}\n");
      bed.write("d.json", '{"a":1,"b":2}');
      const document = one(
        { workdir, reads: ["d"], run: ["sh", "-c", "wc -c < d.json > made.txt"], outputs: { o: { path: "made.txt" } } },
        { policy: { sandbox: "prefer" }, inputs: { d: { file: "d.json", schema: "d.v1" } } },
      );
      const first = await bed.run(document);
      const completed = first.events.find((event) => event.kind === "STEP_COMPLETED");
      expect(first.view.status).toBe("succeeded");
      bed.write("d.json", '{ "b": 2,\n "a": 1.0 }');
      const second = await bed.run(document);
      const isKeyed = completed?.kind === "STEP_COMPLETED" && completed.data.materials !== undefined;
      expect(decisionOf(second.events).kind).toBe(workdir === "source" || !isKeyed ? "STEP_STARTED" : "STEP_REUSED");
      if (workdir === "source" && isKeyed) expect(await bed.because(second)).toBe("step a ran again: input inputs.d changed");
      expect(decisionOf((await bed.run(document)).events).kind).toBe(isKeyed ? "STEP_REUSED" : "STEP_STARTED");
    },
  );
});
