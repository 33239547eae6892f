import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runViewText } from "../../src/cli/render/run-view-text.ts";
import { Bed, flow, sh, stepOf } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(async () => {
  await bed.remove();
});

const options = { paint: (_tone: string, text: string): string => text, width: null };

describe("what people did with a run", () => {
  it("L6: reruns and replacements stand in its view, with who, when and why, and verdicts on a replacement are marked", async () => {
    const gates = [{ id: "there", run: ["true"] }];
    const { view } = await bed.run(flow({ a: { ...sh("echo one > a.txt", { outputs: { text: { path: "a.txt" } } }), gates } }));
    expect(view.acts).toBeUndefined();
    const kernel = await bed.kernel();
    const original = stepOf(view, "a").produced_artifact_ids[0] ?? "";
    const file = bed.write("mended.txt", "two\n");
    const { view: replaced } = await bed.finish(await kernel.artifacts.replace(original, { file }, { reason: "a typo" }));
    const replacement = stepOf(replaced, "a").produced_artifact_ids[0] ?? "";
    const act = { act: "replaced", by: expect.stringMatching(/^user:/), target: `output a.text: ${original} by ${replacement}`, reason: "a typo" };
    expect(replaced.acts).toEqual([{ ...act, at: expect.stringMatching(/Z$/) }]);
    expect(replaced.gates.map((gate) => gate.replaced)).toEqual([undefined, true]);
    expect(runViewText(replaced, options)).toMatch(/there {2}passed \(again, on a replacement\)/);
    expect(runViewText(replaced, options)).toContain(`a     ${replacement}\n`);

    const { view: again } = await bed.finish(await kernel.runs.rerun(view.run_id, { from: ["a"], reason: "the source was mended" }));
    expect(again.acts?.slice(1)).toMatchObject([{ act: "rerun", target: "from a", reason: "the source was mended" }]);
    expect(again.gates.map((gate) => gate.replaced)).toEqual([undefined, true, undefined]);
    expect(runViewText(again, options)).toContain("from a");
  });

  it("L6: unblocking stands there too", async () => {
    const routes = [{ id: "ask", when: { step: "a", status: "failed" }, do: { escalate: "look" } }];
    const { view } = await bed.run(flow({ a: sh("test -e mended") }, { routes }));
    bed.write("mended", "");
    const { view: after } = await bed.finish(await (await bed.kernel()).runs.resume(view.run_id, { unblockReason: "looked at" }));
    expect(after.acts).toMatchObject([{ act: "unblocked", target: null, reason: "looked at" }]);
  });

  it("B5: a fork says so, and where the verdicts of what it kept are", async () => {
    const gates = [
      { id: "there", run: ["true"] },
      { id: "nice", run: ["false"], required: false },
    ];
    const { view } = await bed.run(flow({ a: { ...sh("true"), gates }, b: sh("true", { needs: ["a"] }) }));
    const kernel = await bed.kernel();
    const { view: fork } = await bed.finish(await kernel.runs.fork(view.run_id, { from: ["b"], reason: "another layout" }));
    expect(fork.acts).toMatchObject([{ act: "forked", target: `run ${view.run_id} from b`, reason: "another layout" }]);
    expect(stepOf(fork, "a").reused_from).toEqual({ run_id: view.run_id, step_id: "a", attempt: 1 });
    expect(stepOf(fork, "b").reused_from).toBeUndefined();
    expect(runViewText(fork, options)).toContain(`reused from run ${view.run_id} attempt 1`);
    expect(runViewText(fork, options)).toContain(`lily run show ${view.run_id}`);
  });

  it("nobody is told to say pure where a person asked, or the run was stopped", async () => {
    const steps = { a: sh("true"), b: sh("test ! -e slow || sleep 60", { needs: ["a"] }) };
    const { view } = await bed.run(flow(steps));
    const kernel = await bed.kernel();
    expect(await kernel.runs.why(view.run_id, "b")).toMatchObject({ advice: expect.stringContaining("pure: true") });
    await bed.finish(await kernel.runs.rerun(view.run_id, { from: ["a"], reason: "again" }));
    expect(await kernel.runs.why(view.run_id, "a")).toMatchObject({ because: expect.stringContaining("asked for a again"), advice: null });
    expect(await kernel.runs.why(view.run_id, "b")).toMatchObject({ because: expect.stringContaining("asked for a again"), advice: null });

    bed.write("slow", "");
    const handle = await bed.start(flow(steps));
    for await (const event of handle.events()) {
      if (event.kind === "STEP_STARTED" && event.data.step_id === "b") await kernel.security.set("LOCKDOWN", "a drill");
    }
    expect((await handle.done()).status).toBe("incomplete");
    expect(await kernel.runs.why(handle.runId, "b")).toMatchObject({ decision: "ran", advice: null });
  });
});
