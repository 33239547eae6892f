import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ExecOptions } from "../../src/kernel/kernel.ts";
import { initWorkspace } from "../../src/presets/local.ts";
import { Bed, flow, refusalOf, sh, stepOf } from "./bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const execOptions = (argv: readonly string[], more: Partial<ExecOptions> = {}): ExecOptions => ({
  argv,
  cwd: bed.dir,
  inputs: [],
  outputs: [],
  gates: [],
  env: [],
  secrets: [],
  timeoutMs: null,
  ...more,
});

describe("exec", () => {
  test("K27: wraps one command with inputs, outputs, gates, environment and time, as typed", async () => {
    bed.write("in/a.csv", "a");
    process.env["BED_EXEC"] = "1";
    const options = execOptions(["sh", "-c", 'mkdir -p out; printf "$BED_EXEC %s" "$1" > out/x; printf y > one', "sh", "${params.x}"], {
      inputs: ["in/*.csv"],
      outputs: ["out/", "./one", "*.none"],
      gates: [["test", "-s", "out/x"]],
      env: ["BED_EXEC"],
      timeoutMs: 10_000,
      title: "as typed",
    });
    const refused = await (await bed.kernel()).runs.exec(options).then((handle) => handle.done());
    expect(refused).toMatchObject({ status: "failed", title: "as typed" });
    const view = await (await bed.kernel()).runs.exec({ ...options, outputs: ["out/", "./one"] }).then((handle) => handle.done());
    expect(view).toMatchObject({ status: "succeeded", gates: [{ gate_id: "gate-1", status: "passed" }] });
    expect(bed.read("out/x")).toBe("1 ${params.x}");
    expect(stepOf(view, "command").produced_artifact_ids).toHaveLength(2);
    expect(Object.keys(view.inputs)).toEqual(["in-1"]);
  });

  test("inputs that match nothing and outputs that leave are refused before a run exists", async () => {
    const { runs } = await bed.kernel();
    expect((await refusalOf(runs.exec(execOptions(["true"], { inputs: ["none/*"] })))).code).toBe("INPUT_NOT_FOUND");
    expect((await refusalOf(runs.exec(execOptions(["true"], { outputs: ["../x"] })))).code).toBe("PATH_INVALID");
    expect(await runs.list()).toEqual([]);
  });
});

describe("shell steps", () => {
  test("run with sh -e, values arrive as environment only", async () => {
    const { view } = await bed.run(
      flow({ a: { shell: 'test "$X" = "a b"; false; touch after', env: { X: "${params.x}" } } }, { params: { x: { type: "string", default: "a b" } } }),
    );
    expect(view).toMatchObject({ status: "failed" });
    expect(stepOf(view, "a").attempts[0]).toMatchObject({ executor_summary: { kind: "shell", exit_code: 1 } });
    expect(bed.has("after")).toBe(false);
  });

  test("a step that a signal ends says which; one that cannot be started says so", async () => {
    const signaled = await bed.run(flow({ a: sh("kill -9 $$") }));
    expect(stepOf(signaled.view, "a").attempts[0]?.error).toMatchObject({ code: "STEP_FAILED", reason: expect.stringContaining("SIGKILL") });
    const absent = await bed.run(flow({ a: { run: ["no-such-command-of-lily"] } }));
    expect(stepOf(absent.view, "a").attempts[0]?.error).toMatchObject({
      code: "STEP_SPAWN_FAILED",
      reason: expect.stringContaining("no-such-command-of-lily"),
    });
    bed.write("text", "no program", 0o755);
    const text = await bed.run(flow({ a: { run: ["./text"] } }));
    expect(text.view.status).toBe("failed");
  });
});

describe("values between steps", () => {
  test("a glob is a list of paths for a command and of files for a module", async () => {
    const definitions = new URL("../../src/runtime/define-module.ts", import.meta.url).href;
    bed.write("lily.yaml", "modules: {m: ./m.mjs}\n");
    bed.write(
      "m.mjs",
      `import { defineModule } from ${JSON.stringify(definitions)};\nexport const m = defineModule({ name: "m", version: "1", run: (context, input) => ({ sizes: input.files.map((file) => file.size) }) });\n`,
    );
    const { view } = await bed.run(
      flow({
        a: sh("printf x > 1.txt; printf yy > 2.txt", { outputs: { all: { glob: "*.txt" } } }),
        b: { module: "m", with: { files: "${steps.a.outputs.all}" }, outputs: { sizes: {} } },
        c: { run: ["echo", "${steps.a.outputs.all}"] },
      }),
    );
    expect(view.status).toBe("succeeded");
    const [id] = stepOf(view, "b").produced_artifact_ids;
    expect(new TextDecoder().decode(await (await bed.kernel()).artifacts.get(id ?? ""))).toBe("[1,2]");
  });

  test("a schema gate judges every file of a glob, and passes when all fit", async () => {
    bed.write("lily.yaml", "schemas: {row.v1: ./row.json}\n");
    bed.write("row.json", '{"type":"object","required":["n"]}');
    const gates = [{ id: "g", schema: "row.v1", of: "${steps.a.outputs.all}" }];
    const good = await bed.run(flow({ a: sh(`echo '{"n":1}' > 1.out; echo '{"n":2}' > 2.out`, { outputs: { all: { glob: "*.out" } }, gates }) }));
    expect(good.view.gates[0]).toMatchObject({ status: "passed" });
    const bad = await bed.run(flow({ a: sh(`echo '{"n":1}' > 1.out; echo '{}' > 2.out`, { outputs: { all: { glob: "*.out" } }, gates }) }));
    expect(bad.view.gates[0]).toMatchObject({ status: "failed" });
    const none = await bed.run(flow({ a: sh("rm -f *.out", { outputs: { all: { glob: "*.out", optional: true } }, gates }) }));
    expect(none.view.gates[0]).toMatchObject({ status: "error" });
  });
});

describe("schemas", () => {
  test("are listed, shown and checked against files and the version before", async () => {
    bed.write("lily.yaml", "schemas: {row.v1: ./row1.json, row.v2: ./row2.json}\n");
    bed.write("row1.json", '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}');
    bed.write("row2.json", '{"type":"object","properties":{"n":{"type":"string"}},"required":["n"]}');
    const { schemas } = await bed.kernel();
    expect((await schemas.list()).filter((one) => one.origin === "workspace").map((one) => one.schema_id)).toEqual(["row.v1", "row.v2"]);
    expect(await schemas.show("row.v1")).toMatchObject({ type: "object" });
    expect(await refusalOf(schemas.show("none.v1"))).toMatchObject({ code: "SCHEMA_UNKNOWN" });
    expect((await schemas.check("row.v1", bed.write("x.json", '{"n":"x"}'))).map((one) => one.code)).toEqual(["SCHEMA_MISMATCH"]);
    expect((await schemas.check(null, null)).map((one) => one.code)).toContain("SCHEMA_INCOMPATIBLE");
    expect(await refusalOf(schemas.check(null, "x"))).toMatchObject({ code: "USAGE_INVALID" });
    const kernel = await bed.kernel();
    expect(await kernel.artifacts.put(bed.write("ok.json", '{"n":1}'), { schema: "row.v1", name: "row" })).toMatchObject({
      artifact_type: "row.v1",
      stored_in: "record",
    });
    expect((await refusalOf(kernel.artifacts.put(join(bed.dir, "x.json"), { schema: "row.v1" }))).code).toBe("SCHEMA_MISMATCH");
  });
});

describe("one kernel, many runs", () => {
  test("S5: runs that end together are all anchored", async () => {
    const handles = await Promise.all(Array.from({ length: 8 }, () => bed.start(flow({ a: sh("true") }))));
    await Promise.all(handles.map((handle) => handle.done()));
    const views = await (await bed.kernel()).records.verifyAll();
    expect(views.map((view) => view.result)).toEqual(Array(8).fill("anchored"));
    const checkpoint = await (await bed.kernel()).records.checkpoint();
    expect(checkpoint).toMatchObject({ size: 8 });
  });

  test("a closed kernel refuses by code", async () => {
    const kernel = await bed.kernel();
    await kernel.close();
    await kernel.close();
    expect((await refusalOf(kernel.runs.create({}))).code).toMatch(/LEDGER_POISONED|STORAGE_FAILED/);
  });

  test("init makes the workspace and lily.yaml once", async () => {
    const dir = join(bed.root, "fresh");
    mkdirSync(dir);
    const first = await initWorkspace(dir, { dataHome: bed.dataHome });
    const again = await initWorkspace(dir, { dataHome: bed.dataHome });
    expect([first.created, first.files, again.created, again.files, again.workspaceId]).toEqual([true, [".lily", "lily.yaml"], false, [], first.workspaceId]);
    expect(execFileSync("cat", [join(dir, ".lily/.gitignore")]).toString()).toContain("\n*\n");
  });
});
