/** Gates that are judged by a module, end to end: of lily.yaml and of packs. */
import { afterEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import { Bed, flow, type Ran, sh, stepOf, until } from "../runtime/bed.ts";
import { manifestText, moduleText, writePacks } from "./pack-bed.ts";

let bed = new Bed();

afterEach(async () => {
  await bed.remove();
  bed = new Bed();
});

function judge(body: string): void {
  writePacks(bed, { p: { manifest: manifestText("p", { modules: { "p.judge": "judge.mjs" } }), files: { "judge.mjs": moduleText(body) } } });
}

function gated(gate: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return flow({ a: sh("echo 7 > out.txt", { outputs: { out: { path: "out.txt" } }, gates: [{ id: "g", module: "p.judge", ...gate }], ...more }) });
}

function verdictOf({ events }: Ran): { readonly kind: string; readonly reason: string | null; readonly metrics: unknown; readonly logs: number } {
  const event = events.find((one) => one.kind === "GATE_PASSED" || one.kind === "GATE_FAILED" || one.kind === "GATE_ERROR");
  if (event === undefined || !("gate_id" in event.data) || !("log_artifact_ids" in event.data)) throw new Error("the gate was not judged");
  return { kind: event.kind, reason: event.data.reason, metrics: event.data.metrics, logs: event.data.log_artifact_ids.length };
}

const returns = (value: string) => `return ${value};`;

describe("E4: a gate that a module judges", () => {
  test.each([
    ["a clear pass", returns("{ passed: true }"), "GATE_PASSED", null],
    ["a clear failure", returns('{ passed: false, reason: "3 rows are missing", metrics: { missing: 3 } }'), "GATE_FAILED", "3 rows are missing"],
    ["a failure without a reason", returns("{ passed: false }"), "GATE_FAILED", "gave no reason"],
    ["a passed of 1", returns("{ passed: 1 }"), "GATE_ERROR", "neither true nor false"],
    ["a passed as text", returns('{ passed: "true" }'), "GATE_ERROR", "neither true nor false"],
    ["nothing", returns("undefined"), "GATE_ERROR", "no passed"],
    ["null", returns("null"), "GATE_ERROR", "no passed"],
    ["true alone", returns("true"), "GATE_ERROR", "not an object"],
    ["a list", returns("[true]"), "GATE_ERROR", "not an object"],
    ["a member that means nothing", returns('{ passed: true, status: "failed" }'), "GATE_ERROR", 'unknown member "status"'],
    ["a reason that is no text", returns("{ passed: true, reason: 5 }"), "GATE_ERROR", "reason that is no text"],
    ["metrics as a list", returns("{ passed: true, metrics: [1] }"), "GATE_ERROR", "metrics"],
    ["a metric that is a text", returns('{ passed: true, metrics: { rows: "7" } }'), "GATE_ERROR", "metrics"],
    ["a metric that is no number", returns("{ passed: true, metrics: { rows: NaN } }"), "GATE_ERROR", "MODULE_FAILED"],
    ["a throw", 'throw new Error("the table is gone");', "GATE_ERROR", "the table is gone"],
    ["a rejection after a while", 'await null; throw "no error at all";', "GATE_ERROR", "no error at all"],
    ["a crash", "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {});", "GATE_ERROR", "SIGKILL"],
    ["an exit with 0", "process.exit(0);", "GATE_ERROR", "before it gave a result"],
    ["an exit with 3", "process.exit(3);", "GATE_ERROR", "exited with 3"],
    ["a side effect", 'context.effect({ category: "network", description: "posted" }); return { passed: true };', "GATE_ERROR", "changes nothing"],
  ])("%s", async (_name, body, kind, reason) => {
    judge(body);
    const ran = await bed.run(gated());
    const verdict = verdictOf(ran);
    expect(verdict.kind, verdict.reason ?? "").toBe(kind);
    if (reason === null) expect(verdict.reason).toBeNull();
    else expect(verdict.reason).toContain(reason);
    expect(ran.view.status).toBe(kind === "GATE_PASSED" ? "succeeded" : "failed");
    await bed.expectAnchored(ran.view.run_id);
  });

  test("E6: a module that hangs is ended at the gate's timeout with all it started", async () => {
    judge(`const { spawn } = await import("node:child_process"); const { writeFileSync } = await import("node:fs");
      const child = spawn("sleep", ["1000"]); writeFileSync(context.cwd + "/pids", process.pid + " " + child.pid); await new Promise(() => setInterval(() => {}, 1000));`);
    const ran = await bed.run(gated({ timeout: "2s" }));
    expect(verdictOf(ran)).toMatchObject({ kind: "GATE_ERROR", reason: expect.stringContaining("longer than its timeout") });
    for (const pid of bed.read("pids").split(" ")) expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH");
  });

  test("E6: cancelling the run ends the module", async () => {
    judge(
      `const { writeFileSync } = await import("node:fs"); writeFileSync(context.cwd + "/pid", String(process.pid)); await new Promise(() => setInterval(() => {}, 1000));`,
    );
    const handle = await bed.start(gated());
    await until(() => bed.has("pid") && bed.read("pid") !== "");
    await handle.cancel("enough");
    expect((await handle.done()).status).toBe("canceled");
    expect(() => process.kill(Number(bed.read("pid")), 0)).toThrow("ESRCH");
  });

  test("S4: the value of a secret of the step reaches neither reason nor log, and the module gets no secret", async () => {
    process.env["PACK_SECRET"] = "s3cr3t-value";
    try {
      judge(
        `context.log("saw s3cr3t-value"); return { passed: false, reason: "s3cr3t-value was printed; env has " + (context.env.PACK_SECRET ?? process.env.PACK_SECRET ?? "none") };`,
      );
      const ran = await bed.run(gated({}, { secrets: ["PACK_SECRET"] }));
      expect(verdictOf(ran)).toMatchObject({ kind: "GATE_FAILED", reason: expect.stringContaining("env has none"), logs: 1 });
      expect(JSON.stringify(ran.events)).not.toContain("s3cr3t-value");
      const logs = await (await bed.kernel()).runs.checkedLogs(ran.view.run_id, { gate: "g" });
      expect(logs.map((log) => log.state)).toEqual(["recorded"]);
    } finally {
      delete process.env["PACK_SECRET"];
    }
  });

  test("values, params and files arrive typed", async () => {
    judge(`const { readFileSync } = await import("node:fs");
      context.log("looked");
      return { passed: Number(readFileSync(input.file.path, "utf8")) === input.least && input.list[1] === true, metrics: { size: input.file.size } };`);
    const document = {
      ...gated({ with: { file: "${steps.a.outputs.out}", least: "${params.least}", list: ["x", true] } }),
      params: { least: { type: "integer", default: 7 } },
    };
    const ran = await bed.run(document);
    expect(verdictOf(ran)).toEqual({ kind: "GATE_PASSED", reason: null, metrics: { size: 2 }, logs: 1 });
    expect(stepOf(ran.view, "a").status).toBe("succeeded");
  });

  test("a gate of the run waits for what it names, and a module of lily.yaml may run in the process of Lily", async () => {
    bed.write("lily.yaml", "modules: { own.judge: ./judge.mjs }\n");
    bed.write("judge.mjs", moduleText("return { passed: input.file.size === 2 };"));
    const gate = { id: "g", module: "own.judge", with: { file: "${steps.a.outputs.out}" } };
    const document = flow({ a: sh("echo 7 > out.txt", { outputs: { out: { path: "out.txt" } } }) }, { gates: [gate] });
    const { plan } = await (await bed.kernel()).workflows.plan({ document, dir: bed.dir });
    expect(plan.gates[0]?.check).toMatchObject({ kind: "module", isolation: "none" });
    expect(plan.code.map((file) => file.path)).toContain("judge.mjs");
    expect(verdictOf(await bed.run(document))).toMatchObject({ kind: "GATE_PASSED" });
  });

  test("E6: in-process code that goes on after the gate's timeout is an error", async () => {
    bed.write("lily.yaml", "modules: { own.judge: ./judge.mjs }\n");
    const held = Promise.withResolvers<{ readonly passed: boolean }>();
    Reflect.set(globalThis, "lilyHeldGate", held.promise);
    bed.write("judge.mjs", moduleText("return await globalThis.lilyHeldGate;"));
    const ran = await bed.run(flow({ a: sh("true", { gates: [{ id: "g", module: "own.judge", timeout: "100ms" }] }) }));
    held.resolve({ passed: true });
    expect(verdictOf(ran)).toMatchObject({ kind: "GATE_ERROR", reason: expect.stringContaining("longer than its timeout") });
  });

  test("a module that is not the one the plan binds is an error, never a pass", async () => {
    judge(returns("{ passed: true }"));
    const document = gated();
    const slow = { ...document, steps: { ...(document["steps"] as JsonObject), first: sh("while [ ! -e go ]; do sleep 0.05; done") } };
    (slow.steps as Record<string, JsonObject>)["a"] = { ...(slow.steps as Record<string, JsonObject>)["a"], needs: ["first"] };
    const handle = await bed.start(slow);
    await until(async () => (await bed.events(handle.runId)).some((event) => event.kind === "STEP_STARTED"));
    bed.append("packs/p/judge.mjs", "\n// another\n");
    bed.write("go", "");
    const ran = await bed.finish(handle);
    expect(verdictOf(ran)).toMatchObject({ kind: "GATE_ERROR", reason: expect.stringContaining("WORKFLOW_DRIFT") });
  });
});
