import { describe, expect, it } from "vitest";
import { digestBytes } from "../base/digest.ts";
import type { JsonObject, JsonValue } from "../base/json-value.ts";
import type { EventBody } from "../contracts/event.ts";
import type { PlanDocument, PlanStep } from "../contracts/plan-document.ts";
import type { RunId } from "../contracts/ids.ts";
import * as made from "./audit.test-support.ts";
import type { ContentSource } from "./compare-content.ts";
import { compareRuns } from "./compare-runs.ts";
import { environmentChanges, planChanges } from "./plan-changes.ts";
import { judgeReproduction } from "./reproduction.ts";
import type { RunComparison } from "./run-comparison.ts";
import { runFacts } from "./run-facts.ts";

const { artifact, begins, body, chain, committed, completes, created, ends, fails, judged, reuses, started } = made;
const nothing: ContentSource = { artifact: async () => null, schema: async () => null };

function makes(step: string, text: string, name = "out"): EventBody {
  return completes(step, 1, { outputs: { [name]: digestBytes(text) }, artifacts: [artifact(text)] });
}

interface Side {
  readonly bodies: readonly EventBody[];
  readonly plan?: PlanDocument | null;
  readonly run?: string;
  readonly environment?: JsonValue;
}

async function compare(a: Side, b: Side, source = nothing): Promise<RunComparison> {
  const facts = (side: Side, run: string): ReturnType<typeof runFacts> =>
    runFacts(side.run ?? run, chain([created, committed, started, ...side.bodies], side.run ?? run), side.plan === undefined ? steps : side.plan);
  return compareRuns(facts(a, "run-a"), facts(b, "run-b"), { a: a.environment ?? null, b: b.environment ?? null }, source);
}

const steps = made.plan([made.step("a"), made.step("b", { needs: ["a"] })]);
const ok = [begins("a"), makes("a", "one"), begins("b"), makes("b", "two"), ends("RUN_SUCCEEDED")];

describe("a comparison of runs", () => {
  it("B10: an output that only one has, and another number of files, diverge", async () => {
    const globs = completes("a", 1, { outputs: { out: [digestBytes("1"), digestBytes("2")] }, artifacts: [artifact("1"), artifact("2")] });
    const fewer = completes("a", 1, { outputs: { out: [digestBytes("1")] }, artifacts: [artifact("1")] });
    expect((await compare({ bodies: [begins("a"), globs] }, { bodies: [begins("a"), fewer] })).steps[0]).toMatchObject({
      verdict: "diverged",
      reason: "output out: 2 files in A, 1 in B",
    });
    const other = await compare({ bodies: [begins("a"), makes("a", "x", "left")] }, { bodies: [begins("a"), makes("a", "x", "right")] });
    expect(other.steps[0]).toMatchObject({
      verdict: "diverged",
      outputs: [{ verdict: "only_in_a" }, { verdict: "only_in_b" }],
      reason: "output left: only run A has it",
    });
  });

  it("B10: bytes that are gone make a step not comparable, and the runs not the same", async () => {
    const changed = [begins("a"), makes("a", "else"), begins("b"), makes("b", "two"), ends("RUN_SUCCEEDED")];
    expect(await compare({ bodies: ok }, { bodies: changed })).toMatchObject({
      same: false,
      steps: [{ verdict: "not_comparable", same: false }, { verdict: "identical" }],
    });
    expect((await compare({ bodies: ok }, { bodies: ok })).same).toBe(true);
  });

  it("B10: the outcome alone makes runs differ, and the security state, and the plan's digest", async () => {
    const degraded = [...ok.slice(0, -1), made.snapshot("post", "DEGRADED"), ends("RUN_SUCCEEDED")];
    expect(await compare({ bodies: ok }, { bodies: degraded })).toMatchObject({ same: false, b: { security: { after: "DEGRADED" } }, changes: [] });
    expect(await compare({ bodies: ok }, { bodies: [...ok.slice(0, -1), ends("RUN_FAILED")] })).toMatchObject({ same: false });
    expect(await compare({ bodies: ok }, { bodies: ok, plan: null })).toMatchObject({ same: true, steps: [{ step_id: "a" }, { step_id: "b" }] });
  });

  it("B10: a step without results in both is the same when it rests alike", async () => {
    const failed = [begins("a"), fails("a"), ends("RUN_FAILED")];
    expect(await compare({ bodies: failed }, { bodies: failed })).toMatchObject({
      same: true,
      steps: [{ verdict: "not_comparable", reason: "failed in both runs, without results" }, {}],
    });
    expect((await compare({ bodies: failed }, { bodies: [begins("a"), made.interrupts("a"), ends("RUN_FAILED")] })).steps[0]).toMatchObject({
      same: false,
      reason: "failed in A, interrupted in B",
    });
  });

  it("B5: reused results are compared like any other and say where they were made", async () => {
    const reused = [
      reuses("a", "run-z", { outputs: { out: digestBytes("one") }, artifacts: [artifact("one")] }),
      begins("b"),
      makes("b", "two"),
      ends("RUN_SUCCEEDED"),
    ];
    const comparison = await compare({ bodies: ok }, { bodies: reused });
    expect(comparison).toMatchObject({ same: true, steps: [{ verdict: "identical", b: { reused_from: "run-z/a/1", attempts: 0, duration_ms: null } }, {}] });
  });

  it("B5: a fork says what it shares, and whether the other record shows it", async () => {
    const origin = chain([created, committed, started, ...ok], "run-a");
    const fork = (head: string): EventBody =>
      body("RUN_FORKED", {
        from: { run_id: "run-a" as RunId, events: origin.length, head: digestBytes("h"), root: digestBytes("r") },
        prefix: { events: 5, head: (origin[4]?.hash ?? digestBytes("")).replace(/^.*$/, head) as ReturnType<typeof digestBytes>, root: digestBytes("p") },
        step_ids: ["b"],
        proof_artifact_id: artifact("proof"),
        reason: "again",
      });
    const head = origin[4]?.hash ?? "";
    expect((await compare({ bodies: ok }, { bodies: [fork(head), ...ok] })).shared).toEqual({ fork: "b", events: 5, head, proven: true, step_ids: ["b"] });
    expect((await compare({ bodies: [fork(digestBytes("forged")), ...ok], run: "run-c" }, { bodies: ok, run: "run-a" })).shared).toMatchObject({
      fork: "a",
      proven: false,
    });
    expect((await compare({ bodies: ok }, { bodies: [fork(head), ...ok], run: "run-b" })).shared).not.toBeNull();
    expect((await compare({ bodies: ok, run: "run-x" }, { bodies: [fork(head), ...ok] })).shared).toBeNull();
  });

  it("B10: gates say both verdicts and the metrics that differ; replaced outputs count as they are now", async () => {
    const gate = (rows: number): EventBody => judged("GATE_PASSED", "rows", { step_id: "a", metrics: { rows, same: 1 } });
    const replaced = [
      body("ARTIFACT_STORED", {
        artifact: {
          artifact_id: artifact("better"),
          run_id: "run-b" as RunId,
          artifact_type: "file",
          storage_kind: "file",
          digest: digestBytes("better"),
          size: 1,
          media_type: "text/plain",
          producer_id: "user:ada",
          producer_kind: "human",
          created_at: made.timeOf(0),
          inputs: [],
        },
      }),
      body("ARTIFACT_REPLACED", {
        original_artifact_id: artifact("one"),
        replacement_artifact_id: artifact("better"),
        artifact_id: artifact("e"),
        step_id: "a",
        name: "out",
        reason: "typo",
      }),
    ];
    const comparison = await compare(
      { bodies: [...ok, gate(3)] },
      { bodies: [...ok.slice(0, 2), ...replaced, ...ok.slice(2), gate(2), judged("GATE_ERROR", "total")] },
    );
    expect(comparison.gates).toEqual([
      { gate: "a/rows", a: "passed", b: "passed", metrics: ["rows: 3 -> 2"] },
      { gate: "total", a: null, b: "error", metrics: [] },
    ]);
    expect(comparison.steps[0]?.outputs[0]?.b).toEqual([artifact("better")]);
  });
});

describe("causes of the first divergence", () => {
  const step = (id: string, more: Partial<PlanStep> = {}): PlanStep => made.step(id, more);
  const base = [
    step("a", { executor: { kind: "process", argv: ["sh", "${params.year}"] }, code: ["a.sh"], pure: true }),
    step("b", {
      needs: ["a"],
      executor: { kind: "module", module: "tables", isolation: "none" },
      with: { csv: "${inputs.csv}" },
      outputs: { out: { path: "o", glob: null, schema: "table.v1", media_type: null, optional: false } },
    }),
    step("c", { executor: { kind: "shell", text: "true" } }),
  ];
  const plan = made.plan(base);
  const digest = digestBytes("x");
  const apart = (id: string): readonly [Side["bodies"], Side["bodies"]] => {
    const others = ["a", "b", "c"].filter((one) => one !== id).flatMap((one) => [begins(one), makes(one, `same ${one}`)]);
    return [
      [...others, begins(id), makes(id, "one")],
      [...others, begins(id), makes(id, "two")],
    ];
  };

  it.each<readonly [what: string, diverging: string, changed: Partial<PlanDocument>, causes: readonly string[]]>([
    ["its parameter", "a", { params: { year: 1 } }, ["param year"]],
    ["a parameter that it does not name", "c", { params: { year: 1 } }, []],
    ["a parameter of what it needs", "b", { params: { year: 1 } }, ["param year"]],
    ["its own code", "a", { code: [{ path: "a.sh", digest }] }, ["code a.sh"]],
    ["code of others, where it lists its own", "a", { code: [{ path: "b.sh", digest }] }, []],
    ["code, where it lists none", "c", { code: [{ path: "b.sh", digest }] }, ["code b.sh"]],
    ["its module", "b", { modules: [{ name: "tables", path: "t.ts", digest }] }, ["module tables"]],
    ["another module", "a", { modules: [{ name: "tables", path: "t.ts", digest }] }, []],
    ["its schema", "b", { schemas: [{ schema_id: "table.v1", digest }] }, ["schema table.v1"]],
    ["its own definition", "c", { steps: [...base.slice(0, 2), step("c", { executor: { kind: "shell", text: "false" } })] }, ["step c.executor"]],
    ["the definition of another step", "a", { steps: [...base.slice(0, 2), step("c", { executor: { kind: "shell", text: "false" } })] }, []],
    ["the policy", "c", { policy: { ...plan.policy, network: "deny" } }, ["policy network"]],
    ["a pack", "c", { packs: [{ name: "p", version: "1.0.0", digest }] }, ["pack p"]],
    [
      "the name, a gate or a route",
      "c",
      {
        workflow: "other",
        gates: [made.commandGate("g")],
        routes: [{ id: "r", when: { step: null, gate: null, status: null, violation: null }, do: { kind: "continue" } }],
      },
      [],
    ],
  ])("B10: %s", async (_what, diverging, changed, causes) => {
    const [a, b] = apart(diverging);
    const content: ContentSource = { ...nothing, artifact: async (id) => fileNamed(id) };
    const comparison = await compare({ bodies: a, plan }, { bodies: b, plan: { ...plan, ...changed } }, content);
    expect(comparison.first_divergence).toMatchObject({ step_id: diverging });
    expect(comparison.first_divergence?.causes.map(({ kind, name }) => `${kind} ${name}`)).toEqual(causes);
  });

  function fileNamed(id: string): Awaited<ReturnType<ContentSource["artifact"]>> {
    const bytes = new TextEncoder().encode(id);
    const artifact = { artifact_id: id, storage_kind: "file", artifact_type: "file", digest: digestBytes(bytes) };
    return { artifact: artifact as unknown as NonNullable<Awaited<ReturnType<ContentSource["artifact"]>>>["artifact"], bytes };
  }
});

describe("what differs around two runs", () => {
  const snapshot: JsonObject = {
    runtime: { name: "node", version: "24" },
    platform: { os: "linux", release: "6", arch: "x64" },
    kernel_version: "0.1.0",
    tools: [{ path: "/usr/bin/node", sha256: "0".repeat(64) }],
    timestamp: made.timeOf(0),
  };

  it("B10: is told by name, one row a difference; the time of a snapshot is none", () => {
    const later = { ...snapshot, timestamp: made.timeOf(9), ci: { provider: "x" } };
    expect(environmentChanges(snapshot, later)).toEqual([]);
    const other: JsonObject = {
      ...snapshot,
      runtime: { name: "node", version: "25" },
      platform: { os: "linux", release: "7", arch: "x64" },
      kernel_version: "0.2.0",
      tools: [{ path: "/usr/bin/sh", sha256: "1".repeat(64) }],
      lockfiles: [{ path: "package-lock.json", sha256: "2".repeat(64) }],
      source: { vcs: "git", dirty: true },
    };
    expect(environmentChanges(snapshot, other).map(({ kind, name, a, b }) => [kind, name, a?.slice(0, 8) ?? null, b?.slice(0, 8) ?? null])).toEqual([
      ["platform", "release", "6", "7"],
      ["runtime", "version", "24", "25"],
      ["kernel", "version", "0.1.0", "0.2.0"],
      ["tool", "/usr/bin/node", "00000000", null],
      ["tool", "/usr/bin/sh", null, "11111111"],
      ["lockfile", "package-lock.json", null, "22222222"],
      ["source", "vcs", null, "git"],
      ["source", "dirty", null, "true"],
    ]);
    expect(environmentChanges(null, snapshot)).toEqual([]);
  });

  it("B10: a step that only one plan has is one row, and long texts are cut", () => {
    const changes = planChanges(made.plan([made.step("a")]), made.plan([made.step("a", { title: "x".repeat(300) }), made.step("b.c")]));
    expect(changes).toEqual([
      { kind: "step", name: "a.title", a: "null", b: "x".repeat(200) },
      { kind: "step", name: "b.c", a: null, b: "in the plan" },
    ]);
  });
});

describe("a reproduction", () => {
  it("B10: is judged over all its runs, and a run that ended otherwise is none", async () => {
    const same = await compare({ bodies: ok }, { bodies: ok });
    const worse = await compare({ bodies: ok }, { bodies: [begins("a"), fails("a"), ends("RUN_FAILED")] });
    expect(judgeReproduction("run-a", [same])).toMatchObject({ reproducible: true, first_difference: null, runs: [{ run_id: "run-b", status: "COMPLETED" }] });
    expect(judgeReproduction("run-a", [same, worse])).toMatchObject({
      reproducible: false,
      steps: [
        { step_id: "a", reproducible: false, verdicts: ["identical", "diverged"] },
        { step_id: "b", reproducible: false },
      ],
      first_difference: { step_id: "a", output: null, reason: "succeeded in A, failed in B" },
    });
    const ended = await compare({ bodies: ok }, { bodies: [...ok.slice(0, -1), ends("RUN_BLOCKED")] });
    expect(judgeReproduction("run-a", [ended])).toMatchObject({ reproducible: false, steps: [{ reproducible: true }, { reproducible: true }] });
    expect(judgeReproduction("run-a", [])).toMatchObject({ reproducible: false, changes: [] });
  });
});
