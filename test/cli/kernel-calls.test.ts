/** What commands ask of the kernel: paths are absolute, names are whole, nothing is asked twice, and it is always closed. */
import { expect, test } from "vitest";
import { fakeKernel } from "./fake-kernel.ts";
import { lily } from "./fake-host.ts";
import { planHash, runId } from "./sample-run.ts";

async function callsOf(argv: readonly string[], options: Parameters<typeof fakeKernel>[0] = {}): Promise<readonly (readonly unknown[])[]> {
  const { preset, calls } = fakeKernel(options);
  await lily(argv, { preset });
  return calls;
}

const opened = ["openLocal", { workspaceDir: "/work/project/.lily", create: false }];

test("run start gives the kernel absolute paths and raw parameter texts", async () => {
  const argv = [
    "run",
    "start",
    "a/w.yaml",
    "--param",
    "year=2014",
    "--param",
    "empty=",
    "--input",
    "csv=../x.csv",
    "--parallel",
    "3",
    "--run",
    "0197",
    "--plan-hash",
    planHash,
    "--title",
    "t",
  ];
  expect(await callsOf(argv)).toEqual([
    opened,
    ["runs.show", "0197"],
    [
      "runs.start",
      { file: "/work/project/a/w.yaml" },
      { params: { year: "2014", empty: "" }, inputs: { csv: "/work/x.csv" }, parallel: 3, runId, planHash, title: "t" },
    ],
    ["runs.show", runId],
    ["close"],
  ]);
});

test("run start without flags leaves every default to the kernel", async () => {
  expect((await callsOf(["run", "start", "w.yaml"]))[1]).toEqual(["runs.start", { file: "/work/project/w.yaml" }, { params: {}, inputs: {} }]);
});

test("exec gives argv untouched, and gates as words", async () => {
  const argv = [
    "exec",
    "--gate",
    `node check.mjs 'a b' "c \\"d\\"" e\\ f`,
    "--gate",
    "true",
    "--timeout",
    "1.5m",
    "--",
    "sh",
    "-c",
    "echo --json --workspace x",
    "--",
    "--quiet",
  ];
  const request = {
    argv: ["sh", "-c", "echo --json --workspace x", "--", "--quiet"],
    cwd: "/work/project",
    inputs: [],
    outputs: [],
    gates: [["node", "check.mjs", "a b", 'c "d"', "e f"], ["true"]],
    env: [],
    secrets: [],
    timeoutMs: 90_000,
  };
  expect((await callsOf(argv))[1]).toEqual(["runs.exec", request]);
});

test("run resume passes the reason on, and nothing when there is none", async () => {
  expect((await callsOf(["run", "resume", "latest"]))[1]).toEqual(["runs.resume", "latest", {}]);
  expect((await callsOf(["run", "resume", "latest", "--unblock", "ok"]))[1]).toEqual(["runs.resume", "latest", { unblockReason: "ok" }]);
});

test("artifact list takes a prefix of a run, and the workspace's own artifacts", async () => {
  expect((await callsOf(["artifact", "list", "--run", "0197"]))[2]).toEqual(["artifacts.list", { limit: 100, run_id: runId }]);
  expect((await callsOf(["artifact", "list", "--run", "workspace"]))[1]).toEqual(["artifacts.list", { limit: 100, run_id: "workspace" }]);
});

test("schema check takes both or neither argument", async () => {
  expect((await callsOf(["schema", "check"]))[1]).toEqual(["schemas.check", null, null]);
  expect((await callsOf(["schema", "check", "a.v1", "x.json"]))[1]).toEqual(["schemas.check", "a.v1", "/work/project/x.json"]);
});

test("words after -- are arguments, not flags, for commands other than exec", async () => {
  expect((await callsOf(["workflow", "check", "--", "--odd.yaml"]))[1]).toEqual(["workflows.check", { file: "/work/project/--odd.yaml" }]);
});

test("the workspace is the one that is named, by flag before environment, else the one found above", async () => {
  const { preset, calls } = fakeKernel();
  await lily(["run", "list", "--workspace", "x/.lily"], { preset, env: { LILY_WORKSPACE: "/other/.lily" } });
  await lily(["run", "list"], { preset, env: { LILY_WORKSPACE: "/other/.lily" } });
  await lily(["run", "list"], { preset, env: { LILY_WORKSPACE: "" } });
  const dirs = calls.flatMap(([operation, request]) => (operation === "openLocal" ? [request] : []));
  expect(dirs).toEqual(["/work/project/x/.lily", "/other/.lily", "/work/project/.lily"].map((workspaceDir) => ({ workspaceDir, create: false })));
});

test("where there is no workspace one is made, and stderr says so", async () => {
  const none = fakeKernel({ found: null });
  const ran = await lily(["run", "list"], { preset: none.preset });
  expect(none.calls[0]).toEqual(["openLocal", { workspaceDir: "/work/project/.lily", create: true }]);
  expect(ran.stderr).toBe("made a workspace at /work/project/.lily\n");
  const named = fakeKernel();
  const other = await lily(["--workspace", "missing/.lily", "run", "list"], { preset: named.preset });
  expect(named.calls.slice(0, 2)).toEqual([false, true].map((create) => ["openLocal", { workspaceDir: "/work/project/missing/.lily", create }]));
  expect(other.stderr).toBe("made a workspace at /work/project/missing/.lily\n");
});

test("doctor makes no workspace", async () => {
  const { preset, calls } = fakeKernel({ found: null });
  const { code, stderr } = await lily(["doctor"], { preset });
  expect([code, calls, stderr.includes("WORKSPACE_NOT_FOUND")]).toEqual([2, [], true]);
  const named = fakeKernel();
  expect((await lily(["doctor", "--workspace", "missing/.lily"], { preset: named.preset })).code).toBe(2);
  expect(named.calls).toEqual([["openLocal", { workspaceDir: "/work/project/missing/.lily", create: false }]]);
});

test("init makes the workspace in the folder that is named", async () => {
  expect(await callsOf(["init", "sub"])).toEqual([["initWorkspace", "/work/project/sub"]]);
  expect(await callsOf(["init", "--workspace", "sub/.lily"])).toEqual([["initWorkspace", "/work/project/sub"]]);
  expect(await callsOf(["init", "--workspace", "sub"])).toEqual([]);
});

test("help, bad arguments, explain and completion never load the kernel", async () => {
  for (const argv of [["--help"], ["run", "start", "--help"], ["explain", "75"], ["explain"], ["completion", "bash"], ["frob"]]) {
    expect((await lily(argv)).code).not.toBe(70);
  }
});

test("completion proposes commands, flags and values, and stays silent where it knows nothing", async () => {
  const proposals = async (...words: readonly string[]): Promise<readonly string[]> =>
    (await lily(["__complete", ...words])).stdout.split("\n").map((line) => line.split("\t")[0] ?? "");
  expect(await proposals("run", "s")).toEqual(["start", "show", "summary", ""]);
  expect(await proposals("--json", "run", "list", "--status", "f")).toEqual(["failed", ""]);
  expect(await proposals("run", "start", "--pa")).toEqual(["--param", "--parallel", ""]);
  expect(await proposals("run", "start", "--q")).toEqual(["--quiet", ""]);
  expect(await proposals("nothing", "here", "")).toEqual([""]);
  expect(await proposals()).toContain("exec");
});

test("S5: a run that is sealed but not anchored is said on stderr, with --quiet too, and changes no exit code", async () => {
  const anchoring = { code: "KEY_INVALID", message: "the checkpoint key is not a PEM private key" };
  for (const argv of [
    ["run", "start", "w.yaml", "--quiet"],
    ["run", "resume", runId],
    ["exec", "--quiet", "--", "true"],
  ]) {
    const ran = await lily(argv, { preset: fakeKernel({ anchoring }).preset });
    expect(ran.code).toBe((await lily(argv, { preset: fakeKernel().preset })).code);
    expect(ran.stderr).toContain("note: the run is sealed but not anchored: KEY_INVALID: the checkpoint key is not a PEM private key\n");
  }
  const { stderr } = await lily(["run", "start", "w.yaml"], { preset: fakeKernel().preset });
  expect(stderr).not.toContain("not anchored");
});

test("S5: a run in a workspace without its key is said to stay unanchored before it begins, with --quiet too", async () => {
  const keyProblem = { code: "KEY_MISSING", message: "this machine has no checkpoint key" };
  for (const argv of [
    ["run", "start", "w.yaml", "--quiet"],
    ["exec", "--quiet", "--", "true"],
  ]) {
    const ran = await lily(argv, { preset: fakeKernel({ keyProblem }).preset });
    expect(ran.stderr).toMatch(/^note: the run will stay unanchored: KEY_MISSING: this machine has no checkpoint key\n/);
  }
});
