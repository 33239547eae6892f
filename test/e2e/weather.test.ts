import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { weatherDataFile } from "../../examples/weather/data-file.ts";
import type { RunView } from "../../src/contracts/run-view.ts";
import type { ProvenanceGraph } from "../../src/kernel/kernel.ts";
import { ExampleRun, repoRoot } from "./example-run.ts";

const example = path.join(repoRoot, "examples", "weather");
const workflow = path.join(example, "workflow.yaml");
const csv = `csv=${weatherDataFile()}`;

interface Envelope<Payload> {
  readonly meta: { readonly schema_id: string; readonly inputs: readonly string[] };
  readonly payload: Payload;
}
type Table = Envelope<{ readonly zero_is: string; readonly days: readonly { readonly date: string }[] }>;

function verdicts(view: RunView): readonly string[] {
  return view.gates.map((gate) => `${gate.gate_id} ${gate.attempt} ${gate.status}`);
}

/** What git sees of the example, ignored files included. */
function traces(): string {
  return execFileSync("git", ["status", "--porcelain", "--ignored", "examples/weather"], { cwd: repoRoot, encoding: "utf8" });
}

describe("the weather example", () => {
  let example: ExampleRun;
  let view: RunView;
  let before: string;

  beforeAll(async () => {
    example = new ExampleRun();
    before = traces();
    view = await example.start(workflow, "--input", csv);
  });
  afterAll(() => example[Symbol.dispose]());

  test("a gate fails on the data, the route repairs, and the run succeeds", () => {
    expect(view.status).toBe("succeeded");
    expect(view.steps.map((step) => `${step.step_id} ${step.status} ${step.attempts.length}`)).toEqual([
      "clean succeeded 2",
      "summarise succeeded 1",
      "report succeeded 1",
    ]);
    expect(verdicts(view)).toEqual(["shape 1 passed", "rows 1 failed", "shape 2 passed", "rows 2 passed", "figures 1 passed"]);
    expect(view.routes.map(({ route_id, action, target, gate_id }) => ({ route_id, action, target, gate_id }))).toEqual([
      { route_id: "repair", action: "goto", target: "clean", gate_id: "rows" },
    ]);
    const [first, second] = view.steps[0]?.attempts ?? [];
    expect([first?.outcome, second?.outcome]).toEqual(["completed", "completed"]);
    expect(second?.cause).toContain("repair");
  });

  test("both tables are kept under their schema, the short one and the whole one", async () => {
    const tables = (await example.artifacts()).filter((artifact) => artifact.artifact_type === "weather_table.v1");
    expect(tables).toHaveLength(2);
    const [strict, whole] = await Promise.all(tables.map(async (artifact) => (await example.payload(artifact.artifact_id)) as Table));
    expect([strict?.meta.schema_id, whole?.meta.schema_id]).toEqual(["weather_table.v1", "weather_table.v1"]);
    expect([strict?.payload.zero_is, strict?.payload.days.length]).toEqual(["missing", 616]);
    expect([whole?.payload.zero_is, whole?.payload.days.length]).toEqual(["measured", 1461]);
  });

  test("the summary and the page say what the data says", async () => {
    const artifacts = await example.artifacts();
    const summary = artifacts.find((artifact) => artifact.artifact_type === "weather_summary.v1");
    const page = artifacts.find((artifact) => artifact.artifact_name === "page");
    const { payload } = (await example.payload(summary?.artifact_id ?? "")) as Envelope<unknown>;
    expect(payload).toMatchObject({ year: 2015, days: 365, dry_days: 221, precipitation_mm: 1139.2, hottest: { date: "2015-07-19", celsius: 35 } });
    const text = (await example.expectCode(0, "artifact", "get", page?.artifact_id ?? "")).stdout;
    expect(text).toContain("# Seattle weather, 2015\n");
    expect(text).toContain("| rain and snow | 1139.2 mm | all year |");
  });

  test("the gate's report gives the reason and the numbers of its verdict", () => {
    const rows = view.gates.filter((gate) => gate.gate_id === "rows");
    expect(rows.map(({ metrics }) => metrics)).toEqual([
      { rows: 616, missing: 845 },
      { rows: 1461, missing: 0 },
    ]);
    expect(rows.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^845 days are missing, the first are 2012-01-01, /),
      "all 1461 days are there once",
    ]);
  });

  test("what the failing gate said is kept in its log", async () => {
    const logs = (await example.expectCode(0, "run", "logs", "latest", "--stderr")).stdout;
    expect(logs).toContain("845 days are missing, the first are 2012-01-01");
  });

  test("the provenance graph leads from the file to the page", async () => {
    expect(chains(await example.provenance())).toContain(
      "input csv/seattle-weather.csv > step clean #2 > artifact table > step summarise #1 > artifact summary > step report #1 > artifact page",
    );
  });

  test("the record verifies as anchored, and one changed byte shows as corrupt", async () => {
    expect(await example.verify()).toMatchObject({ result: "anchored", problems: [] });
    const file = path.join(view.run_dir, "record.jsonl");
    const good = readFileSync(file, "utf8");
    chmodSync(file, 0o644);
    writeFileSync(file, good.replace('"GATE_FAILED"', '"GATE_PASSED"'));
    await example.expectCode(4, "record", "verify", "latest");
    writeFileSync(file, good);
    await example.expectCode(0, "record", "verify", "latest");
  });

  test("a finished run is not resumed", async () => {
    const { stderr } = await example.expectCode(3, "run", "resume", "latest");
    expect(stderr).toContain("RUN_STATE_CONFLICT");
  });

  test("a run writes nothing into the example", () => {
    expect(traces()).toBe(before);
  });
});

/** Every path through the graph, as labels, from nodes that nothing leads to. */
function chains(graph: ProvenanceGraph): readonly string[] {
  const label = new Map(graph.nodes.map((node) => [node.id, `${node.kind} ${node.label}`]));
  const walk = (id: string): readonly string[] => {
    const next = graph.edges.filter((edge) => edge.from === id && edge.kind !== "judged").map((edge) => edge.to);
    return next.length === 0 ? [label.get(id) ?? id] : next.flatMap(walk).map((rest) => `${label.get(id) ?? id} > ${rest}`);
  };
  const targets = new Set(graph.edges.map((edge) => edge.to));
  return graph.nodes.filter((node) => !targets.has(node.id)).flatMap((node) => walk(node.id));
}

test("npm start shows the run and its proof, and the line that it ends with verifies the record when pasted", async () => {
  using run = new ExampleRun();
  const place = { LILY_WORKSPACE: path.join(run.dir, ".lily") };
  const ended = await run.run(["node", "scripts/start.ts"], repoRoot, place);
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stderr).toContain("gate      rows of clean failed: 845 days are missing");
  expect(ended.stdout).toMatch(/^run \S+ succeeded: 3 of 3 steps/m);
  expect(ended.stdout).toContain(`  record  ${path.join(run.dir, ".lily", "runs")}`);
  const line = ended.stdout
    .trimEnd()
    .split("\n")
    .at(-1)
    ?.replace(/^ {2}verify {2}/, "");
  expect(line).toBe("npx lily record verify latest");
  const pasted = await run.run(["sh", "-c", line ?? ""], repoRoot, place);
  expect(pasted.code, pasted.stderr).toBe(0);
  expect(pasted.stdout).toContain("anchored by local key");
});

describe("the weather example with other data", () => {
  test("a copy runs wherever its packages are installed", async () => {
    using run = new ExampleRun();
    run.install("zod");
    const copy = path.join(run.dir, "weather");
    cpSync(example, copy, { recursive: true });
    const view = await run.start(path.join(copy, "workflow.yaml"), "--input", csv, "--param", "year=2012");
    expect(view.status).toBe("succeeded");
    const summary = (await run.artifacts()).find((artifact) => artifact.artifact_type === "weather_summary.v1");
    expect(((await run.payload(summary?.artifact_id ?? "")) as Envelope<unknown>).payload).toMatchObject({ year: 2012, days: 366 });
  });

  test("a day that is really missing fails the run, after the one repair that the route allows", async () => {
    using run = new ExampleRun();
    const shorter = path.join(run.dir, "shorter.csv");
    const text = readFileSync(weatherDataFile(), "utf8");
    writeFileSync(shorter, text.replace(/^2014-02-28,.*\n/m, ""));
    await run.expectCode(1, "run", "start", workflow, "--input", `csv=${shorter}`);
    const view = await run.latest();
    expect(view.status).toBe("failed");
    expect(verdicts(view)).toEqual(["shape 1 passed", "rows 1 failed", "shape 2 passed", "rows 2 failed"]);
    expect((await run.expectCode(0, "run", "logs", "latest", "--stderr")).stdout).toContain("1 days are missing, the first are 2014-02-28");
    expect(await run.verify()).toMatchObject({ result: "anchored" });
  });

  test("without its input or with a year outside the data nothing starts", async () => {
    using run = new ExampleRun();
    expect((await run.expectCode(2, "run", "start", workflow)).stderr).toContain("--input csv=FILE");
    expect((await run.expectCode(2, "run", "start", workflow, "--input", csv, "--param", "year=2011")).stderr).toContain("PARAM_INVALID");
  });
});
