import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import { checkWorkflow } from "./check-workflow.ts";
import { emptyCatalog, type PackCatalog } from "./pack-catalog.ts";
import type { PackTemplate } from "./pack-template.ts";
import { type FillProblem, fillValue } from "./pack-text.ts";
import { parseTemplate, type TemplatePiece } from "./template.ts";

const template = (params: PackTemplate["params"], body: JsonObject): PackTemplate => ({ title: null, params, body });

const catalog: PackCatalog = {
  modules: new Set(["tab.check"]),
  executors: new Map([["tab.python", ["python3", "-I"]]]),
  stepTemplates: new Map([
    [
      "tab.profile",
      template(
        { table: { type: "string" }, least: { type: "integer", minimum: 1, default: 3 }, columns: { type: "array", items: { type: "string" }, default: [] } },
        {
          module: "tab.check",
          title: "Profile",
          timeout: "5s",
          env: { A: "1", B: "2" },
          with: { table: "${with.table}", least: "${with.least}", columns: "${with.columns}", label: "least ${with.least} of ${step.id}" },
          outputs: { profile: {} },
          gates: [{ id: "${step.id}-own", module: "tab.check", with: { of: "${step.outputs.profile}", try: "${attempt}" } }],
        },
      ),
    ],
    ["tab.py", template({ file: { type: "string" } }, { executor: "tab.python", run: ["${with.file}"] })],
    ["tab.bad", template({}, { run: ["true"], needs: ["nobody"], timeout: "0s" })],
  ]),
  gateTemplates: new Map([
    ["tab.rows", template({ of: { type: "string" }, min: { type: "integer" } }, { module: "tab.check", with: { of: "${with.of}", min: "${with.min}" } })],
  ]),
  routes: [
    { id: "tab.stale", template: "tab.rows", status: "failed", violation: null, do: { escalate: "look" } },
    { id: "tab.late", template: "tab.profile", status: "timeout", violation: null, do: { retry: true, max: 2 } },
  ],
};

const check = (text: string, packs: PackCatalog = catalog) => checkWorkflow(new TextEncoder().encode(`workflow: w\nversion: 1\n${text}`), { packs });
const problemsOf = async (text: string, packs?: PackCatalog) => (await check(text, packs)).problems.map(({ line, message }) => `${line} ${message}`);

describe("a step with template", () => {
  test("becomes the template's step with the values of the use, own members over it", async () => {
    const { problems, document } = await check(`params: { n: { type: integer, default: 1 } }
steps:
  p:
    template: tab.profile
    with: { table: t.csv, columns: [a, b] }
    title: Mine
    env: { B: own, C: "3" }
    needs: [q]
    gates: [{ id: g, run: [node] }]
  q: { run: [x] }
`);
    expect(problems).toEqual([]);
    expect(document?.steps["p"]).toEqual({
      module: "tab.check",
      title: "Mine",
      timeout: "5s",
      env: { A: "1", B: "own", C: "3" },
      with: { table: "t.csv", least: 3, columns: ["a", "b"], label: "least 3 of p" },
      outputs: { profile: {} },
      needs: ["q"],
      gates: [
        { id: "p-own", module: "tab.check", with: { of: "${steps.p.outputs.profile}", try: "${attempt}" } },
        { id: "g", run: ["node"] },
      ],
    });
  });

  test("references that a use gives stand for themselves, and imply needs", async () => {
    const { problems, document } = await check(`params: { n: { type: integer, default: 1 } }
steps:
  p: { template: tab.profile, with: { table: "\${steps.q.outputs.o}", least: "\${params.n}" } }
  q: { run: [x], outputs: { o: { path: o } } }
`);
    expect(problems).toEqual([]);
    expect(document?.steps["p"]?.with).toMatchObject({ table: "${steps.q.outputs.o}", least: "${params.n}", label: "least ${params.n} of p" });
  });

  test("its routes follow each use, under an id of their own", async () => {
    const { document, problems } = await check(`steps:
  p: { template: tab.profile, with: { table: t } }
  q: { template: tab.profile, with: { table: t }, gates: [{ id: rows, template: tab.rows, with: { of: "\${steps.q.outputs.profile}", min: 1 } }] }
gates: [{ id: all, template: tab.rows, required: false, with: { of: "\${steps.p.outputs.profile}", min: 1 } }]
routes: [{ id: own, when: { gate: all }, do: { continue: true } }]
`);
    expect(problems).toEqual([]);
    expect(document?.routes).toEqual([
      { id: "own", when: { gate: "all" }, do: { continue: true } },
      { id: "tab.stale.rows", when: { gate: "rows", status: "failed" }, do: { escalate: "look" } },
      { id: "tab.stale.all", when: { gate: "all", status: "failed" }, do: { escalate: "look" } },
      { id: "tab.late.p", when: { step: "p", status: "timeout" }, do: { retry: true, max: 2 } },
      { id: "tab.late.q", when: { step: "q", status: "timeout" }, do: { retry: true, max: 2 } },
    ]);
    expect(document?.gates?.[0]).toEqual({ id: "all", required: false, module: "tab.check", with: { of: "${steps.p.outputs.profile}", min: 1 } });
  });

  test("an executor stands before the argv, of a step and of a template", async () => {
    const { document, problems } = await check("steps:\n  a: { executor: tab.python, run: [x.py, --fast] }\n  b: { template: tab.py, with: { file: y.py } }\n");
    expect(problems).toEqual([]);
    expect(document?.steps).toEqual({ a: { run: ["python3", "-I", "x.py", "--fast"] }, b: { run: ["python3", "-I", "y.py"] } });
  });

  test("a pure step whose module comes from a pack needs no uses: the pack is bound whole", async () => {
    const { problems } = await check("workdir: isolated\nsteps:\n  p: { template: tab.profile, pure: true, gates: [], with: { table: t } }\n");
    expect(problems.map((problem) => problem.message)).toEqual([expect.stringContaining("names ${attempt}")]);
  });

  test("a document without templates is not touched", async () => {
    const { document } = await check("steps: { a: { run: [x] } }\n", emptyCatalog);
    expect(document?.steps).toEqual({ a: { run: ["x"] } });
  });
});

describe("problems stand at the line of the use", () => {
  test.each<readonly [string, string, readonly string[]]>([
    [
      "an unknown template",
      "steps:\n  a:\n    template: tab.profil\n",
      ['5 steps.a.template: no pack brings the step template "tab.profil"; did you mean tab.profile?'],
    ],
    ["a template of a gate", "steps:\n  a:\n    template: tab.rows\n", ["5 steps.a.template: tab.rows is a template of a gate, not of a step"]],
    [
      "a template of a step",
      "steps: { a: { run: [x] } }\ngates:\n  - id: g\n    template: tab.py\n",
      ["6 gates[0].template: tab.py is a template of a step, not of a gate"],
    ],
    ["a template that is no name", "steps:\n  a: { template: 5 }\n", ["4 steps.a.template: must be the name of a template"]],
    ["a missing value", "steps:\n  a:\n    template: tab.profile\n", ["5 steps.a.template: template tab.profile needs with.table, which has no default"]],
    [
      "an unknown value",
      "steps:\n  a:\n    template: tab.profile\n    with:\n      table: t\n      leats: 1\n",
      ["8 steps.a.with.leats: template tab.profile has no param leats; did you mean least?"],
    ],
    [
      "a value that does not fit",
      "steps:\n  a:\n    template: tab.profile\n    with:\n      table: t\n      least: 0\n",
      ["8 steps.a.with.least: 0 does not fit param least of template tab.profile: must be >= 1"],
    ],
    ["a value of another type", "steps:\n  a:\n    template: tab.profile\n    with:\n      table: [t]\n", ["7 steps.a.with.table:"]],
    [
      "null where there is a default",
      "steps:\n  a:\n    template: tab.profile\n    with: { table: t, least: ~ }\n",
      ["6 steps.a.with.least: null does not fit"],
    ],
    ["values as a list", "steps:\n  a:\n    template: tab.profile\n    with: [t]\n", ["6 steps.a.with: must be a map"]],
    [
      "an own body",
      "steps:\n  a:\n    template: tab.py\n    with: { file: x }\n    shell: y\n",
      ["7 steps.a.shell: a step with template has no shell of its own"],
    ],
    [
      "a faulty member of the template",
      "steps:\n  a:\n    title: x\n    template: tab.bad\n",
      ["6 steps.a.needs[0]: needs the unknown step nobody", "6 steps.a.timeout: 0s must be at least 1 ms"],
    ],
    [
      "a reference that the use gives",
      'steps:\n  a:\n    title: x\n    template: tab.py\n    with: { file: "${params.z}" }\n',
      ["6 steps.a.run[2]: names the unknown param z"],
    ],
    [
      "an own gate behind those of the template",
      "steps:\n  a:\n    template: tab.profile\n    with: { table: t }\n    gates:\n      - { id: g, run: [x] }\n      - { id: g, run: [x] }\n",
      ["9 steps.a.gates[2].id: gate id g is used twice"],
    ],
    [
      "a gate of the template that another step has",
      "steps:\n  a:\n    template: tab.profile\n    with: { table: t }\n  b:\n    run: [x]\n    gates: [{ id: a-own, run: [x] }]\n",
      ["9 steps.b.gates[0].id: gate id a-own is used twice"],
    ],
    [
      "an own variable",
      'steps:\n  a:\n    template: tab.profile\n    with: { table: t }\n    env:\n      A: "${params.z}"\n',
      ["8 steps.a.env.A: names the unknown param z"],
    ],
    [
      "an unknown executor",
      "steps:\n  a:\n    run: [x]\n    executor: tab.pyton\n",
      ['6 steps.a.executor: no pack brings the executor "tab.pyton"; did you mean tab.python?'],
    ],
    ["an executor without argv", "steps:\n  a:\n    shell: x\n    executor: tab.python\n", ["6 steps.a.executor: an executor goes with run"]],
    ["an executor that is no name", "steps:\n  a: { run: [x], executor: 5 }\n", ["4 steps.a.executor: must be the name of an executor"]],
    [
      "an argv item behind an executor",
      'steps:\n  a:\n    executor: tab.python\n    run:\n      - x\n      - "${params.z}"\n',
      ["8 steps.a.run[3]: names the unknown param z"],
    ],
    [
      "an output that a template does not bring",
      'steps:\n  a:\n    template: tab.profile\n    with: { table: t }\n  b: { run: [x, "${steps.a.outputs.z}"] }\n',
      ["7 steps.b.run[1]: step a has no output z"],
    ],
    [
      "isolation that is lowered",
      "steps:\n  a:\n    template: tab.profile\n    with: { table: t }\n    isolation: none\n",
      ["7 steps.a.isolation: module tab.check comes from a pack"],
    ],
    [
      "a gate of the use with an unknown template",
      "steps:\n  a:\n    run: [x]\n    gates:\n      - id: g\n        template: tab.row\n",
      ['8 steps.a.gates[0].template: no pack brings the gate template "tab.row"; did you mean tab.rows?'],
    ],
    [
      "a gate whose values name nothing",
      'steps: { a: { run: [x] } }\ngates:\n  - id: g\n    template: tab.rows\n    with: { of: "${steps.a.outputs.o}", min: 1 }\n',
      ["6 gates[0].with.of: step a has no output o"],
    ],
  ])("%s", async (_name, text, expected) => {
    const found = await problemsOf(text);
    expect(found).toHaveLength(expected.length);
    found.forEach((problem, index) => expect(problem.startsWith(expected[index] ?? "?"), `${problem}\n${expected[index]}`).toBe(true));
  });

  test("without packs every template is unknown, and what is not known of it is not guessed", async () => {
    expect(await problemsOf('steps:\n  a: { template: tab.x }\n  b: { run: [x, "${steps.a.outputs.anything}"] }\n', emptyCatalog)).toEqual([
      '4 steps.a.template: no pack brings the step template "tab.x"; no pack of lily.yaml brings step templates',
    ]);
    expect(await problemsOf("steps:\n  a: { executor: tab.x, run: [x] }\n", emptyCatalog)).toEqual([
      '4 steps.a.executor: no pack brings the executor "tab.x"; no pack of lily.yaml brings executors',
    ]);
  });

  test("a route's id that would be too long is told at the use", async () => {
    const found = await problemsOf(`steps:\n  ${"s".repeat(120)}:\n    template: tab.profile\n    with: { table: t }\n`);
    expect(found[0]).toMatch(/^5 .*the route tab\.late of the pack needs a shorter id here/);
  });

  test("templates do not grow a document beyond its bounds", async () => {
    const grown = {
      ...catalog,
      stepTemplates: new Map([
        ["tab.big", template({ x: { type: "string" } }, { run: ["echo", ...Array.from({ length: 1000 }, () => "${with.x}${with.x}")] })],
      ]),
    };
    const found = await problemsOf(`steps:\n  a: { template: tab.big, with: { x: ${"y".repeat(60_000)} } }\n`, grown);
    expect(found).toEqual(["4 steps.a.template: template tab.big: the templates of this workflow grow beyond what Lily takes"]);
  });
});

describe("what a value holds", () => {
  const budget = () => ({ left: 1_000_000 });
  const filled = (text: string, values: Readonly<Record<string, JsonValue>>) =>
    fillValue(text, { values: new Map(Object.entries(values)), stepId: "s", budget: budget() });

  test.each([
    ["${with.a}${with.b}", { a: "$", b: "{params.x}" }],
    ["${with.a}{params.x}", { a: "$" }],
    ["${with.a}ams.x}", { a: "${par" }],
    ["${with.a}${attempt}", { a: "$" }],
    ["x${with.a}}", { a: "${params.x" }],
  ])("%s never joins into a reference with %j", (text, values) => {
    expect(() => filled(text, values)).toThrow("joins with what stands beside it");
  });

  test.each<readonly [string, Readonly<Record<string, JsonValue>>, JsonValue]>([
    ["${with.a}", { a: [1, { b: "${params.x}" }] }, [1, { b: "${params.x}" }]],
    ["${with.a}", { a: null }, null],
    ["a${with.a}b", { a: 1.5 }, "a1.5b"],
    ["a${with.a}b", { a: true }, "atrueb"],
    ["$${with.a}", { a: "x" }, "$${with.a}"],
    ["${attempt} ${route} ${run.id} ${step.id} ${step.outputs.o}", {}, "${attempt} ${route} ${run.id} s ${steps.s.outputs.o}"],
    ["${with.a}-${with.a}", { a: "${params.x}" }, "${params.x}-${params.x}"],
    ["costs $5 ${with.a}", { a: "$$" }, "costs $5 $$"],
  ])("%s with %j is %j", (text, values, expected) => {
    expect(filled(text, values)).toEqual(expected);
  });

  test.each<readonly [string, Readonly<Record<string, JsonValue>>, string]>([
    ["a${with.a}", { a: null }, "not null"],
    ["a${with.a}", { a: [1] }, "not a list or a map"],
    ["a${with.a}", { a: {} }, "not a list or a map"],
    ["${with.none}", {}, "has no value"],
    ["${params.x}", {}, "take it as a param"],
  ])("%s with %j is refused", (text, values, why) => {
    expect(() => filled(text, values)).toThrow(why);
  });

  test("whatever stands in texts and values, the result reads as its parts do, or is refused", () => {
    const part = fc.constantFrom("$", "{", "}", "${", "$${", "x", "${params.p}", "${attempt}", "params.p", "${with.a}", "${with.b}", "${step.id}", "-", "😀");
    const text = fc.array(part, { maxLength: 7 }).map((parts) => parts.join(""));
    const value = fc
      .array(fc.constantFrom("$", "{", "}", "${", "$${", "x", "${params.p}", "params.p}", "${inputs.i}"), { maxLength: 5 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, value, value, (pattern, a, b) => {
        let result: JsonValue;
        try {
          result = filled(pattern, { a, b });
        } catch (thrown) {
          expect((thrown as FillProblem).message).not.toBe("");
          return;
        }
        const given = new Set([...referencesOf(a), ...referencesOf(b), ...referencesOf(pattern), "${step.id}"]);
        for (const reference of referencesOf(String(result))) expect(given).toContain(reference);
        if (!/\$\{(?:with\.[ab]|step\.id)\}/.test(pattern)) expect(result).toBe(pattern);
      }),
      { numRuns: 5_000 },
    );
  });

  test("expanding is a function of the document: members of every step stay, none is a template afterwards", async () => {
    const use = fc.record(
      {
        table: fc.string({ maxLength: 8 }).filter((text) => !text.includes("$") && !text.includes("\0")),
        least: fc.integer({ min: 1, max: 9 }),
        columns: fc.array(fc.constantFrom("a", "b"), { maxLength: 3 }),
      },
      { requiredKeys: ["table"] },
    );
    const step = fc.oneof(
      use.map((values): JsonObject => ({ template: "tab.profile", with: values })),
      fc.constant<JsonObject>({ run: ["x"] }),
      fc.constant<JsonObject>({ executor: "tab.python", run: ["x.py"] }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (list) => {
        const steps = Object.fromEntries(list.map((one, index) => [`s${index}`, one]));
        const before = structuredClone(steps);
        const { problems, document } = await checkWorkflow({ workflow: "w", version: 1, steps }, { packs: catalog });
        expect(problems).toEqual([]);
        expect(steps).toEqual(before);
        expect(Object.keys(document?.steps ?? {})).toEqual(Object.keys(steps));
        for (const [id, expanded] of Object.entries(document?.steps ?? {})) {
          expect(expanded).not.toHaveProperty("template");
          expect(expanded).not.toHaveProperty("executor");
          const given = steps[id]?.["with"];
          if (given !== undefined && isJsonObject(given))
            expect(expanded.with).toMatchObject({ ...given, label: `least ${JSON.stringify(given["least"] ?? 3)} of ${id}` });
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** References, and malformed ones, of a text. */
function referencesOf(text: string): readonly string[] {
  return parseTemplate(text).flatMap((piece: TemplatePiece) => (piece.kind === "text" ? [] : [piece.source]));
}
