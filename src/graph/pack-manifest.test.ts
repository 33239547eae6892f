import { describe, expect, test } from "vitest";
import { type PackManifest, parsePackManifest } from "./pack-manifest.ts";

const head = 'pack: tab\nversion: 1.2.0\nkernel: ">=0.1.0 <1"\n';
const parse = (text: string, file = "lily-pack.yaml") => parsePackManifest(new TextEncoder().encode(text), file, ["gate_result", "why"]);

interface Bad {
  readonly name: string;
  readonly text: string;
  readonly line: number;
  readonly names: string;
  readonly code?: string;
}

/** `members` begin at line 4. */
const bad = (name: string, members: string, line: number, names: string, code = "PACK_INVALID"): Bad => ({ name, text: head + members, line, names, code });
const whole = (name: string, text: string, line: number, names: string, code = "PACK_INVALID"): Bad => ({ name, text, line, names, code });
const headed = (pack: string, version = "1.2.0", kernel = '">=0.1.0 <1"') => `pack: ${pack}\nversion: ${version}\nkernel: ${kernel}\n`;
const step = (name: string, body: string, names: string, line = 7): Bad =>
  bad(name, `step_templates:\n  tab.s:\n    params: { n: { type: integer } }\n    step: ${body}\n`, line, names);
const gate = (name: string, body: string, names: string, line = 7): Bad =>
  bad(name, `gate_templates:\n  tab.g:\n    params: { n: { type: integer } }\n    gate: ${body}\n`, line, names);

const cases: readonly Bad[] = [
  whole("an empty file", "", 1, "empty", "YAML_INVALID"),
  whole("a list", "- pack\n", 1, "must be a map"),
  whole("a manifest without a name", "version: 1.2.0\nkernel: '*'\n", 1, "pack: is missing"),
  whole("a manifest without a version", "pack: tab\nkernel: '*'\n", 1, "version: is missing"),
  whole("a manifest without a range of Lily", "pack: tab\nversion: 1.2.0\n", 1, "kernel: is missing"),
  whole("a name in capitals", headed("Tab"), 1, "is not a pack name"),
  whole("a name with a dash", headed("my-tab"), 1, "is not a pack name"),
  whole("a name with a slash", headed("a/b"), 1, "is not a pack name"),
  whole("a name that climbs", headed('".."'), 1, "is not a pack name"),
  whole("a name with an empty part", headed("a..b"), 1, "is not a pack name"),
  whole("a name of 65 letters", headed("a".repeat(65)), 1, "at most 64"),
  whole("the name of Lily", headed("lily"), 1, "is reserved"),
  whole("a name below Lily's", headed("lily.tab"), 1, "is reserved"),
  whole("the name kernel", headed("kernel"), 1, "is reserved"),
  whole("the name builtin", headed("builtin"), 1, "is reserved"),
  whole("the name workspace", headed("workspace"), 1, "is reserved"),
  whole("the name of a built-in schema", headed("gate_result"), 1, "is reserved"),
  whole("a version with a v", headed("tab", "v1.2.0"), 2, "is not a version"),
  whole("a version of two numbers", headed("tab", '"1.2"'), 2, "is not a version"),
  whole("a version as a number", headed("tab", "1.2"), 2, "must be a text"),
  whole("a range that is none", headed("tab", "1.2.0", '"newest"'), 3, "is not a range"),
  whole("an empty range", headed("tab", "1.2.0", '""'), 3, "is not a range"),
  whole("a name given twice", `${head}pack: other\n`, 4, '"pack"', "YAML_INVALID"),
  bad("an unknown member with its likely name", "modulez: {}\n", 4, "did you mean modules?"),
  bad("a prototype as a key", "modules: { __proto__: x }\n", 4, "__proto__", "YAML_INVALID"),
  bad("a module outside of the namespace", "modules: { other.m: ./m.mjs }\n", 4, "did you mean tab.other.m?"),
  bad("a module that is the namespace", "modules: { tab: ./m.mjs }\n", 4, 'must begin with "tab."'),
  bad("a module in the namespace of a longer name", "modules: { table.m: ./m.mjs }\n", 4, 'must begin with "tab."'),
  bad("a schema outside of the namespace", "schemas: { other.v1: ./s.json }\n", 4, 'must begin with "tab."'),
  bad("a schema without a version", "schemas: { tab.table: ./s.json }\n", 4, "name.vN"),
  bad("an executor outside of the namespace", "executors: { py: { run: [python3] } }\n", 4, "did you mean tab.py?"),
  bad(
    "a route outside of the namespace",
    "step_templates: { tab.s: { step: { run: [x] } } }\nroutes: [{ id: r, when: { template: tab.s }, do: { abort: x } }]\n",
    5,
    "did you mean tab.r?",
  ),
  bad("modules that differ in case only", "modules:\n  tab.a: a.mjs\n  tab.A: b.mjs\n", 6, "differ in case only"),
  bad("a path that climbs", "modules: { tab.m: ../m.mjs }\n", 4, "'..' segment"),
  bad("a path that climbs later", "schemas: { tab.t.v1: ./a/../../s.json }\n", 4, "'..' segment"),
  bad("an absolute path", "modules: { tab.m: /etc/passwd }\n", 4, "is absolute"),
  bad("a path with a backslash", 'modules: { tab.m: "a\\\\b.mjs" }\n', 4, "backslash"),
  bad("a path with a NUL", 'modules: { tab.m: "a\\0b" }\n', 4, "control character"),
  bad("a path in node_modules", "modules: { tab.m: node_modules/x/m.mjs }\n", 4, "the digest of a pack leaves out"),
  bad("a path in NODE_MODULES", "modules: { tab.m: lib/NODE_MODULES/m.mjs }\n", 4, "the digest of a pack leaves out"),
  bad("a path of a dot file", "modules: { tab.m: lib/.m.mjs }\n", 4, "the digest of a pack leaves out"),
  bad("an executor by path", "executors: { tab.e: { run: [/usr/bin/python3] } }\n", 4, "found on PATH"),
  bad("an executor by relative path", "executors: { tab.e: { run: [bin/x] } }\n", 4, "found on PATH"),
  bad("an executor by option", "executors: { tab.e: { run: [--version] } }\n", 4, "found on PATH"),
  bad("an executor with a reference", 'executors: { tab.e: { run: [python3, "${params.x}"] } }\n', 4, "holds a reference"),
  bad("an executor without argv", "executors: { tab.e: { run: [] } }\n", 4, "at least 1"),
  bad("an executor as a list", "executors: { tab.e: [python3] }\n", 4, "must be a map"),
  bad("an unknown member of an executor", "executors: { tab.e: { run: [x], env: {} } }\n", 4, "unknown member"),
  bad(
    "one name for a step and a gate template",
    "step_templates: { tab.t: { step: { run: [x] } } }\ngate_templates: { tab.t: { gate: { run: [x] } } }\n",
    5,
    "the name of a step template already",
  ),
  step("a template with two bodies", "{ run: [x], shell: y }", "more than one"),
  step("a template without a body", "{ title: x }", "exactly one of"),
  step("a template that expands into a template", "{ template: tab.s }", "do not expand into templates"),
  step("a template whose gate expands into a template", "{ run: [x], gates: [{ id: g, template: tab.g }] }", "do not expand into templates"),
  step("an unknown member of a step", "{ run: [x], timeot: 1s }", "did you mean timeout?"),
  step("a number in argv", "{ run: [x, 5] }", "run[1]"),
  step("an unknown param", '{ run: [x, "${with.m}"] }', "unknown param m"),
  step("a param of the workflow", '{ run: [x, "${params.n}"] }', "take it as a param"),
  step("an input of the workflow", '{ run: [x, "${inputs.n}"] }', "take it as a param"),
  step("another step", '{ run: [x, "${steps.a.outputs.b}"] }', "take it as a param"),
  step("a reference that does not close", '{ run: [x, "${with.n"] }', "no closing brace"),
  step("a reference of no kind", '{ run: [x, "${env.HOME}"] }', "is not with.NAME"),
  step("a value in shell text", '{ shell: "cat ${with.n}" }', "takes no values"),
  gate("a gate with an id", "{ id: g, run: [x] }", "given where the template is used"),
  gate("a gate without a check", "{ required: false }", "exactly one of"),
  gate("a gate that expands into a template", "{ template: tab.g }", "do not expand into templates"),
  gate("a gate that names its step", '{ run: [x, "${step.id}"] }', "does not know its step"),
  gate("an unknown member of a gate", "{ run: [x], timout: 1s }", "did you mean timeout?"),
  bad(
    "a param with a schema that refers outside",
    "step_templates:\n  tab.s:\n    params: { n: { $ref: x.json } }\n    step: { run: [x] }\n",
    6,
    "$ref is not allowed",
  ),
  bad(
    "a default that does not fit",
    "step_templates:\n  tab.s:\n    params: { n: { type: integer, default: x } }\n    step: { run: [x] }\n",
    6,
    "does not fit its own schema",
  ),
  bad("a pattern that never ends", 'step_templates:\n  tab.s:\n    params: { n: { type: string, pattern: "(a+)+$" } }\n    step: { run: [x] }\n', 6, "pattern"),
  bad(
    "params that differ in case only",
    "step_templates:\n  tab.s:\n    params: { n: { type: integer }, N: { type: integer } }\n    step: { run: [x] }\n",
    6,
    "differ in case only",
  ),
  bad(
    "a route of an unknown template",
    "step_templates: { tab.s: { step: { run: [x] } } }\nroutes: [{ id: tab.r, when: { template: tab.z }, do: { abort: x } }]\n",
    5,
    "no template of this pack",
  ),
  bad("a route for everything", "routes: [{ id: tab.r, when: { violation: true }, do: { abort: x } }]\n", 4, "template: is missing"),
  bad(
    "a route that goes to a step",
    "step_templates: { tab.s: { step: { run: [x] } } }\nroutes: [{ id: tab.r, when: { template: tab.s }, do: { goto: clean } }]\n",
    5,
    'unknown member "goto"',
  ),
  bad(
    "a route that does two things",
    "step_templates: { tab.s: { step: { run: [x] } } }\nroutes: [{ id: tab.r, when: { template: tab.s }, do: { retry: true, abort: x } }]\n",
    5,
    "exactly one of",
  ),
  bad(
    "a route with a bound of nothing",
    "step_templates: { tab.s: { step: { run: [x] } } }\nroutes: [{ id: tab.r, when: { template: tab.s }, do: { abort: x, max: 2 } }]\n",
    5,
    "bounds retry only",
  ),
  bad(
    "a route on what a gate never is",
    "gate_templates: { tab.g: { gate: { run: [x] } } }\nroutes: [{ id: tab.r, when: { template: tab.g, status: timeout }, do: { abort: x } }]\n",
    5,
    "a gate is never timeout",
  ),
  bad(
    "a route on violations of a gate",
    "gate_templates: { tab.g: { gate: { run: [x] } } }\nroutes: [{ id: tab.r, when: { template: tab.g, violation: true }, do: { abort: x } }]\n",
    5,
    "no violations",
  ),
  bad(
    "route ids used twice",
    "step_templates: { tab.s: { step: { run: [x] } } }\nroutes:\n  - { id: tab.r, when: { template: tab.s }, do: { abort: x } }\n  - { id: tab.R, when: { template: tab.s }, do: { abort: x } }\n",
    7,
    "used twice",
  ),
  bad("a pattern of its policy that can match nothing", "policy: { write: { deny: [/abs/x] } }\n", 4, "is absolute", "PATH_INVALID"),
  bad("an unknown member of the policy", "policy: { netwrk: deny }\n", 4, "did you mean network?"),
];

describe("the manifest of a pack", () => {
  test.each(cases)("refuses $name", async ({ text, line, names, code }) => {
    const { manifest, problems } = await parse(text);
    expect(manifest).toBeNull();
    expect(problems.map((problem) => `${problem.code} ${problem.line} ${problem.message}`).join("\n")).toMatch(
      new RegExp(`^${code} ${line} .*${names.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}`, "m"),
    );
  });

  test("takes everything that a pack may bring", async () => {
    const { manifest, problems } = await parse(`${head}title: Tables
schemas: { tab.profile.v1: ./schemas/profile.json }
modules: { tab.check: ./modules/check.mjs }
executors: { tab.python: { run: [python3, -I] } }
step_templates:
  tab.profile:
    title: What a table holds
    params: { table: { type: string }, least: { type: integer, default: 1 } }
    step:
      module: tab.check
      with: { table: "\${with.table}", least: "\${with.least}" }
      outputs: { profile: { schema: tab.profile.v1 } }
      gates: [{ id: "\${step.id}-shape", schema: tab.profile.v1, of: "\${step.outputs.profile}" }]
gate_templates:
  tab.rows: { params: { of: { type: string }, max: { type: string, default: 1m } }, gate: { module: tab.check, timeout: "\${with.max}", with: { of: "\${with.of}", at: "\${attempt}" } } }
routes: [{ id: tab.again, when: { template: tab.rows, status: error }, do: { retry: true, max: 2 } }]
policy: { network: deny }
`);
    expect(problems).toEqual([]);
    const expected: Partial<PackManifest> = {
      pack: "tab",
      title: "Tables",
      schemas: { "tab.profile.v1": "schemas/profile.json" },
      modules: { "tab.check": "modules/check.mjs" },
      executors: { "tab.python": ["python3", "-I"] },
      policy: { network: "deny" },
      routes: [{ id: "tab.again", template: "tab.rows", status: "error", violation: null, do: { retry: true, max: 2 } }],
    };
    expect(manifest).toMatchObject(expected);
  });

  test("may be JSON, and members may be left out or empty", async () => {
    const text = JSON.stringify({ pack: "tab", version: "1.0.0-rc.1", kernel: "*", schemas: null, modules: {} });
    expect((await parse(text, "lily-pack.json")).manifest).toMatchObject({ pack: "tab", schemas: {}, executors: {}, routes: [], policy: null });
  });

  test("a manifest that is not UTF-8 or too large is told, never thrown", async () => {
    expect((await parsePackManifest(new Uint8Array([0xff]), "lily-pack.yaml")).problems[0]?.code).toBe("INPUT_NOT_UTF8");
    expect((await parse(`#${" ".repeat(16 * 1024 * 1024)}`)).problems[0]?.code).toBe("INPUT_TOO_LARGE");
  });
});
