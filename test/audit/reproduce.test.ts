import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Reproduction } from "../../src/audit/reproduction.ts";
import type { ReproduceOptions, RunHandle } from "../../src/kernel/kernel.ts";
import { Bed, flow, refusalOf, sh } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(async () => {
  await bed.remove();
});

async function reproduce(run: string, options?: ReproduceOptions): Promise<Reproduction> {
  return (await bed.kernel()).runs.reproduce(run, options);
}

const copy = { run: ["sh", "copy.sh", "${inputs.csv}"], outputs: { table: { path: "copy.txt" } } };
const random = sh("head -c 16 /dev/urandom | od -An -tx1 > random.txt", { needs: ["copy"], outputs: { noise: { path: "random.txt" } } });
const after = { needs: ["random"], run: ["sh", "-c", "cp $0 after.txt", "${steps.random.outputs.noise}"], outputs: { text: { path: "after.txt" } } };

function arrange(): void {
  bed.write("data.csv", "a,b\n");
  bed.write("copy.sh", "cat $1 > copy.txt\n");
}

describe("reproducing a run", () => {
  it("B10: does the same plan again on the stored inputs, as a new run that names the first", async () => {
    arrange();
    const { view } = await bed.run(flow({ copy, quiet: sh("true") }, { inputs: { csv: { file: "data.csv" } } }));
    bed.write("data.csv", "something else\n");
    const found = await reproduce(view.run_id);
    expect(found).toMatchObject({
      run_id: view.run_id,
      reproducible: true,
      runs: [{ status: "COMPLETED" }],
      steps: [
        { step_id: "copy", reproducible: true, verdicts: ["identical"] },
        { step_id: "quiet", reproducible: null, verdicts: ["not_comparable"] },
      ],
      first_difference: null,
      changes: [],
    });
    const again = await (await bed.kernel()).runs.show(found.runs[0]?.run_id ?? "");
    expect(again).toMatchObject({ title: `reproduction of ${view.run_id}`, plan_hash: view.plan_hash, status: "succeeded" });
    expect((await (await bed.kernel()).artifacts.list({ run_id: again.run_id, producer_id: "input" }))[0]?.artifact_name).toBe("csv/data.csv");
    await bed.expectAnchored(again.run_id);
  });

  it("B10: says which step differs first, in which output, as often as it is asked", async () => {
    arrange();
    const { view } = await bed.run(flow({ copy, random, after }, { inputs: { csv: { file: "data.csv" } } }));
    const followed: string[] = [];
    const found = await reproduce(view.run_id, { times: 2, parallel: 1, follow: async (handle) => void followed.push(handle.runId) });
    expect(found.runs.map((run) => run.run_id)).toEqual(followed);
    expect(found).toMatchObject({
      reproducible: false,
      steps: [
        { step_id: "copy", reproducible: true, verdicts: ["identical", "identical"] },
        { step_id: "random", reproducible: false, verdicts: ["diverged", "diverged"] },
        { step_id: "after", reproducible: false },
      ],
      first_difference: { run_id: followed[0], step_id: "random", output: "noise", reason: "the files have other bytes" },
    });
  });

  it("B10: refuses code that is not what the plan bound, and names the file", async () => {
    arrange();
    const { view } = await bed.run(flow({ copy }, { inputs: { csv: { file: "data.csv" } } }));
    bed.append("copy.sh", "echo more >> copy.txt\n");
    const refusal = await refusalOf(reproduce(view.run_id));
    expect(refusal).toMatchObject({ code: "WORKFLOW_DRIFT", message: expect.stringContaining("copy.sh") });
    expect(await (await bed.kernel()).runs.list()).toHaveLength(1);
  });

  it("B10: never reuses: a pure step is done again", async () => {
    bed.write("pure.sh", "echo pure > pure.txt\n");
    const pure = { run: ["sh", "pure.sh"], pure: true, uses: ["pure.sh"], workdir: "isolated", outputs: { text: { path: "pure.txt" } } };
    const { view } = await bed.run(flow({ pure }));
    const found = await reproduce(view.run_id);
    const again = await bed.events(found.runs[0]?.run_id ?? "");
    expect(found.reproducible).toBe(true);
    expect(again.map((event) => event.kind)).toContain("STEP_COMPLETED");
    expect(again.map((event) => event.kind)).not.toContain("STEP_REUSED");
  });

  it("B10: takes a structured input out of its envelope and in again", async () => {
    bed.write("lily.yaml", "schemas: { table.v1: ./table.json }\n");
    bed.write("table.json", JSON.stringify({ type: "object" }));
    bed.write("in.json", '{"b":1,"a":2}');
    const step = { run: ["sh", "-c", "cp $0 out.json", "${inputs.table}"], outputs: { out: { path: "out.json", schema: "table.v1" } } };
    const { view } = await bed.run(flow({ step }, { inputs: { table: { file: "in.json", schema: "table.v1" } } }));
    expect(view.status).toBe("succeeded");
    expect(await reproduce(view.run_id)).toMatchObject({ reproducible: true, steps: [{ verdicts: ["identical"] }], changes: [] });
  });

  it("B10: a run that failed is reproducible when it fails again in the same step", async () => {
    bed.write("ok", "");
    const { view } = await bed.run(flow({ a: sh("test -e ok && exit 3") }));
    expect(await reproduce(view.run_id)).toMatchObject({ reproducible: true, runs: [{ status: "FAILED" }], steps: [{ reproducible: null }] });
  });

  it("B10: a new run that was canceled is no evidence: it is not compared, and no more of them follow", async () => {
    bed.write("wait.sh", "test ! -e ../../slow && test ! -e slow || sleep 60; echo done > done.txt\n");
    const { view } = await bed.run(flow({ a: { run: ["sh", "wait.sh"], outputs: { text: { path: "done.txt" } } } }));
    bed.write("slow", "");
    const follow = async (handle: RunHandle): Promise<void> => {
      for await (const event of handle.events()) if (event.kind === "STEP_STARTED") await handle.cancel("enough");
    };
    const found = await reproduce(view.run_id, { times: 3, follow });
    expect(found).toMatchObject({
      reproducible: null,
      runs: [],
      steps: [],
      first_difference: null,
      interrupted: { run_status: "canceled", reason: expect.stringContaining("enough") },
    });
    expect(await (await bed.kernel()).runs.list()).toHaveLength(2);
  });

  it("B10: a new run that an escalation stopped is no evidence either", async () => {
    const { view } = await bed.run(flow({ a: sh("test ! -e slow || sleep 60; echo done > done.txt", { outputs: { text: { path: "done.txt" } } }) }));
    bed.write("slow", "");
    const follow = async (handle: RunHandle): Promise<void> => {
      const kernel = await bed.kernel();
      for await (const event of handle.events()) if (event.kind === "STEP_STARTED") await kernel.security.set("LOCKDOWN", "a drill");
    };
    const found = await reproduce(view.run_id, { follow });
    expect(found).toMatchObject({ reproducible: null, runs: [], first_difference: null, interrupted: { run_status: "incomplete" } });
  });

  it("B10: an output that a person replaced in the first run is named as the cause", async () => {
    const { view } = await bed.run(flow({ a: sh("echo one > a.txt", { outputs: { text: { path: "a.txt" } } }) }));
    const kernel = await bed.kernel();
    const file = bed.write("mended.txt", "two\n");
    await (await kernel.artifacts.replace(view.steps[0]?.produced_artifact_ids[0] ?? "", { file }, { reason: "a typo" })).done();
    const found = await reproduce(view.run_id);
    expect(found).toMatchObject({ reproducible: false, first_difference: { step_id: "a", causes: [{ kind: "replacement", name: "a.text", b: null }] } });
    expect(found.changes.map((change) => change.kind)).toEqual(["replacement"]);
  });

  it("B10: refuses what has no plan or was not finished, and numbers that are none", async () => {
    const kernel = await bed.kernel();
    const { run_id } = await kernel.runs.create({});
    expect(await refusalOf(reproduce(run_id))).toMatchObject({ code: "RUN_STATE_CONFLICT", message: expect.stringContaining("no plan") });
    for (const times of [0, 101, 1.5]) expect(await refusalOf(reproduce(run_id, { times }))).toMatchObject({ code: "USAGE_INVALID" });
    const handle = await bed.start(flow({ a: sh("sleep 60") }));
    for await (const event of handle.events()) if (event.kind === "STEP_STARTED") break;
    expect(await refusalOf(reproduce(handle.runId))).toMatchObject({ code: "RUN_STATE_CONFLICT", message: expect.stringContaining("not finished") });
    await handle.cancel("enough");
  });
});
