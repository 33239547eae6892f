import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RunView } from "../../src/contracts/run-view.ts";
import { Bed, flow, refusalOf, sh, stepOf, traceOf } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

/** In: a number. Twice: that number doubled. Both isolated, so that only what is recorded is read. */
const steps = {
  seed: sh("echo 3 > seed.txt", { workdir: "isolated", outputs: { n: { path: "seed.txt" } } }),
  twice: sh('expr 2 "*" $(cat $N) > twice.txt', {
    workdir: "isolated",
    env: { N: "${steps.seed.outputs.n}" },
    outputs: { n: { path: "twice.txt" } },
    gates: [{ id: "small", run: ["sh", "-c", "test $(cat twice.txt) -lt 100"] }],
  }),
  report: sh("cat $N > report.txt", {
    workdir: "isolated",
    env: { N: "${steps.twice.outputs.n}" },
    outputs: { text: { path: "report.txt" } },
  }),
  aside: sh("echo x > x", { outputs: { x: { path: "x" } } }),
};
const output = (view: RunView, step: string): string => stepOf(view, step).produced_artifact_ids[0] ?? "";
const textOf = async (id: string): Promise<string> => new TextDecoder().decode(await (await bed.kernel()).artifacts.get(id)).trim();

describe("artifact replace", () => {
  test("K25: strict dependents are done again, the replacement is kept and judged, everything before stays, the chain is intact", async () => {
    const first = await bed.run(flow(steps));
    expect(first.view.status).toBe("succeeded");
    const kernel = await bed.kernel();
    const old = output(first.view, "twice");
    const { view, events } = await bed.finish(await kernel.artifacts.replace(old, { file: bed.write("mended.txt", "50\n") }, { reason: "a wrong unit" }));
    expect(view.status).toBe("succeeded");
    expect(events.slice(0, first.events.length)).toEqual(first.events);
    expect(view.steps.map(({ step_id, attempts }) => [step_id, attempts.length])).toEqual([
      ["seed", 1],
      ["twice", 1],
      ["report", 2],
      ["aside", 1],
    ]);
    const kept = output(view, "twice");
    expect([await textOf(kept), await textOf(old), await textOf(output(view, "report"))]).toEqual(["50", "6", "50"]);
    expect(await kernel.artifacts.show(kept)).toMatchObject({ producer_kind: "human", inputs: [old], artifact_name: "n" });
    expect(traceOf(events.slice(first.events.length))).toEqual([
      "RUN_REOPENED",
      "ARTIFACT_REPLACED twice",
      "SECURITY_SNAPSHOT",
      "GATE_PASSED small/1",
      "STEP_STARTED report/2",
      "STEP_COMPLETED report/2",
      "SECURITY_SNAPSHOT",
      "RUN_SUCCEEDED",
      "RUN_SEALED",
    ]);
    const replaced = events.find((event) => event.kind === "ARTIFACT_REPLACED");
    if (replaced?.kind !== "ARTIFACT_REPLACED") throw new Error("nothing was replaced");
    const envelope = JSON.parse(await textOf(replaced.data.artifact_id));
    expect(envelope).toMatchObject({
      meta: { schema_id: "artifact_replacement.v1" },
      payload: { original_artifact_id: old, replacement_artifact_id: kept, reason: "a wrong unit" },
    });
    await bed.expectAnchored(view.run_id);
  });

  test("K25 E4: a gate that refuses the replacement fails the run, and a further replacement mends it", async () => {
    const { view } = await bed.run(flow(steps));
    const kernel = await bed.kernel();
    const worse = await bed.finish(await kernel.artifacts.replace(output(view, "twice"), { file: bed.write("much.txt", "500\n") }, { reason: "more" }));
    expect(worse.view).toMatchObject({ status: "failed", reason: expect.stringContaining("required gate small") });
    expect(stepOf(worse.view, "twice").status).toBe("failed");
    expect(stepOf(worse.view, "report").attempts).toHaveLength(1);
    const held = worse.events.find((event) => event.kind === "ARTIFACT_REPLACED");
    if (held?.kind !== "ARTIFACT_REPLACED") throw new Error("nothing was replaced");
    const mended = await bed.finish(
      await kernel.artifacts.replace(held.data.replacement_artifact_id, { file: bed.write("less.txt", "5\n") }, { reason: "less" }),
    );
    expect(mended.view.status).toBe("succeeded");
    expect(mended.view.gates.map(({ gate_id, attempt, status }) => [gate_id, attempt, status])).toEqual([
      ["small", 1, "passed"],
      ["small", 1, "failed"],
      ["small", 1, "passed"],
    ]);
    expect(stepOf(mended.view, "twice").attempts).toHaveLength(1);
    await bed.expectAnchored(view.run_id);
  });

  test("an output that a gate refused can be mended by hand, also after an escalation", async () => {
    const wide = { ...steps, seed: sh("echo 300 > seed.txt", { workdir: "isolated", outputs: { n: { path: "seed.txt" } } }) };
    const { view } = await bed.run(flow(wide, { routes: [{ id: "ask", when: { gate: "small" }, do: { escalate: "too much" } }] }));
    expect(view.status).toBe("blocked");
    const kernel = await bed.kernel();
    const file = bed.write("mended.txt", "60\n");
    expect(await refusalOf(kernel.artifacts.replace(output(view, "twice"), { file }, { reason: "mended" }))).toMatchObject({ code: "RUN_STATE_CONFLICT" });
    const after = await bed.finish(await kernel.artifacts.replace(output(view, "twice"), { file }, { reason: "mended", unblockReason: "seen" }));
    expect(after.view.status).toBe("succeeded");
    expect(stepOf(after.view, "twice")).toMatchObject({ status: "succeeded", attempts: [{ n: 1 }] });
    expect(await textOf(output(after.view, "report"))).toBe("60");
    await bed.expectAnchored(view.run_id);
  });

  test("K25: an input is replaced, and all that can have read it is done again", async () => {
    bed.write("in.txt", "1\n");
    const document = flow(
      { a: sh("cat $I > a.txt", { env: { I: "${inputs.i}" }, outputs: { o: { path: "a.txt" } } }), b: sh("true") },
      { inputs: { i: { file: "in.txt" } } },
    );
    const { view } = await bed.run(document);
    const kernel = await bed.kernel();
    const given = await kernel.artifacts.put(bed.write("two.txt", "2\n"));
    const after = await bed.finish(await kernel.artifacts.replace(view.inputs["i"] ?? "", { artifact: given.artifact_id }, { reason: "newer" }));
    expect(after.view).toMatchObject({ status: "succeeded" });
    expect(after.view.inputs["i"]).not.toBe(view.inputs["i"]);
    expect(await textOf(output(after.view, "a"))).toBe("2");
    expect(stepOf(after.view, "b").attempts).toHaveLength(1);
    expect(await kernel.artifacts.show(after.view.inputs["i"] ?? "")).toMatchObject({ inputs: [view.inputs["i"], given.artifact_id], producer_kind: "human" });
    await bed.expectAnchored(view.run_id);
  });

  test("an input that a step reads where it lies is replaced only when the replacement lies there", async () => {
    bed.write("in.txt", "1\n");
    const document = flow({ a: sh("cat in.txt > a.txt", { reads: ["i"], outputs: { o: { path: "a.txt" } } }) }, { inputs: { i: { file: "in.txt" } } });
    const { view } = await bed.run(document);
    const replace = async () => (await bed.kernel()).artifacts.replace(view.inputs["i"] ?? "", { file: bed.write("two.txt", "2\n") }, { reason: "newer" });
    expect(await refusalOf(replace)).toMatchObject({ code: "RUN_STATE_CONFLICT", message: expect.stringContaining("put the replacement there first") });
    bed.write("in.txt", "2\n");
    const after = await bed.finish(await replace());
    expect(await textOf(output(after.view, "a"))).toBe("2");
    await bed.expectAnchored(view.run_id);
  });

  test("A2: a replacement must fit the schema of what it replaces", async () => {
    bed.write("lily.yaml", "schemas: { table.v1: ./table.json }\n");
    bed.write("table.json", JSON.stringify({ type: "object", properties: { n: { type: "integer" } }, required: ["n"], additionalProperties: false }));
    const document = flow({
      a: sh(`echo '{"n":1}' > t.json`, {
        workdir: "isolated",
        outputs: { t: { path: "t.json", schema: "table.v1" } },
        gates: [{ id: "in-place", run: ["grep", "-q", "n", "t.json"] }],
      }),
    });
    const { view, events } = await bed.run(document);
    const kernel = await bed.kernel();
    const replace = (text: string) => kernel.artifacts.replace(output(view, "a"), { file: bed.write("other.json", text) }, { reason: "other" });
    expect(await refusalOf(replace('{"m":1}'))).toMatchObject({ code: "SCHEMA_MISMATCH" });
    expect(await bed.events(view.run_id)).toEqual(events);
    const after = await bed.finish(await replace('{"n":2}'));
    expect(JSON.parse(await textOf(output(after.view, "a")))).toMatchObject({ meta: { schema_id: "table.v1", producer_kind: "human" }, payload: { n: 2 } });
    await bed.expectAnchored(view.run_id);
  });

  test("refuses what is no current output or input, and what is not there", async () => {
    const { view } = await bed.run(flow(steps));
    const kernel = await bed.kernel();
    const old = output(view, "seed");
    const file = bed.write("four.txt", "4\n");
    await bed.finish(await kernel.artifacts.replace(old, { file }, { reason: "more" }));
    expect(await refusalOf(kernel.artifacts.replace(old, { file }, { reason: "again" }))).toMatchObject({
      code: "RUN_STATE_CONFLICT",
      message: expect.stringContaining("no current output"),
    });
    expect(await refusalOf(kernel.artifacts.replace("art_ffff", { file }, { reason: "x" }))).toMatchObject({ code: "ARTIFACT_NOT_FOUND" });
    expect(await refusalOf(kernel.artifacts.replace(output(view, "aside"), { file: `${bed.dir}/none` }, { reason: "x" }))).toMatchObject({
      code: "INPUT_NOT_FOUND",
    });
    expect(await refusalOf(kernel.artifacts.replace(output(view, "aside"), { artifact: "art_ffff" }, { reason: "x" }))).toMatchObject({
      code: "ARTIFACT_NOT_FOUND",
    });
    const loose = await kernel.artifacts.put(file);
    expect(await refusalOf(kernel.artifacts.replace(loose.artifact_id, { file }, { reason: "x" }))).toMatchObject({ code: "RUN_STATE_CONFLICT" });
    await bed.expectAnchored(view.run_id);
  });

  test("logs of a gate that judged the original and of one that judged the replacement are both vouched for", async () => {
    const loud = { a: sh("echo 1 > a.txt", { outputs: { o: { path: "a.txt" } }, gates: [{ id: "say", run: ["cat", "a.txt"] }] }) };
    const { view } = await bed.run(flow(loud));
    const kernel = await bed.kernel();
    await bed.finish(await kernel.artifacts.replace(output(view, "a"), { file: bed.write("b.txt", "22\n") }, { reason: "other" }));
    const logs = await kernel.runs.checkedLogs(view.run_id, { gate: "say", attempt: 1 });
    expect(logs.map(({ path, size, state }) => [path, size, state])).toEqual([
      ["gates/say/1/stdout.txt", 2, "recorded"],
      ["gates/say/1-r1/stdout.txt", 3, "recorded"],
    ]);
    for (const log of logs) await log.check();
    expect((await kernel.doctor()).filter(({ level }) => level === "problem")).toEqual([]);
    await bed.expectAnchored(view.run_id);
  });
});
