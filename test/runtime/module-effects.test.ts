import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bed, flow, until } from "./bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const definitions = new URL("../../src/runtime/define-module.ts", import.meta.url).href;

/** Registers one module `m` with this body. */
function module(body: string): void {
  bed.write("lily.yaml", "modules: {m: ./m.mjs}\n");
  bed.write(
    "m.mjs",
    `import { writeFileSync } from "node:fs";\nimport { defineModule } from ${JSON.stringify(definitions)};\nexport const m = defineModule({ name: "m", version: "1", async run(context, input) { ${body} } });\n`,
  );
}

const sent = 'context.effect({ category: "network", description: "sent mail 17", reversible: false, details: { key: context.env.KEY ?? "none" } });';

describe.each(["none", "process"])("side effects that a module reports (isolation: %s)", (isolation) => {
  const run = (more = {}) => bed.run(flow({ a: { module: "m", isolation, ...more } }));

  test("H4: are in the record before the end of the attempt that reports them", async () => {
    module(`${sent} return {};`);
    const { view, events } = await run();
    expect(view.status).toBe("succeeded");
    const kinds = events.map((event) => event.kind);
    const effect = events.find((event) => event.kind === "SIDE_EFFECT_OBSERVED");
    expect(effect?.data).toEqual({
      step_id: "a",
      attempt: 1,
      category: "network",
      description: "sent mail 17",
      reversible: false,
      source: "module",
      details: { key: "none" },
    });
    expect(kinds.indexOf("SIDE_EFFECT_OBSERVED")).toBeLessThan(kinds.indexOf("STEP_COMPLETED"));
    await bed.expectAnchored(view.run_id);
  });

  test("stay when the attempt fails, and belong to their attempt", async () => {
    module(`${sent} throw new Error("no");`);
    const { events } = await run({ retry: { max: 1, backoff: "1ms", max_backoff: "1ms" } });
    const effects = events.filter((event) => event.kind === "SIDE_EFFECT_OBSERVED");
    expect(effects.map(({ data }) => data.attempt)).toEqual([1, 2]);
  });

  test("H4: stay when the attempt is ended from outside right after the report", async () => {
    module(
      `${sent} writeFileSync(context.cwd + "/said", ""); await new Promise((resolve) => { const alive = setInterval(() => {}, 50); context.signal.addEventListener("abort", () => { clearInterval(alive); resolve(); }); });`,
    );
    const handle = await bed.start(flow({ a: { module: "m", isolation } }));
    await until(() => bed.has("said"));
    await handle.cancel("enough");
    const { view, events } = await bed.finish(handle);
    expect(view.status).toBe("canceled");
    expect(events.flatMap((event) => (event.kind === "SIDE_EFFECT_OBSERVED" || event.kind === "STEP_INTERRUPTED" ? [event.kind] : []))).toEqual([
      "SIDE_EFFECT_OBSERVED",
      "STEP_INTERRUPTED",
    ]);
  });

  test("S4: hold no secret of the step, neither in the record nor where the isolated process leaves them", async () => {
    process.env["KEY"] = 'hunter2"\\hunter2';
    module(`${sent} return {};`);
    const { events } = await run({ secrets: ["KEY"] });
    delete process.env["KEY"];
    expect(events.find((event) => event.kind === "SIDE_EFFECT_OBSERVED")?.data).toMatchObject({ details: { key: "[redacted]" } });
    expect(JSON.stringify(events)).not.toContain("hunter2");
  });

  test("MODULE_FAILED: a report that is none fails the step that makes it", async () => {
    module('context.effect({ category: "magic", description: "x" }); return {};');
    const { view, events } = await run();
    expect(view.status).toBe("failed");
    expect(events.find((event) => event.kind === "STEP_FAILED")?.data).toMatchObject({ code: "MODULE_FAILED", reason: expect.stringContaining("category") });
  });

  test("are bounded: of 5,000 the record holds 100, and one that says so", async () => {
    module('for (let n = 0; n < 5000; n++) context.effect({ category: "other", description: `effect ${n}` }); return {};');
    const { view, events } = await run();
    expect(view.status).toBe("succeeded");
    expect(events.filter((event) => event.kind === "SIDE_EFFECT_OBSERVED")).toHaveLength(101);
  });
});

test("a context that was revoked refuses to report", async () => {
  module(
    `const at = context.cwd; writeFileSync(at + "/ready", ""); await new Promise((resolve) => context.signal.addEventListener("abort", resolve)); try { ${sent} } catch (thrown) { writeFileSync(at + "/refused", String(thrown.code)); }`,
  );
  const handle = await bed.start(flow({ a: { module: "m" } }));
  await until(() => bed.has("ready"));
  await handle.cancel("enough");
  const { events } = await bed.finish(handle);
  await until(() => bed.has("refused"));
  expect(bed.read("refused")).toBe("CONTEXT_REVOKED");
  expect(events.some((event) => event.kind === "SIDE_EFFECT_OBSERVED")).toBe(false);
});

test("processes that a command leaves behind are an effect that the runner saw", async () => {
  const { events } = await bed.run(flow({ a: { run: ["sh", "-c", "sleep 60 & exit 0"] } }));
  expect(events.find((event) => event.kind === "SIDE_EFFECT_OBSERVED")?.data).toEqual({
    step_id: "a",
    attempt: 1,
    category: "system",
    description: "1 process was left behind, and ended",
    reversible: null,
    source: "runner",
  });
});
