/** The command line over the real kernel: one folder, real processes, real files. */
import { spawn, spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import type { RunView } from "../../src/contracts/run-view.ts";
import type { ProvenanceGraph } from "../../src/kernel/kernel.ts";
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

async function eventsOf(run: string): Promise<readonly LedgerEvent[]> {
  return (JSON.parse((await lily("record", "show", run, "--json")).stdout) as { readonly events: readonly LedgerEvent[] }).events;
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
    expect([checked.code, /^typo\.yaml:4:\d+ {2}/m.test(checked.stdout)]).toEqual([2, true]);
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

  test("K4: exec names its inputs, file by file, also below a folder, and the graph leads from them", async () => {
    mkdirSync(join(folder, "sales/deep"), { recursive: true });
    write("sales/a.csv", "1\n");
    write("sales/deep/b.csv", "2\n");
    for (const named of ["sales", "sales/", "./sales", "sales/**"]) {
      const view = JSON.parse((await lily("exec", "--json", "--in", named, "--", "cat", "sales/a.csv")).stdout.replace(/^1\n/, "")) as RunView;
      const events = await eventsOf(view.run_id);
      const started = events.find((event) => event.kind === "STEP_STARTED")?.data as { readonly inputs: readonly string[] };
      expect([Object.keys(view.inputs), started.inputs]).toEqual([["in-1", "in-2"], Object.values(view.inputs)]);
      const graph = JSON.parse((await lily("artifact", "graph", view.run_id, "--format", "json")).stdout) as ProvenanceGraph;
      expect(graph.edges.filter((edge) => edge.kind === "used")).toHaveLength(2);
    }
  });

  test("an output that was there and was not written again is named as it was typed", async () => {
    write("old.txt", "old\n");
    const one = await lily("exec", "--out", "old.txt", "--", "true");
    expect([one.code, one.stderr.includes("old.txt: 1 matching file was there before and the step did not write it")]).toEqual([1, true]);
    const more = await lily("exec", "--out", "./sales/", "--", "true");
    expect(more.stderr).toContain("sales: 2 matching files were there before and the step did not write them");
    expect(more.stderr + one.stderr).not.toContain("**");
    expect((await lily("exec", "--out", "absent", "--", "true")).stderr).toContain("no file that the step wrote matches absent");
    expect((await lily("exec", "--out", "a,b.txt", "--", "sh", "-c", "echo x > a,b.txt")).code).toBe(0);
  });

  test("exec without a title is listed by its command, on one line and clipped", async () => {
    await lily("exec", "--", "sh", "-c", `true\n# ${"x".repeat(300)}`);
    await lily("exec", "--title", "mine", "--", "true");
    const { runs } = JSON.parse((await lily("run", "list", "--limit", "2", "--json")).stdout) as { readonly runs: readonly { readonly title: string }[] };
    expect(runs.map(({ title }) => title)).toEqual(["mine", `sh -c true # ${"x".repeat(187)}`]);
  });

  test("exec ends with 127 for a command that is not there, and with 124 after its timeout", async () => {
    expect((await lily("exec", "--", "no-such-command-here")).code).toBe(127);
    expect((await lily("exec", "--timeout", "50ms", "--", "sleep", "60")).code).toBe(124);
  });

  test("what a step says on stdout is shown when stderr says nothing", async () => {
    write("tsc.yaml", "workflow: w\nversion: 1\nsteps: { types: { run: [sh, -c, \"echo 'a.ts(1,1): error'; echo >&2; exit 2\"] } }\n");
    const { code, stdout } = await lily("run", "start", "tsc.yaml");
    expect([code, stdout.includes("      | a.ts(1,1): error")]).toEqual([1, true]);
  });

  test("logs of a gate are asked for by --gate; an unknown id says what there is", async () => {
    write("said.yaml", workflow("echo checked"));
    await lily("run", "start", "said.yaml");
    expect((await lily("run", "logs", "latest", "--gate", "check", "--raw")).stdout).toBe("checked\n");
    expect((await lily("run", "logs", "latest", "--gate", "check", "--step", "use", "--raw")).stdout).toBe("checked\nmade\n");
    expect((await lily("run", "logs", "latest", "--gate", "check", "--stderr")).stderr).toContain("no logs");
    const never = await lily("run", "logs", "latest", "--step", "use", "--attempt", "9");
    expect([never.code, never.stderr]).toEqual([2, expect.stringContaining("step use has no attempt 9; its last is 1")]);
    const wrong = await lily("run", "logs", "latest", "--step", "check");
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('has no step "check"; there are logs of --gate check, --step use');
  });

  test("what is taken up again is followed from what is new, and a run that is over names what can be done", async () => {
    write("twice.yaml", workflow("true"));
    const first = await lily("run", "start", "twice.yaml");
    expect(first.stderr).toContain("plan      demo");
    const again = await lily("run", "rerun", "latest", "--from", "use", "--reason", "once more");
    expect(again.code).toBe(0);
    expect(again.stderr).toMatch(/^reopened {2}once more\n/);
    expect(again.stderr).not.toContain("make");
    const why = (await lily("run", "why", "latest", "use")).stdout;
    expect(why).toContain("asked for use again: once more");
    expect(why).not.toContain("pure");
    const resumed = await lily("run", "resume", "latest");
    expect([resumed.code, resumed.stderr]).toEqual([3, expect.stringMatching(/is succeeded: there is nothing to resume.*lily run rerun .*lily run fork /)]);
    const unasked = await lily("run", "rerun", "latest", "--from", "use", "--reason", "again", "--unblock", "seen");
    expect([unasked.code, unasked.stderr]).toEqual([3, expect.stringContaining("is succeeded, and not blocked: leave --unblock out")]);
  });

  test("problems of lily.yaml stand one a line, each with its own place", async () => {
    write("lily.yaml", "moduls: {}\nschmas: {}\n");
    try {
      const { code, stderr } = await lily("run", "start", "demo.yaml");
      expect([code, stderr]).toEqual([2, expect.stringMatching(/lily\.yaml has 2 problems:\n {2}.*lily\.yaml:1:\d+ {2}.*\n {2}.*lily\.yaml:2:\d+ {2}/)]);
      expect(stderr).not.toContain("where");
    } finally {
      rmSync(join(folder, "lily.yaml"));
    }
  });

  test("record show --jsonl prints the record byte for byte, and the program of the how-to verifies it", async () => {
    await lily("exec", "--quiet", "--", "echo", "\u00fc\u2028\u{1f600}");
    const { run_dir } = JSON.parse((await lily("run", "show", "latest", "--json")).stdout) as RunView;
    const shown = (await lily("record", "show", "latest", "--jsonl")).stdout;
    expect(shown).toBe(readFileSync(join(run_dir, "record.jsonl"), "utf8"));
    write("shown.jsonl", shown);
    const page = readFileSync(new URL("../../docs/howto/verify-a-record.md", import.meta.url), "utf8");
    write("verify.mjs", /^```js\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? "throw new Error('no program')");
    const verified = spawnSync(process.execPath, ["verify.mjs", "shown.jsonl"], { cwd: folder, encoding: "utf8" });
    expect([verified.stderr, verified.status]).toEqual(["", 0]);
    const lines = shown.split("\n").slice(0, -1);
    expect((await lily("record", "show", "latest", "--jsonl", "--from", "2")).stdout).toBe(
      lines
        .slice(2)
        .map((line) => `${line}\n`)
        .join(""),
    );
    const sealed = lines.filter((line) => line.includes('"kind":"RUN_SEALED"')).map((line) => `${line}\n`);
    expect((await lily("record", "show", "latest", "--jsonl", "--kind", "RUN_SEALED")).stdout).toBe(sealed.join(""));
  });

  test("verifying a run that is open says how it goes on, not how to anchor it", async () => {
    const made = (await lily("run", "new")).stdout.trim();
    const { code, stderr } = await lily("record", "verify", made);
    expect([code, stderr.trim().replace("npx ", "")]).toEqual([5, `run ${made} was not started: lily run start FILE --run ${made}`]);
  });

  test("a problem of a workflow is said once, with its place and what was probably meant", async () => {
    write("once.yaml", workflow("true").replace("outputs.out", "outputs.ott"));
    const line = "once.yaml:10:16  steps.use.run[1]: step make has no output ott; did you mean out?";
    expect((await lily("workflow", "check", "once.yaml")).stdout).toBe(`${line}\n1 problem\n`);
    const { code, stderr } = await lily("run", "start", "once.yaml");
    expect([code, stderr.split(line).length, stderr.split("did you mean").length]).toEqual([2, 2, 2]);
  });

  test("Ctrl-C before the workspace is open makes nothing: 130", async () => {
    const host = fakeHost({ cwd: folder });
    const before = (await lily("run", "list", "--json")).stdout;
    const loadPreset = async () => {
      host.interrupt();
      return await import("../../src/presets/local.ts");
    };
    const code = await main(["exec", "--", "touch", "made-too-late"], { ...host, env: process.env, loadPreset });
    expect([code, host.stderr.text().includes("INTERRUPTED"), existsSync(join(folder, "made-too-late"))]).toEqual([130, true, false]);
    expect((await lily("run", "list", "--json")).stdout).toBe(before);
    expect(host.interrupt()).toBe(false);
  });

  test("Ctrl-C while the run is being made cancels it as soon as it is there: 130", async () => {
    const host = fakeHost({ cwd: folder });
    const preset = await import("../../src/presets/local.ts");
    const openLocal: typeof preset.openLocal = async (options) => {
      const kernel = await preset.openLocal(options);
      const exec: typeof kernel.runs.exec = (asked) => {
        host.interrupt();
        return kernel.runs.exec(asked);
      };
      return { ...kernel, runs: { ...kernel.runs, exec } };
    };
    const code = await main(["exec", "--", "sleep", "60"], { ...host, env: process.env, loadPreset: async () => ({ ...preset, openLocal }) });
    expect(code).toBe(130);
    expect(JSON.parse((await lily("run", "show", "latest", "--json")).stdout)).toMatchObject({ status: "canceled", record: { sealed: true } });
    expect(host.forced).toEqual([]);
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

  test("A1: the end of a failed run quotes no log that is not what was recorded", async () => {
    write("quoted.yaml", workflow("exit 0").replace("echo made > out.txt", "echo told; exit 4"));
    const ran = await lily("run", "start", "quoted.yaml", "--json");
    const view = JSON.parse(ran.stdout) as RunView;
    const log = join(view.run_dir, "steps/make/1/stdout.txt");
    expect((await lily("run", "watch", view.run_id)).stdout).toContain("| told");
    writeFileSync(log, "sold\n");
    const changed = (await lily("run", "watch", view.run_id)).stdout;
    expect(changed).not.toContain("sold");
    expect(changed).toContain("this file is not what was recorded");
    rmSync(log);
    expect((await lily("run", "watch", view.run_id)).stdout).not.toContain("| sold");
  });
});
