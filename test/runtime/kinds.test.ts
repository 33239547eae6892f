/** Outputs, inputs and gates of each kind, in each folder. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bed, flow, sh, stepOf } from "./bed.ts";

const definitions = new URL("../../src/runtime/define-module.ts", import.meta.url).href;
let bed: Bed;
beforeEach(() => {
  bed = new Bed();
  bed.write("row.json", '{"type":"object"}');
  bed.write("lily.yaml", "schemas: { row.v1: row.json }\nmodules: { m: ./m.mjs }\n");
  bed.write(
    "m.mjs",
    `import { writeFileSync } from "node:fs"; import { defineModule } from ${JSON.stringify(definitions)};
export const m = defineModule({ name: "m", version: "1", run(context) { writeFileSync(context.cwd + "/f", "x"); return { row: { n: 1 } }; } });`,
  );
});
afterEach(() => bed.remove());

describe("outputs", () => {
  test("a module may leave a file and return a value that fits a schema", async () => {
    const { view } = await bed.run(flow({ a: { module: "m", outputs: { row: { schema: "row.v1" }, f: { path: "f" } } } }));
    expect(view.status).toBe("succeeded");
    const names = (await (await bed.kernel()).artifacts.list({ run_id: view.run_id })).map((one) => `${one.artifact_name} ${one.artifact_type}`);
    expect(names).toEqual(expect.arrayContaining(["row row.v1", "f file"]));
  });

  for (const [count, words] of [
    [1, "1 matching file was there before and the step did not write it"],
    [2, "2 matching files were there before and the step did not write them"],
  ] as const) {
    test(`A1: ${count} that a glob finds from before the step are not its outputs`, async () => {
      for (let at = 0; at < count; at++) bed.write(`g/${at}`, "old");
      const { view } = await bed.run(flow({ a: sh("true", { outputs: { o: { glob: "g/*" } } }) }));
      expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "STEP_OUTPUT_MISSING", reason: expect.stringContaining(words) });
    });
  }

  test("a folder that nothing was written into is named as it was given, and a long path gets a short name", async () => {
    const missing = await bed.run(flow({ a: sh("true", { outputs: { o: { glob: "out{,/**}" } } }) }));
    expect(stepOf(missing.view, "a").attempts[0]?.error?.reason).toContain("matches out");
    const long = "x".repeat(200);
    const { view } = await bed.run(flow({ a: sh(`mkdir -p ${long}; echo 1 > ${long}/${long}`, { outputs: { o: { glob: `${long}/*` } } }) }));
    const [made] = stepOf(view, "a").produced_artifact_ids;
    expect((await (await bed.kernel()).artifacts.show(made ?? "")).artifact_name).toMatch(/^o\/[0-9a-f]{32}$/);
  });

  test("E6: processes that a command leaves behind are ended and counted", async () => {
    const { view } = await bed.run(flow({ a: sh("setsid sleep 60 > /dev/null 2>&1 & sleep 0.2") }));
    expect(stepOf(view, "a").attempts[0]?.executor_summary).toMatchObject({ survivors_killed: 1 });
  });
});

describe("an isolated step", () => {
  const isolated = { workdir: "isolated" };

  test("WORKFLOW_DRIFT: does not run code that an earlier step changed", async () => {
    bed.write("a.sh", "echo a");
    const { view } = await bed.run(flow({ first: sh("echo other > a.sh"), a: { run: ["sh", "a.sh"], needs: ["first"], ...isolated } }));
    expect(stepOf(view, "a").attempts[0]?.error?.code).toBe("WORKFLOW_DRIFT");
  });

  test("finds inputs with a place of their own in place; one that is only given with the start has none", async () => {
    bed.write("in.csv", "in");
    const given = bed.write("given.csv", "given");
    const document = flow(
      { a: { run: ["cat", "in.csv", "${inputs.other}", "${inputs.other}"], ...isolated } },
      { inputs: { csv: { file: "in.csv" }, other: {} } },
    );
    const { view } = await bed.run(document, { inputs: { other: given } });
    expect(view.status).toBe("succeeded");
    const [log] = await (await bed.kernel()).runs.logs(view.run_id, { step: "a" });
    expect(bed.read(`.lily/runs/${view.run_id}/${log?.path ?? ""}`)).toBe("ingivengiven");
  });

  test("is judged by a hash gate in its own folder", async () => {
    const gate = { id: "h", hash: { law: "json_verdict", root: "v.json", pointer: "/ok", equals: true } };
    const { view } = await bed.run(flow({ a: sh("echo '{\"ok\":true}' > v.json", { ...isolated, gates: [gate] }) }));
    expect(view.gates).toMatchObject([{ gate_id: "h", status: "passed" }]);
  });
});

test("a schema gate judges the payload of a document, not its envelope", async () => {
  const gate = { id: "s", schema: "row.v1", of: "${steps.a.outputs.o}" };
  const { view } = await bed.run(flow({ a: sh("echo '{\"n\":1}' > o", { outputs: { o: { path: "o", schema: "row.v1" } } }) }, { gates: [gate] }));
  expect(view.gates).toMatchObject([{ gate_id: "s", status: "passed" }]);
});
