import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LilyError } from "../../src/base/lily-error.ts";
import type { LeaseStore } from "../../src/ports/lease-store.ts";
import { Bed, flow, sh, stepOf, traceOf, until } from "./bed.ts";
import { openWith, replaced } from "./parts-bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const definitions = new URL("../../src/runtime/define-module.ts", import.meta.url).href;
const fastRetry = (max: number) => ({ max, backoff: "1ms", max_backoff: "2ms" });

/** Registers one module `m` with this body; `context`, `input` and `hub` (a global of its own) are in reach. */
function module(body: string): Map<string, unknown> {
  const hub = new Map<string, unknown>();
  const name = `hub-${Math.random()}`;
  Reflect.set(globalThis, name, hub);
  bed.write("lily.yaml", "modules: {m: ./m.mjs}\nschemas: {row.v1: ./row.json}\n");
  bed.write("row.json", '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}');
  bed.write(
    "m.mjs",
    `import { defineModule } from ${JSON.stringify(definitions)};\nconst hub = globalThis[${JSON.stringify(name)}] ?? new Map();\nexport const m = defineModule({ name: "m", version: "1", async run(context, input) { ${body} } });\n`,
  );
  return hub;
}

describe("modules", () => {
  test("get typed values and files, and return outputs by name; a next step is given them", async () => {
    module("context.log(`at ${context.cwd} ${context.attempt}`); return { total: input.row.n + input.year, list: [input.csv.size] };");
    bed.write("in.csv", "a,b\n");
    const { view } = await bed.run(
      flow(
        {
          make: sh(`echo '{"n":2}' > row.out; echo x > r.txt`, { outputs: { row: { path: "row.out", schema: "row.v1" } } }),
          sum: { module: "m", with: { row: "${steps.make.outputs.row}", year: "${params.year}", csv: "${inputs.csv}" }, outputs: { total: {}, list: {} } },
          show: { run: ["cat", "${steps.sum.outputs.total}"] },
        },
        { params: { year: { type: "integer", default: 10 } }, inputs: { csv: { file: "in.csv" } } },
      ),
    );
    const kernel = await bed.kernel();
    const values = await Promise.all(stepOf(view, "sum").produced_artifact_ids.map(async (id) => new TextDecoder().decode(await kernel.artifacts.get(id))));
    expect(values).toEqual(["[4]", "12"]);
    const [log] = await kernel.runs.logs(view.run_id, { step: "sum" });
    expect(stepOf(view, "sum").attempts[0]).toMatchObject({ log_paths: [log?.path], executor_summary: { kind: "module" } });
  });

  const failures: readonly (readonly [string, string, object, string, RegExp])[] = [
    ["throws", "throw new Error('broken')", {}, "MODULE_FAILED", /broken/],
    ["throws what is no error", "throw 'text'", {}, "MODULE_FAILED", /text/],
    [
      "throws an error that is not well-formed Unicode and long",
      "throw new Error('\\ud800' + '😀'.repeat(4000))",
      {},
      "MODULE_FAILED",
      /^\ufffd|not JSON that Lily takes/,
    ],
    ["leaves an output out", "return {}", { outputs: { v: {} } }, "STEP_OUTPUT_MISSING", /output v/],
    ["returns what does not fit the schema", "return { v: { n: 'x' } }", { outputs: { v: { schema: "row.v1" } } }, "STEP_OUTPUT_INVALID", /row\.v1/],
    ["returns a lone surrogate", "return { v: '\\ud800' }", { outputs: { v: {} } }, "", /./],
    ["returns a function", "return { v: () => 1 }", { outputs: { v: {} } }, "", /./],
    ["returns a cycle", "const v = {}; v.v = v; return { v }", { outputs: { v: {} } }, "", /./],
    ["logs what is no text", "context.log(7)", {}, "MODULE_FAILED", /./],
  ];
  for (const isolation of ["none", "process"]) {
    for (const [what, body, more, code, reason] of failures) {
      if (isolation === "process" && what === "logs what is no text") continue;
      test(`one that ${what} fails its step and nothing else (isolation: ${isolation})`, async () => {
        module(body);
        const { view } = await bed.run(flow({ a: { module: "m", isolation, ...more } }));
        expect(view.status).toBe("failed");
        const error = stepOf(view, "a").attempts[0]?.error;
        if (code !== "") expect(error?.code).toBe(code);
        expect(error?.reason).toMatch(reason);
        await bed.expectAnchored(view.run_id);
      });
    }
  }

  test("an optional value may be left out", async () => {
    module("return {}");
    const { view } = await bed.run(flow({ a: { module: "m", outputs: { v: { optional: true } } } }));
    expect(view.status).toBe("succeeded");
  });

  test("a log beyond its limit is cut and marked", async () => {
    module("for (let i = 0; i < 1000; i++) context.log('0123456789é');");
    const { view } = await bed.run(flow({ a: { module: "m", log_limit: 1_024 } }));
    const [log] = await (await bed.kernel()).runs.logs(view.run_id);
    expect(log?.size).toBeLessThanOrEqual(1_024);
    expect(stepOf(view, "a").attempts[0]?.executor_summary).toMatchObject({ output_cut: true, stdout_bytes: log?.size });
  });

  test("a module whose file changed while the run waits is WORKFLOW_DRIFT", async () => {
    module("return {}");
    const { view } = await bed.run(flow({ change: sh("echo '// more' >> m.mjs"), a: { module: "m", needs: ["change"] } }));
    expect(stepOf(view, "a").attempts[0]?.error?.code).toBe("WORKFLOW_DRIFT");
  });
});

describe("ending a module", () => {
  test("a timeout is told to it through its signal; one that stops ends as timeout and is retried", async () => {
    module("if (context.attempt > 1) return; await new Promise((resolve) => context.signal.addEventListener('abort', resolve));");
    const { view } = await bed.run(flow({ a: { module: "m", timeout: "50ms", retry: fastRetry(1) } }));
    expect(view.status).toBe("succeeded");
    expect(stepOf(view, "a").attempts.map((one) => one.outcome)).toEqual(["timeout", "completed"]);
  });

  test("E6: one that goes on is ABANDONED, its context refuses, and no attempt starts until it settled, while other steps go on", async () => {
    const hub = module(`
      hub.set("starts", (hub.get("starts") ?? 0) + 1);
      if (context.attempt > 1) return;
      await new Promise((resolve) => hub.set("release", resolve));
      for (const use of [() => context.env, () => context.cwd, () => context.log("late")]) try { use(); hub.set("served", true); } catch (error) { hub.set("code", error.code); }`);
    const document = flow({
      a: { module: "m", timeout: "50ms", retry: fastRetry(1) },
      b: sh("until test -e go; do sleep 0.02; done"),
      c: sh("touch c-ran", { needs: ["b"] }),
    });
    const handle = await bed.start(document, { parallel: 2 });
    const kernel = await bed.kernel();
    await until(async () => (await kernel.runs.show(handle.runId)).steps.some((step) => step.step_id === "a" && step.attempts[0]?.outcome === "interrupted"));
    bed.write("go", "");
    await until(async () => stepOf(await kernel.runs.show(handle.runId), "c").status === "succeeded");
    expect(stepOf(await kernel.runs.show(handle.runId), "a").attempts).toHaveLength(1);
    expect(hub.get("starts")).toBe(1);
    const release = hub.get("release");
    if (typeof release === "function") release();
    const { view, events } = await bed.finish(handle);
    expect(view.status).toBe("succeeded");
    expect(traceOf(events)).toContain("STEP_INTERRUPTED a/1");
    expect(events.find((event) => event.kind === "STEP_INTERRUPTED")?.data).toMatchObject({ reason: "abandoned" });
    expect([hub.get("starts"), hub.get("code"), hub.get("served")]).toEqual([2, "CONTEXT_REVOKED", undefined]);
  });

  test("E6: a cancel names the code that goes on, and the run still rests", async () => {
    const hub = module("await new Promise((resolve) => hub.set('release', resolve));");
    const handle = await bed.start(flow({ a: { module: "m" } }));
    await until(() => hub.has("release"));
    await handle.cancel("stop");
    const { view, events } = await bed.finish(handle);
    expect(view.status).toBe("canceled");
    expect(events.find((event) => event.kind === "STEP_INTERRUPTED")?.data).toMatchObject({ reason: "abandoned" });
    const release = hub.get("release");
    if (typeof release === "function") release();
    await bed.expectAnchored(view.run_id);
  });

  test("E6: code that goes on after a fault ended the run is waited for when the same kernel resumes it", async () => {
    const hub = module(`
      hub.set("starts", (hub.get("starts") ?? 0) + 1);
      if (hub.get("starts") === 1) await new Promise((resolve) => hub.set("release", resolve));`);
    let broken = false;
    const kernel = await openWith(bed, ({ authority }) => {
      const { leases } = authority;
      const stopRequest: LeaseStore["stopRequest"] = async (run) => {
        if (broken) throw new LilyError("STORAGE_FULL", "the disk is full");
        return leases.stopRequest(run);
      };
      return { authority: replaced(authority, { leases: replaced(leases, { stopRequest }) }) };
    });
    const document = flow({ a: { module: "m" }, b: sh("test -e resumed && touch b-ran"), c: sh("true", { needs: ["b"] }) }, { policy: { attempts_max: 5 } });
    const handle = await kernel.runs.start({ document, dir: bed.dir }, { parallel: 1 });
    await until(() => hub.has("release"));
    broken = true;
    await expect(handle.done()).rejects.toMatchObject({ code: "STORAGE_FULL" });
    broken = false;
    bed.write("resumed", "");
    const again = await kernel.runs.resume(handle.runId, { parallel: 2 });
    await until(async () => stepOf(await kernel.runs.show(handle.runId), "c").status === "succeeded");
    expect(hub.get("starts")).toBe(1);
    const release = hub.get("release");
    if (typeof release === "function") release();
    expect((await again.done()).status).toBe("succeeded");
    expect(hub.get("starts")).toBe(2);
    await kernel.close();
  });

  test("E6: with isolation: process a module that goes on is killed, and the attempt is a timeout", async () => {
    module("const { writeFileSync } = await import('node:fs'); writeFileSync('pid', String(process.pid)); for (;;) {}");
    const { view } = await bed.run(flow({ a: { module: "m", isolation: "process", timeout: "1s" } }));
    expect(stepOf(view, "a").attempts[0]).toMatchObject({ outcome: "timeout", error: { code: "STEP_TIMEOUT" } });
    expect(() => process.kill(Number(bed.read("pid")), 0)).toThrow(/ESRCH/);
  });

  test("a cancel lets a module that listens end in time", async () => {
    const hub = module("hub.set('on', 1); await new Promise((resolve) => context.signal.addEventListener('abort', resolve)); return { v: 1 };");
    const handle = await bed.start(flow({ a: { module: "m", outputs: { v: {} } } }));
    await until(() => hub.has("on"));
    await handle.cancel("stop");
    const { view, events } = await bed.finish(handle);
    expect(view.status).toBe("canceled");
    expect(events.find((event) => event.kind === "STEP_INTERRUPTED")?.data).toMatchObject({ reason: "cancel" });
  });
});
