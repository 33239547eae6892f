/** The command line over the real kernel: one folder, real processes, real files. */
import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { fakeHost, type Ran } from "./fake-host.ts";

const bin = fileURLToPath(new URL("../../src/cli/lily.ts", import.meta.url));
let folder = "";
let dataHome: string | undefined;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lily-cli-real-"));
  dataHome = process.env["XDG_DATA_HOME"];
  process.env["XDG_DATA_HOME"] = join(folder, "data");
});
afterAll(() => {
  if (dataHome === undefined) delete process.env["XDG_DATA_HOME"];
  else process.env["XDG_DATA_HOME"] = dataHome;
  rmSync(folder, { recursive: true, force: true });
});

async function lily(...argv: readonly string[]): Promise<Ran> {
  const host = fakeHost({ cwd: folder });
  const code = await main(argv, { ...host, env: process.env, loadPreset: async () => await import("../../src/presets/local.ts") });
  return { code, stdout: host.stdout.text(), stderr: host.stderr.text(), host };
}

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

const workflow = (check: string): string => `
workflow: demo
version: 1
steps:
  make:
    run: [sh, -c, "echo made > out.txt"]
    outputs: { out: { path: out.txt } }
    gates: [{ id: check, run: [sh, -c, "${check}"] }]
  use:
    run: [cat, "\${steps.make.outputs.out}"]
`;

describe("the command line over the real kernel", () => {
  test("init makes a workspace once", async () => {
    const first = await lily("init", "--json");
    const again = await lily("init", "--json");
    expect(JSON.parse(first.stdout)).toMatchObject({ workspace_dir: join(folder, ".lily"), created: true });
    expect(JSON.parse(again.stdout)).toMatchObject({ created: false, files: [] });
  });

  test("K27: exec passes output through, keeps the exit code, and leaves a record that verifies", async () => {
    const ran = await lily("exec", "--", "sh", "-c", "echo out; echo err >&2; exit 3");
    expect([ran.code, ran.stdout, ran.stderr.startsWith("err\n")]).toEqual([3, "out\n", true]);
    const verified = await lily("record", "verify", "latest", "--json");
    expect(JSON.parse(verified.stdout)).toMatchObject({ result: "anchored", problems: [] });
    expect(verified.code).toBe(0);
  });

  test("exec ends with 1 when the command exited 0 but its gate or an output failed", async () => {
    expect((await lily("exec", "--gate", "sh -c 'exit 1'", "--", "true")).code).toBe(1);
    expect((await lily("exec", "--out", "never.txt", "--", "true")).code).toBe(1);
    expect((await lily("exec", "--gate", "true", "--", "true")).code).toBe(0);
  });

  test("run start, list, show, logs, watch, artifact list and graph tell the same story", async () => {
    write("good.yaml", workflow("test -s out.txt"));
    const started = await lily("run", "start", "good.yaml", "--json");
    const run = JSON.parse(started.stdout) as { readonly run_id: string };
    expect(run).toMatchObject({
      status: "succeeded",
      steps: [{ step_id: "make", attempts: [{ n: 1 }] }, { step_id: "use" }],
      gates: [{ gate_id: "check", status: "passed" }],
      record: { sealed: true },
    });
    expect(JSON.parse((await lily("run", "show", run.run_id, "--json")).stdout)).toEqual(run);
    expect(JSON.parse((await lily("run", "list", "--status", "succeeded", "--json")).stdout)).toMatchObject({
      runs: [{ run_id: run.run_id, status: "succeeded" }, {}],
    });
    expect((await lily("run", "logs", run.run_id, "--step", "use", "--raw")).stdout).toBe("made\n");
    const watched = JSON.parse((await lily("run", "watch", run.run_id, "--json")).stdout) as { readonly events: readonly { readonly kind: string }[] };
    const recorded = JSON.parse((await lily("record", "show", run.run_id, "--json")).stdout) as typeof watched;
    expect(watched.events.map(({ kind }) => kind)).toContain("RUN_SUCCEEDED");
    expect(recorded.events.at(-1)?.kind).toBe("RUN_SEALED");
    expect((await lily("artifact", "graph", run.run_id)).stdout).toContain("produced");
    expect((await lily("artifact", "list", "--run", run.run_id, "--type", "file")).stdout).toContain("art_");
  });

  test("a failed gate ends the run with 1, and its log is named at the end", async () => {
    write("bad.yaml", workflow("echo three rows are missing >&2; exit 1"));
    const { code, stdout, stderr } = await lily("run", "start", "bad.yaml");
    expect([code, stdout.includes("      | three rows are missing"), stdout.includes("lily record verify")]).toEqual([1, true, true]);
    expect(stderr).toContain("gate      check of make failed");
  });

  test("workflow check names the line of each problem, and plan gives a digest that start accepts", async () => {
    write("typo.yaml", workflow("true").replace("steps:", "stepz:"));
    const checked = await lily("workflow", "check", "typo.yaml");
    expect([checked.code, /typo\.yaml:4:\d+: /.test(checked.stdout)]).toEqual([2, true]);
    const planned = JSON.parse((await lily("workflow", "plan", "good.yaml", "--json")).stdout) as { readonly plan_hash: string };
    expect((await lily("run", "start", "good.yaml", "--plan-hash", planned.plan_hash, "--quiet")).code).toBe(0);
    expect((await lily("run", "start", "good.yaml", "--plan-hash", `sha256:${"0".repeat(64)}`)).code).toBe(3);
  });

  test("K1: run new keeps a work order, and run start continues the run", async () => {
    write("order.json", '{"order":1}');
    const made = await lily("run", "new", "--title", "ordered", "--work-order", "order.json");
    const id = made.stdout.trim();
    const started = await lily("run", "start", "good.yaml", "--run", id, "--json");
    expect(JSON.parse(started.stdout)).toMatchObject({ run_id: id, status: "succeeded" });
  });

  test("K2: an artifact that was put comes back byte for byte, by a prefix of its id", async () => {
    write("data.bin", "\u0000\u00ff bytes\n");
    const put = await lily("artifact", "put", "data.bin", "--type", "sample");
    const id = put.stdout.trim();
    const got = await lily("artifact", "get", id.slice(0, 12), "--output", "copy.bin");
    expect([put.code, got.code, readFileSync(join(folder, "copy.bin"))]).toEqual([0, 0, readFileSync(join(folder, "data.bin"))]);
    expect(JSON.parse((await lily("artifact", "show", id, "--json")).stdout)).toMatchObject({ artifact_type: "sample", artifact_name: "data.bin" });
  });

  test("schema list, show and check answer", async () => {
    const { schemas } = JSON.parse((await lily("schema", "list", "--json")).stdout) as { readonly schemas: readonly { readonly schema_id: string }[] };
    expect(JSON.parse((await lily("schema", "show", schemas[0]?.schema_id ?? "")).stdout)).toBeTypeOf("object");
    expect((await lily("schema", "check")).code).toBe(0);
  });

  test("an altered record is corrupt: 4, with the place", async () => {
    await lily("exec", "--quiet", "--", "echo", "hi");
    const view = JSON.parse((await lily("run", "show", "latest", "--json")).stdout) as { readonly run_dir: string };
    const record = join(view.run_dir, "record.jsonl");
    chmodSync(record, 0o600);
    writeFileSync(record, readFileSync(record, "utf8").replace("STEP_COMPLETED", "STEP_COMPLETEX"));
    const verified = await lily("record", "verify", "latest", "--json");
    const result = JSON.parse(verified.stdout) as { readonly result: string; readonly problems: readonly string[] };
    expect([verified.code, result.result, result.problems.length > 0]).toEqual([4, "corrupt", true]);
    expect((await lily("record", "verify", "--all")).code).toBe(4);
  });

  test("Ctrl-C ends the command and the run is canceled: 130", async () => {
    const child = spawn(process.execPath, [bin, "exec", "--", "sh", "-c", "echo ready; exec sleep 60"], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    await EventEmitter.once(child.stdout, "data");
    child.kill("SIGINT");
    const [code] = (await EventEmitter.once(child, "close")) as [number | null];
    expect([code, stderr.includes("canceling the run"), stderr.includes(" canceled")]).toEqual([130, true, true]);
    expect(existsSync(join(folder, ".lily"))).toBe(true);
  });
});
