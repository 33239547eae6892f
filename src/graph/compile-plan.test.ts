import { describe, expect, test } from "vitest";
import { digestBytes, documentDigest } from "../base/digest.ts";
import type { JsonValue } from "../base/json-value.ts";
import { isLilyError } from "../base/lily-error.ts";
import { verifyPlanCode } from "./bind-code.ts";
import { type CompilePlanOptions, compilePlan, planHashOf } from "./compile-plan.ts";
import { defineWorkflow } from "./define-workflow.ts";
import { memoryFileTree } from "./memory-file-tree.test-support.ts";
import type { WorkflowDocument, WorkflowStep } from "./workflow-document.ts";

function setup() {
  const files: Record<string, string | null> = {
    "steps/clean.mjs": "clean",
    "steps/sum.ts": "sum",
    "gates/rows.mjs": "rows",
    "lib/a.mjs": "a",
    "lib/deep/b.mjs": "b",
    "data/x.csv": "1,2",
    "out/clean.json": "from an earlier run",
    "link.mjs": null,
  };
  const tree = memoryFileTree(files);
  return { files, tree, plan: (document: WorkflowDocument, options: Partial<CompilePlanOptions> = {}) => compilePlan({ document, tree, ...options }) };
}

const one = (step: WorkflowStep, rest: Partial<WorkflowDocument> = {}): WorkflowDocument => ({ workflow: "w", version: 1, steps: { a: step }, ...rest });

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return isLilyError(error) ? `${error.code}: ${error.message}` : String(error);
  }
  return "none";
}

describe("compilePlan", () => {
  test("writes every default out and turns durations into milliseconds", async () => {
    const { plan } = await setup().plan(one({ run: ["node"] }));
    expect(plan).toMatchObject({
      v: 1,
      workflow: "w",
      title: null,
      params: {},
      inputs: {},
      policy: { tools: null, write: null, network: "allow", sandbox: "off", attempts_max: 10 },
      gates: [],
      routes: [],
      code: [],
      modules: [],
      schemas: [],
    });
    expect(plan.steps).toEqual([
      {
        id: "a",
        title: null,
        needs: [],
        executor: { kind: "process", argv: ["node"] },
        with: {},
        outputs: {},
        env: {},
        env_from: [],
        secrets: [],
        workdir: "source",
        timeout_ms: null,
        retry: { max: 0, backoff_ms: 1_000, factor: 2, max_backoff_ms: 30_000 },
        pure: false,
        effects: [],
        gates: [],
        log_bytes_max: 67_108_864,
      },
    ]);
  });

  test("a step's members come before the document's defaults, and those before Lily's", async () => {
    const document = one(
      {
        shell: "x",
        timeout: "1.5s",
        retry: { max: 1 },
        workdir: "isolated",
        log_limit: 2_048,
        gates: [{ id: "g", run: ["x"], required: false }],
        effects: [{ category: "other", description: "d" }],
      },
      {
        defaults: { timeout: "60s", retry: { max: 9, backoff: "500ms", factor: 3, max_backoff: "1m" } },
        gates: [{ id: "end", hash: { law: "sha256_bundle_digest", root: "out" }, timeout: "2h" }],
      },
    );
    const { plan } = await setup().plan(document);
    expect(plan.steps[0]).toMatchObject({
      executor: { kind: "shell", text: "x" },
      timeout_ms: 1_500,
      workdir: "isolated",
      log_bytes_max: 2_048,
      retry: { max: 1, backoff_ms: 500, factor: 3, max_backoff_ms: 60_000 },
      gates: [{ id: "g", required: false, timeout_ms: 60_000, check: { kind: "command", argv: ["x"], env: {}, env_from: [], secrets: [] } }],
      effects: [{ category: "other", description: "d", reversible: null, hint: null }],
    });
    expect(plan.gates).toEqual([
      {
        id: "end",
        required: true,
        timeout_ms: 7_200_000,
        check: {
          kind: "hash",
          hash: {
            law: "sha256_bundle_digest",
            root: "out",
            flag: null,
            index: null,
            ordering: "ascii_lex",
            path_base: "bundle_root",
            exclude_filenames: [],
            digest_field: null,
            pointer: null,
            equals: null,
          },
        },
      },
    ]);
  });

  test("the document's policy is joined to the workspace's, and the digest covers the result", async () => {
    const { plan } = await setup().plan(one({ run: ["x"] }, { policy: { network: "deny", write: { deny: ["data/**"] } } }), {
      policyLayers: [{ origin: "lily.yaml", policy: { network: "allow", tools: ["node"], sandbox: "prefer", attempts_max: 3 } }],
    });
    const policy = { tools: [["node"]], write: { allow: [], deny: ["data/**"] }, network: "deny", sandbox: "prefer", attempts_max: 3 } as const;
    expect(plan.policy).toEqual(policy);
    expect(plan.policy_digest).toBe(documentDigest("policy", policy));
  });

  test("needs are explicit and implied ones, once, in document order", async () => {
    const output = { o: { path: "o" } };
    const document = defineWorkflow({
      workflow: "w",
      version: 1,
      steps: {
        x: { run: ["x"], outputs: output },
        y: { run: ["x"], outputs: { o: { path: "y" } } },
        z: { run: ["x"], outputs: { o: { path: "z" } } },
        q: {
          run: ["p", "${steps.z.outputs.o}", "${steps.q.outputs.o}"],
          needs: ["z", "x"],
          env: { A: "${steps.x.outputs.o}" },
          outputs: { o: { path: "q" } },
          gates: [{ id: "g", run: ["p", "${steps.q.outputs.o}", "${steps.y.outputs.o}"] }],
        },
      },
    });
    const { plan } = await setup().plan(document);
    expect(plan.steps[3]?.needs).toEqual(["x", "y", "z"]);
  });

  test("references stay as they were written; parameters stand once, typed", async () => {
    const document = one({ run: ["p", "${params.n}", "$${x}"], env: { N: "${params.n}" } }, { params: { n: { type: "integer", default: 1 } } });
    const { plan } = await setup().plan(document, { params: { n: "5" } });
    expect(plan.params).toEqual({ n: 5 });
    expect(plan.steps[0]).toMatchObject({ executor: { argv: ["p", "${params.n}", "$${x}"] }, env: { N: "${params.n}" } });
  });

  test("routes are bounded when they do not say so", async () => {
    const routes: WorkflowDocument["routes"] = [
      { id: "g", when: { gate: "x", status: "failed" }, do: { goto: "a" } },
      { id: "r", when: { step: "a" }, do: { retry: true, max: 3 } },
      { id: "e", when: { violation: true }, do: { escalate: "look" } },
      { id: "b", when: {}, do: { abort: "no" } },
      { id: "c", when: {}, do: { continue: true } },
    ];
    const { plan } = await setup().plan(one({ run: ["x"] }, { routes }));
    expect(plan.routes.map((route) => route.do)).toEqual([
      { kind: "goto", target: "a", max: 1 },
      { kind: "retry", max: 3 },
      { kind: "escalate", reason: "look" },
      { kind: "abort", reason: "no" },
      { kind: "continue" },
    ]);
    expect(plan.routes[0]?.when).toEqual({ step: null, gate: "x", status: "failed", violation: null });
  });

  test("a step has reads, in document order, only when it names any", async () => {
    const inputs = { b: { file: "b.csv" }, a: { file: "a.csv" } };
    const reads = async (names: string[]) => (await setup().plan({ ...one({ run: ["x"], reads: names }), inputs })).plan.steps[0];
    expect((await reads(["b", "a"]))?.reads).toEqual(["b", "a"]);
    expect(await reads([])).not.toHaveProperty("reads");
  });

  test("binds argv files, params that name files, uses and modules, each once and sorted; not inputs, outputs or links", async () => {
    const document: WorkflowDocument = {
      workflow: "w",
      version: 1,
      params: { script: { type: "string" } },
      inputs: { csv: { file: "data/x.csv" } },
      steps: {
        a: {
          run: ["node", "./steps/clean.mjs", "data/x.csv", "out/clean.json", "link.mjs", "/etc/passwd", "--x"],
          outputs: { o: { path: "out/clean.json" } },
          uses: ["lib/**", "steps/clean.mjs"],
        },
        b: { run: ["node", "${params.script}", "${steps.a.outputs.o}"], outputs: { all: { glob: "out/**" } } },
        c: { module: "m.sum", gates: [{ id: "g", schema: "t.v1", of: "${steps.c.outputs.report}" }] },
      },
    };
    const { plan } = await setup().plan(document, {
      params: { script: "gates/rows.mjs" },
      modules: { "m.sum": "./steps/sum.ts", unused: "nowhere" },
      schemas: { "t.v1": digestBytes("t"), "u.v1": digestBytes("u") },
    });
    expect(plan.code.map((file) => file.path)).toEqual(["gates/rows.mjs", "lib/a.mjs", "lib/deep/b.mjs", "steps/clean.mjs", "steps/sum.ts"]);
    expect(plan.code[0]?.digest).toBe(digestBytes("rows"));
    expect(plan.uses).toEqual(["lib/**", "steps/clean.mjs"]);
    expect(plan.modules).toEqual([{ name: "m.sum", path: "steps/sum.ts", digest: digestBytes("sum") }]);
    expect(plan.schemas).toEqual([{ schema_id: "t.v1", digest: digestBytes("t") }]);
    expect(plan.steps[2]?.outputs).toEqual({ report: { path: null, glob: null, schema: null, media_type: null, optional: false } });
  });

  test("modules may lie in another folder than the workflow", async () => {
    const { plan } = setup();
    const moduleTree = memoryFileTree({ "m.ts": "module" });
    const compiled = await plan(one({ module: "m" }), { modules: { m: "m.ts" }, moduleTree });
    expect(compiled.plan.modules).toEqual([{ name: "m", path: "m.ts", digest: digestBytes("module") }]);
    expect(compiled.plan.code).toEqual([]);
    expect(await verifyPlanCode(compiled.plan, setup().tree, moduleTree)).toEqual([]);
    expect(await verifyPlanCode(compiled.plan, setup().tree, memoryFileTree({ "m.ts": "other" }))).toMatchObject([{ code: "WORKFLOW_DRIFT", file: "m.ts" }]);
  });

  test.each<[string, WorkflowDocument, Partial<CompilePlanOptions>, string]>([
    [
      "an unknown param",
      one({ run: ["x"] }, { params: { year: {} } }),
      { params: { yaer: 1 } },
      "PARAM_INVALID: param yaer: is not a parameter of this workflow; did you mean year?",
    ],
    ["a missing param", one({ run: ["x"] }, { params: { year: { type: "integer" } } }), {}, "PARAM_INVALID: param year: has no default, so it must be given"],
    [
      "a param that does not parse",
      one({ run: ["x"] }, { params: { year: { type: "integer" } } }),
      { params: { year: "20x" } },
      'PARAM_INVALID: param year: "20x" is not integer',
    ],
    [
      "a param that does not fit",
      one({ run: ["x"] }, { params: { year: { type: "integer", minimum: 2000 } } }),
      { params: { year: "1999" } },
      "PARAM_INVALID: param year: 1999 must be >= 2000",
    ],
    [
      "a param that reads as an option",
      one({ run: ["git", "${params.x}"] }, { params: { x: { type: "string" } } }),
      { params: { x: "--upload-pack=sh" } },
      "${params.x} begins with '-'",
    ],
    [
      "such a param in a gate of the run",
      one({ run: ["x"] }, { params: { x: { type: "string" } }, gates: [{ id: "g", run: ["git", "${params.x}"] }] }),
      { params: { x: "-x" } },
      "begins with '-'",
    ],
    ["a module that is not registered", one({ module: "m" }), {}, "MODULE_NOT_FOUND: module m is not registered in lily.yaml"],
    ["a module whose name is inherited", one({ module: "toString" }), {}, "MODULE_NOT_FOUND: module toString"],
    ["a module file that is missing", one({ module: "m" }), { modules: { m: "gone.ts" } }, "MODULE_NOT_FOUND: module m: gone.ts"],
    ["a module file outside", one({ module: "m" }), { modules: { m: "../x.ts" } }, "MODULE_NOT_FOUND: module m: ../x.ts"],
    ["a module file behind a link", one({ module: "m" }), { modules: { m: "link.mjs" } }, "MODULE_NOT_FOUND: module m: link.mjs"],
    ["an unknown schema", one({ run: ["x"], outputs: { o: { path: "o", schema: "t.v1" } } }), {}, "SCHEMA_UNKNOWN: schema t.v1"],
    ["an unknown schema of an input", one({ run: ["x"] }, { inputs: { i: { schema: "t.v1" } } }), {}, "SCHEMA_UNKNOWN: schema t.v1"],
    ["uses of a missing file", one({ run: ["x"], uses: ["lib/gone.mjs"] }), {}, "WORKFLOW_INVALID: uses names lib/gone.mjs"],
    ["an engine", one({ engine: {} }), {}, "EXECUTOR_UNAVAILABLE: step a"],
    ["an approval", one({ run: ["x"], gates: [{ id: "g", approval: {} }] }), {}, "EXECUTOR_UNAVAILABLE: gate g"],
    ["a duration that is too long", one({ run: ["x"], timeout: "9999h" }), {}, "DURATION_INVALID"],
    ["a route that does nothing", one({ run: ["x"] }, { routes: [{ id: "r", when: {}, do: {} }] }), {}, "WORKFLOW_INVALID: route r"],
    ["a reference to no param", one({ run: ["x", "${params.gone}"] }), {}, "WORKFLOW_INVALID: reference"],
  ])("refuses %s", async (_name, document, options, expected) => {
    expect(await codeOf(setup().plan(document, options))).toContain(expected);
  });

  test.each<[string, JsonValue, JsonValue]>([
    ["integer", "-5", -5],
    ["number", "1.5", 1.5],
    ["boolean", "true", true],
    ["array", "[1,2]", [1, 2]],
    ["object", '{"a":1}', { a: 1 }],
    ["string", "5", "5"],
    ["integer", 7, 7],
  ])("a text for a parameter of type %s is read as that type", async (type, given, expected) => {
    const { plan } = await setup().plan(one({ run: ["x"] }, { params: { p: { type } } }), { params: { p: given } });
    expect(plan.params["p"]).toEqual(expected);
  });

  test("faults of the file tree are not taken for absence", async () => {
    const { tree } = setup();
    const broken = { ...tree, stat: () => Promise.reject(new Error("disk")), open: () => Promise.reject(new Error("disk")) };
    await expect(compilePlan({ document: one({ run: ["node", "steps/clean.mjs"] }), tree: broken })).rejects.toThrow("disk");
    await expect(compilePlan({ document: one({ module: "m" }), modules: { m: "m.ts" }, tree: broken })).rejects.toThrow("disk");
  });
});

describe("verifyPlanCode", () => {
  test("names each file that changed, vanished or appeared, with both digests", async () => {
    const { files, tree, plan } = setup();
    const document = one({ run: ["node", "steps/clean.mjs", "gates/rows.mjs"], uses: ["lib/**"], outputs: { o: { glob: "lib/made-*.mjs" } } });
    const { plan: bound, planHash } = await plan(document);
    expect(await verifyPlanCode(bound, tree)).toEqual([]);
    files["steps/clean.mjs"] = "edited";
    files["gates/rows.mjs"] = null;
    files["lib/new.mjs"] = "new";
    files["lib/made-1.mjs"] = "an output";
    const problems = await verifyPlanCode(bound, tree);
    expect(problems.map((problem) => problem.file)).toEqual(["gates/rows.mjs", "steps/clean.mjs", "lib/new.mjs"]);
    expect(problems[1]?.message).toContain(digestBytes("clean"));
    expect(problems[1]?.message).toContain(digestBytes("edited"));
    expect(new Set(problems.map((problem) => problem.code))).toEqual(new Set(["WORKFLOW_DRIFT"]));
    expect(planHashOf(bound)).toBe(planHash);
    expect((await plan(one({ run: ["node", "steps/clean.mjs"] }))).planHash).not.toBe(planHash);
  });

  test("a plan from before uses was bound is compared by its files alone", async () => {
    const { tree, plan } = setup();
    const { uses: _, ...old } = (await plan(one({ run: ["node", "steps/clean.mjs"] }))).plan;
    expect(await verifyPlanCode(old, tree)).toEqual([]);
  });
});
