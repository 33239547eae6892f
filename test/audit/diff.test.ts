import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import type { RunComparison } from "../../src/audit/run-comparison.ts";
import { Bed, flow, sh } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(async () => {
  await bed.remove();
});

async function diff(a: string, b: string): Promise<RunComparison> {
  return (await bed.kernel()).audit.diff(a, b);
}

function verdicts(comparison: RunComparison): Readonly<Record<string, string>> {
  return Object.fromEntries(comparison.steps.map((step) => [step.step_id, step.verdict]));
}

/** clean -> report, and a step on its own; `clean.sh` decides what is written. */
function pipeline(more: JsonObject = {}): JsonObject {
  return flow(
    {
      clean: { run: ["sh", "clean.sh", "${inputs.csv}"], outputs: { table: { path: "out/clean.txt" } } },
      report: { run: ["sh", "-c", "cat $0 > out/report.txt", "${steps.clean.outputs.table}"], outputs: { text: { path: "out/report.txt" } } },
      alone: sh("mkdir -p out; echo alone > out/alone.txt", { outputs: { text: { path: "out/alone.txt" } } }),
    },
    { inputs: { csv: { file: "data.csv" } }, ...more },
  );
}

function arrange(): void {
  bed.write("data.csv", "a,b\n");
  bed.write("clean.sh", "mkdir -p out; cat $1 > out/clean.txt\n");
}

describe("comparing runs", () => {
  it("B10: two runs of the same on the same are the same, whatever their times and ids", async () => {
    arrange();
    const [a, b] = [await bed.run(pipeline()), await bed.run(pipeline())];
    expect(await diff(a.view.run_id, b.view.run_id)).toMatchObject({ same: true, changes: [], first_divergence: null, shared: null });
    expect(verdicts(await diff(a.view.run_id, b.view.run_id))).toEqual({ clean: "identical", report: "identical", alone: "identical" });
  });

  it("B10: a changed script is named, with the first step that diverged and those after it", async () => {
    arrange();
    const a = await bed.run(pipeline());
    bed.write("clean.sh", "mkdir -p out; (cat $1; echo more) > out/clean.txt\n");
    const b = await bed.run(pipeline());
    const comparison = await diff(a.view.run_id, b.view.run_id);
    expect(comparison.same).toBe(false);
    expect(comparison.changes).toMatchObject([{ kind: "code", name: "clean.sh" }]);
    expect(verdicts(comparison)).toEqual({ clean: "diverged", report: "diverged", alone: "identical" });
    expect(comparison.first_divergence).toMatchObject({
      step_id: "clean",
      reason: "output table: the files have other bytes",
      causes: [{ kind: "code", name: "clean.sh" }],
    });
  });

  it("B10: a changed input is named with both digests, and is no cause for a step that cannot see it", async () => {
    arrange();
    const a = await bed.run(pipeline());
    bed.write("data.csv", "c,d\n");
    const b = await bed.run(pipeline());
    const comparison = await diff(a.view.run_id, b.view.run_id);
    expect(comparison.changes).toEqual([{ kind: "input", name: "csv", a: expect.stringMatching(/^sha256:/), b: expect.stringMatching(/^sha256:/) }]);
    expect(comparison.first_divergence).toMatchObject({ step_id: "clean", causes: [{ kind: "input", name: "csv" }] });
  });

  it("B10: a parameter, a policy, a step that only one plan has and the outcome are all told", async () => {
    arrange();
    const params = { params: { year: { type: "integer", default: 2015 } } };
    const a = await bed.run(pipeline(params));
    const document = pipeline({ ...params, policy: { attempts_max: 3 } });
    const extra = {
      ...(document["steps"] as JsonObject),
      extra: sh("exit 3", { needs: ["report", "alone"] }),
      alone: sh("mkdir -p out; echo ${params.year} > out/alone.txt", { outputs: { text: { path: "out/alone.txt" } } }),
    };
    const b = await bed.run({ ...document, steps: extra }, { params: { year: 2016 } });
    const comparison = await diff(a.view.run_id, b.view.run_id);
    expect(comparison.changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["param year", "policy attempts_max", "step alone.executor", "step extra"]);
    expect(comparison).toMatchObject({ same: false, a: { status: "COMPLETED" }, b: { status: "FAILED" } });
    expect(verdicts(comparison)).toMatchObject({ clean: "identical", extra: "only_in_b" });
  });

  it("B10: steps that differ by themselves are told as such", async () => {
    const document = flow({ a: sh("head -c 16 /dev/urandom | od -An -tx1 > r.txt", { outputs: { random: { path: "r.txt" } } }) });
    const [a, b] = [await bed.run(document), await bed.run(document)];
    const comparison = await diff(a.view.run_id, b.view.run_id);
    expect(comparison).toMatchObject({ same: false, changes: [], first_divergence: { step_id: "a", causes: [] } });
  });

  it("B10: a failure is compared with a success by how the step rests, and without outputs there is nothing to compare", async () => {
    const document = flow({ a: sh("test -e ok"), b: sh("true", { needs: ["a"] }) });
    const a = await bed.run(document);
    bed.write("ok", "");
    const b = await bed.run(document);
    const comparison = await diff(a.view.run_id, b.view.run_id);
    expect(comparison.steps).toMatchObject([
      { step_id: "a", verdict: "diverged", reason: "failed in A, succeeded in B", same: false },
      { step_id: "b", verdict: "diverged", same: false },
    ]);
    expect((await diff(a.view.run_id, a.view.run_id)).same).toBe(true);
    expect((await diff(b.view.run_id, b.view.run_id)).steps).toMatchObject([
      { verdict: "not_comparable", reason: "the step has no outputs", same: true },
      { verdict: "not_comparable", same: true },
    ]);
  });

  it("B5: structured outputs are compared by payload, and members that their schema lets vary do not count", async () => {
    bed.write("lily.yaml", "schemas: { report.v1: ./report.json }\n");
    bed.write("report.json", JSON.stringify({ type: "object", properties: { rows: { type: "integer" }, at: { type: "integer", "x-lily-varies": true } } }));
    const write = (rows: string, at: string): JsonObject =>
      flow({ a: sh(`printf '{"rows":%s,"at":%s}' "${rows}" "${at}" > r.json`, { outputs: { report: { path: "r.json", schema: "report.v1" } } }) });
    const first = (await bed.run(write("3", "1"))).view.run_id;
    const again = (await bed.run(write("3", "1"))).view.run_id;
    const later = (await bed.run(write("3", "2"))).view.run_id;
    const other = (await bed.run(write("4", "2"))).view.run_id;
    expect((await diff(first, again)).steps).toMatchObject([{ verdict: "identical", same: true }]);
    expect((await diff(first, later)).steps).toMatchObject([
      { verdict: "equal_by_schema", same: true, reason: expect.stringContaining("only where report.v1 says") },
    ]);
    expect((await diff(first, other)).steps).toMatchObject([{ verdict: "diverged", same: false, reason: "output report: the payloads differ at /rows" }]);
    bed.write("report.json", JSON.stringify({ type: "object" }));
    expect((await diff(first, later)).steps).toMatchObject([{ verdict: "diverged", reason: "output report: the payloads differ at /at" }]);
  });

  it("B10: gates are compared by their newest verdicts, with the metrics that differ", async () => {
    bed.write("rows.txt", "3");
    const gates = [{ id: "rows", run: ["sh", "-c", "test $(cat rows.txt) -gt 2"] }];
    const document = flow({ a: sh("true", { gates }) });
    const a = await bed.run(document);
    bed.write("rows.txt", "1");
    const b = await bed.run(document);
    expect((await diff(a.view.run_id, b.view.run_id)).gates).toEqual([{ gate: "a/rows", a: "passed", b: "failed", metrics: [] }]);
  });
});

describe("comparing runs in which a person replaced an output", () => {
  it("B10: the replacement is named as the cause, also when a fork kept it", async () => {
    const looked = ["test", "-e", bed.write("looked-at", "")];
    const steps = {
      clean: { ...sh("echo made > clean.txt", { outputs: { table: { path: "clean.txt" } } }), gates: [{ id: "looked-at", run: looked }] },
      report: { run: ["sh", "-c", "cat $0 > report.txt", "${steps.clean.outputs.table}"], outputs: { text: { path: "report.txt" } } },
    };
    const first = (await bed.run(flow(steps))).view.run_id;
    rmSync(join(bed.dir, "looked-at"));
    const second = (await bed.run(flow(steps))).view;
    bed.write("looked-at", "");
    const kernel = await bed.kernel();
    const clean = second.steps.find((step) => step.step_id === "clean")?.produced_artifact_ids[0] ?? "";
    const file = bed.write("mended.txt", "by hand\n");
    await (await kernel.artifacts.replace(clean, { file }, { reason: "a typo" })).done();
    const cause = { kind: "replacement", name: "clean.table", a: null, b: expect.stringContaining(" by ") };
    expect(await diff(first, second.run_id)).toMatchObject({
      same: false,
      changes: [cause],
      first_divergence: { step_id: "clean", causes: [cause] },
    });
    const fork = (await (await kernel.runs.fork(second.run_id, { from: ["report"], reason: "again" })).done()).run_id;
    expect((await bed.events(fork)).find((event) => event.kind === "STEP_REUSED")?.data).toMatchObject({ step_id: "clean" });
    expect((await diff(first, fork)).first_divergence).toMatchObject({ step_id: "clean", causes: [cause] });
    expect((await diff(second.run_id, fork)).changes).toEqual([]);
  });
});

describe("comparing a fork", () => {
  it("B5: says what is shared and proven, and gives each later step its verdict", async () => {
    arrange();
    const first = (await bed.run(pipeline())).view.run_id;
    const kernel = await bed.kernel();
    const fork = (await (await kernel.runs.fork(first, { from: ["report"], reason: "again" })).done()).run_id;
    const comparison = await diff(first, fork);
    expect(comparison.shared).toMatchObject({ fork: "b", proven: true, step_ids: ["report"] });
    expect(comparison.steps.find((step) => step.step_id === "clean")).toMatchObject({
      verdict: "identical",
      b: { reused_from: `${first}/clean/1`, attempts: 0 },
    });
    expect(comparison.steps.find((step) => step.step_id === "report")).toMatchObject({ verdict: "identical", b: { reused_from: null, attempts: 1 } });
    expect((await diff(fork, first)).shared).toMatchObject({ fork: "a", proven: true });
    const graph = await kernel.provenance(fork);
    expect(graph.edges.map((edge) => edge.kind)).toContain("forked");
  });
});
