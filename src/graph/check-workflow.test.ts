import { describe, expect, test } from "vitest";
import { type BadCase, checkText, matching, withRoot, withStep } from "./check-workflow.test-support.ts";
import { checkWorkflow } from "./check-workflow.ts";

const invalid = "WORKFLOW_INVALID";
const step = (name: string, members: string, line: number, names: string, code = invalid, after = ""): BadCase => ({
  name,
  text: withStep(members, after),
  code,
  line,
  names,
});
const root = (name: string, members: string, line: number, names: string, code = invalid): BadCase => ({ name, text: withRoot(members), code, line, names });
const whole = (name: string, text: string, line: number, names: string, code = invalid): BadCase => ({ name, text, code, line, names });
const run = "run: [node]";

const shapes: readonly BadCase[] = [
  whole("a document without an id", "version: 1\nsteps: { a: { run: [x] } }\n", 1, "workflow: is missing"),
  whole("a document without a version", "workflow: w\nsteps: { a: { run: [x] } }\n", 1, "version: must be 1"),
  whole("a document without steps", "workflow: w\nversion: 1\n", 1, "steps: is missing"),
  whole("no steps at all", "workflow: w\nversion: 1\nsteps: {}\n", 3, "1 to 100000 steps"),
  whole("another version", "workflow: w\nversion: 2\nsteps: { a: { run: [x] } }\n", 2, "not 2"),
  whole("a version as text", "workflow: w\nversion: '1'\nsteps: { a: { run: [x] } }\n", 2, '"1"'),
  whole("steps as a list", "workflow: w\nversion: 1\nsteps:\n  - run: [x]\n", 3, "steps: must be a map"),
  whole("an id with a space", "workflow: my flow\nversion: 1\nsteps: { a: { run: [x] } }\n", 1, '"my flow"'),
  whole("an id with two dots", "workflow: a..b\nversion: 1\nsteps: { a: { run: [x] } }\n", 1, '"a..b"'),
  whole("an id that climbs", "workflow: ../x\nversion: 1\nsteps: { a: { run: [x] } }\n", 1, '"../x"'),
  whole("a Cyrillic letter in an id", "workflow: w\nversion: 1\nsteps:\n  \u0441lean: { run: [x] }\n", 4, "\u0441lean"),
  whole("a zero-width character in an id", "workflow: w\nversion: 1\nsteps:\n  cl\u200bean: { run: [x] }\n", 4, "is not an identifier"),
  whole("a right-to-left override in an id", "workflow: w\nversion: 1\nsteps:\n  a\u202eb: { run: [x] }\n", 4, "is not an identifier"),
  whole("a full-width letter in an id", "workflow: w\nversion: 1\nsteps:\n  \uff41: { run: [x] }\n", 4, "is not an identifier"),
  whole("an empty step id", "workflow: w\nversion: 1\nsteps:\n  '': { run: [x] }\n", 4, "is not an identifier"),
  whole("a step id with a slash", "workflow: w\nversion: 1\nsteps:\n  a/b: { run: [x] }\n", 4, "a/b"),
  whole("a step id that begins with a dash", "workflow: w\nversion: 1\nsteps:\n  --x: { run: [x] }\n", 4, "--x"),
  whole("a step id of 129 characters", `workflow: w\nversion: 1\nsteps:\n  ${"a".repeat(129)}: { run: [x] }\n`, 4, "at most 128"),
  whole("step ids that differ in case only", "workflow: w\nversion: 1\nsteps:\n  Clean: { run: [x] }\n  clean: { run: [x] }\n", 5, "Clean and clean"),
  whole("a step id with the segment outputs", "workflow: w\nversion: 1\nsteps:\n  a.outputs.b: { run: [x] }\n", 4, "a.outputs.b"),
  root("an unknown member with its likely name", "polcy: {}", 5, "did you mean policy?"),
  step("an unknown member of a step", "run: [node]\ntimeot: 5s", 6, "did you mean timeout?"),
  step("an unknown member of a gate", "run: [node]\ngates:\n  - { id: g, rn: [x] }", 7, "did you mean run?"),
  step("an unknown member of an output", "run: [node]\noutputs:\n  o: { path: x, shema: a.v1 }", 7, "did you mean schema?"),
  step("an unknown member of a retry", "run: [node]\nretry: { mx: 1 }", 6, "did you mean max?"),
  step("an unknown member of an effect", "run: [node]\neffects: [{ category: other, description: x, hnt: y }]", 6, "did you mean hint?"),
  step("an unknown member of a hash gate", "run: [node]\ngates: [{ id: g, hash: { law: sha256_bundle_digest, rot: x } }]", 6, "did you mean root?"),
  root("an unknown member of a route", "routes:\n  - { id: r, wen: {}, do: { continue: true } }", 6, "did you mean when?"),
  root("an unknown member of a condition", "routes: [{ id: r, when: { stp: a }, do: { continue: true } }]", 5, "did you mean step?"),
  root("an unknown member of an action", "routes: [{ id: r, when: {}, do: { gotoo: a } }]", 5, "did you mean goto?"),
  root("an unknown member of the policy", "policy: { tols: [] }", 5, "did you mean tools?"),
  root("an unknown member of the write policy", "policy: { write: { alow: [] } }", 5, "did you mean allow?"),
  root("an unknown member of an input", "inputs: { i: { fil: x } }", 5, "did you mean file?"),
  root("an unknown member of the defaults", "defaults: { timout: 1s }", 5, "did you mean timeout?"),
  step("a step without a body", "title: nothing", 4, "exactly one of run, shell, module, engine, llm, template"),
  step("a step with two bodies", "run: [node]\nshell: x", 4, "more than one"),
  step("argv as a text", "run: node x.mjs", 5, "must be a list"),
  step("an empty argv", "run: []", 5, "at least 1"),
  step("a number in argv", "run: [node, 5]", 5, "run[1]"),
  step("null in argv", "run: [node, ~]", 5, "quote it"),
  step("a number as an environment value", `${run}\nenv: { PORT: 80 }`, 6, "env.PORT"),
  step("an environment name with a dash", `${run}\nenv: { A-B: x }`, 6, '"A-B"'),
  step("an environment name with an equals sign", `${run}\nenv: { "A=B": x }`, 6, "A=B"),
  step("every variable of the caller", `${run}\nenv_from: ["*"]`, 6, '"*"'),
  step("a secret as a pattern", `${run}\nsecrets: ["DB_*"]`, 6, '"DB_*"'),
  step("a timeout without a unit", `${run}\ntimeout: 30`, 6, "timeout"),
  step("a timeout in words", `${run}\ntimeout: 5 minutes`, 6, "5 minutes"),
  step("a negative timeout", `${run}\ntimeout: -5s`, 6, "-5s"),
  step("101 retries", `${run}\nretry: { max: 101 }`, 6, "at most 100"),
  step("negative retries", `${run}\nretry: { max: -1 }`, 6, "at least 0"),
  step("a retry factor below one", `${run}\nretry: { factor: 0.5 }`, 6, "at least 1"),
  step("a retry factor of eleven", `${run}\nretry: { factor: 11 }`, 6, "at most 10"),
  step("a fraction of a retry", `${run}\nretry: { max: 1.5 }`, 6, "retry.max"),
  step("a need as a text", `${run}\nneeds: b`, 6, "must be a list"),
  step("yes in place of true", `${run}\npure: yes`, 6, '"yes"'),
  step("an unknown workdir", `${run}\nworkdir: isolatd`, 6, "did you mean isolated?"),
  step("an unknown category of effect", `${run}\neffects: [{ category: network_, description: x }]`, 6, "did you mean network?"),
  step("a schema id without a version", `${run}\noutputs: { o: { path: x, schema: table } }`, 6, "name.vN"),
  step("a media type that is none", `${run}\noutputs: { o: { path: x, media_type: json } }`, 6, "media type"),
  step("an unknown law", `${run}\ngates: [{ id: g, hash: { law: sha1, root: x } }]`, 6, '"sha1"'),
  step("a gate with nothing to judge", `${run}\ngates: [{ id: g }]`, 6, "exactly one of run, schema, hash, approval, module, template"),
  step("a gate with two checks", `${run}\ngates: [{ id: g, run: [x], hash: { law: sha256_bundle_digest, root: x } }]`, 6, "more than one"),
  step("a gate without an id", `${run}\ngates: [{ run: [x] }]`, 6, "gates[0].id: is missing"),
  step("a log limit of nothing", `${run}\nlog_limit: 0`, 6, "log_limit"),
  root("a route without an action", "routes: [{ id: r, when: {}, do: {} }]", 5, "exactly one of retry, goto, escalate, abort, continue"),
  root("a route with two actions", "routes: [{ id: r, when: {}, do: { goto: a, continue: true } }]", 5, "more than one"),
  root("a goto that may happen 101 times", "routes: [{ id: r, when: {}, do: { goto: a, max: 101 } }]", 5, "at most 100"),
  root("a goto that may never happen", "routes: [{ id: r, when: {}, do: { goto: a, max: 0 } }]", 5, "at least 1"),
  root("an action that is denied", "routes: [{ id: r, when: {}, do: { continue: false } }]", 5, "must be true"),
  root("an unknown sandbox", "policy: { sandbox: required }", 5, "did you mean require?"),
  root("no attempts at all", "policy: { attempts_max: 0 }", 5, "attempts_max"),
];

const meanings: readonly BadCase[] = [
  step("an unknown need", `${run}\nneeds: [clen]`, 6, "did you mean clean?", invalid, "  clean: { run: [x] }\n"),
  step("a need of itself", `${run}\nneeds: [a]`, 6, "step a needs itself"),
  step("a need listed twice", `${run}\nneeds: [b, b]`, 6, "b is listed twice", invalid, "  b: { run: [x] }\n"),
  step("a cycle of two", `${run}\nneeds: [b]`, 6, "a -> b -> a", invalid, "  b: { run: [x], needs: [a] }\n"),
  step("a cycle of three", `${run}\nneeds: [b]`, 6, "a -> b -> c -> a", invalid, "  b: { run: [x], needs: [c] }\n  c: { run: [x], needs: [a] }\n"),
  step(
    "a cycle through references",
    'run: [node, "${steps.b.outputs.o}"]',
    4,
    "implied by a reference",
    invalid,
    "  b: { run: [x], needs: [a], outputs: { o: { path: p } } }\n",
  ),
  step("an unknown param", 'run: [node, "${params.yaer}"]', 5, "did you mean year?", invalid, "params: { year: { default: 1 } }\n"),
  step("an unknown input", 'run: [node, "${inputs.cvs}"]', 5, "did you mean csv?", invalid, "inputs: { csv: { file: x } }\n"),
  step("an unknown input in reads", `${run}\nreads: [cvs]`, 6, "did you mean csv?", invalid, "inputs: { csv: { file: x } }\n"),
  step("an input listed twice in reads", `${run}\nreads: [csv, csv]`, 6, "input csv is listed twice", invalid, "inputs: { csv: { file: x } }\n"),
  step("an output of an unknown step", 'run: [node, "${steps.bb.outputs.o}"]', 5, "unknown step bb"),
  step(
    "an unknown output of a step",
    'run: [node, "${steps.b.outputs.tabel}"]',
    5,
    "did you mean table?",
    invalid,
    "  b: { run: [x], outputs: { table: { path: p } } }\n",
  ),
  step("its own output", 'run: [node, "${steps.a.outputs.o}"]\noutputs: { o: { path: p } }', 5, "its own output o"),
  step("its own output in env", `${run}\noutputs: { o: { path: p } }\nenv: { X: "\${steps.a.outputs.o}" }`, 7, "its own output o"),
  step("a reference to nothing known", 'run: [node, "${HOME}"]', 5, "${HOME}"),
  step("a reference without an end", 'run: [node, "${params.x"]', 5, "no closing brace"),
  step("an empty reference", 'run: [node, "${}"]', 5, "${}"),
  step("a reference in a reference", 'run: [node, "${params.${params.x}}"]', 5, "${params.${params.x}"),
  step("a reference with spaces", 'run: [node, "${ params.x }"]', 5, "${ params.x }"),
  step("a reference with a climbing name", 'run: [node, "${params.../x}"]', 5, "${params.../x}"),
  step("a step's status as a reference", 'run: [node, "${steps.b.status}"]', 5, "${steps.b.status}"),
  step("an expression in a reference", 'run: [node, "${params.x || 1}"]', 5, "||"),
  step("a param in shell text", 'shell: "echo ${params.x}"', 5, "not replaced in shell text"),
  step("an output in shell text", 'shell: "cat ${steps.b.outputs.o}"', 5, "not replaced in shell text"),
  step("the run's id in shell text", 'shell: "echo ${run.id}"', 5, "${run.id}"),
  step("a NUL in shell text", 'shell: "echo \\0"', 5, "NUL"),
  step("an empty program", 'run: ["", x]', 5, "names the program"),
  step("a program of spaces", 'run: ["  ", x]', 5, "names the program"),
  step("a program that reads as an option", "run: [--version]", 5, "--version"),
  step("a NUL in argv", 'run: [node, "a\\0b"]', 5, "run[1]"),
  step("a NUL in an environment value", `${run}\nenv: { A: "x\\0" }`, 6, "NUL"),
  step("a variable that Lily sets", `${run}\nenv: { LILY_RUN: x }`, 6, "LILY_RUN is reserved"),
  step("a secret written out in env", `${run}\nenv: { DB: x }\nsecrets: [DB]`, 7, "secret DB"),
  step("with on a command", `${run}\nwith: { a: 1 }`, 6, "with gives values to a module"),
  step("isolation on a command", `${run}\nisolation: process`, 6, "isolation is for module steps"),
  step("an unknown reference deep in with", "module: weather.summarise\nwith:\n  a:\n    b: [1, '${params.q1}']", 8, "unknown param q1"),
  step("an unknown module", "module: weather.sumarise", 5, "did you mean weather.summarise?", "MODULE_NOT_FOUND"),
  step("an engine", "engine: { name: x }", 5, "process, shell, module", "EXECUTOR_UNAVAILABLE"),
  step("a model", "llm: { prompt: x }", 5, "process, shell, module", "EXECUTOR_UNAVAILABLE"),
  step("an approval gate", `${run}\ngates: [{ id: go, approval: { count: 2 } }]`, 6, "gate go", "EXECUTOR_UNAVAILABLE"),
  step("an absolute output", `${run}\noutputs: { o: { path: /etc/passwd } }`, 6, "is absolute", "PATH_INVALID"),
  step("an output that climbs", `${run}\noutputs: { o: { path: out/../../x } }`, 6, "'..' segment", "PATH_INVALID"),
  step("an output with a backslash", `${run}\noutputs: { o: { path: 'out\\x' } }`, 6, "backslash", "PATH_INVALID"),
  step("an output on a drive", `${run}\noutputs: { o: { path: "C:/x" } }`, 6, "drive", "PATH_INVALID"),
  step("an output with a NUL", `${run}\noutputs: { o: { path: "a\\0" } }`, 6, "control character", "PATH_INVALID"),
  step("an output in Lily's folder", `${run}\noutputs: { o: { path: .lily/runs/x } }`, 6, "Lily's own", "PATH_INVALID"),
  step("an output in Lily's folder by another case", `${run}\noutputs: { o: { path: .LILY/x } }`, 6, "Lily's own", "PATH_INVALID"),
  step("an output path with a reference", `${run}\noutputs: { o: { path: "out/\${attempt}" } }`, 6, "not templates"),
  step("a glob that climbs", `${run}\noutputs: { o: { glob: ../**/x } }`, 6, "'..' segment", "PATH_INVALID"),
  step("an output with path and glob", `${run}\noutputs: { o: { path: a, glob: b } }`, 6, "both path and glob"),
  step("a command's output without a place", `${run}\noutputs: { o: {} }`, 6, "needs path or glob"),
  step("output names that differ in case only", `${run}\noutputs: { o: { path: a }, O: { path: b } }`, 6, "o and O"),
  step("two outputs of one step in one file", `${run}\noutputs: { o: { path: a }, p: { path: ./a } }`, 6, "also written by output o of step a"),
  step(
    "two steps that write one file",
    `${run}\noutputs: { o: { path: out/x } }`,
    7,
    "also written by output o of step a",
    invalid,
    "  b: { run: [x], outputs: { o: { path: out/X } } }\n",
  ),
  step(
    "an unknown schema of an output",
    `${run}\noutputs: { o: { path: a, schema: weather_tabel.v1 } }`,
    6,
    "did you mean weather_table.v1?",
    "SCHEMA_UNKNOWN",
  ),
  step(
    "an unknown schema of a gate",
    `${run}\noutputs: { o: { path: a } }\ngates: [{ id: g, schema: nope.v1, of: "\${steps.a.outputs.o}" }]`,
    7,
    "nope.v1",
    "SCHEMA_UNKNOWN",
  ),
  step("a schema gate without of", `${run}\ngates: [{ id: g, schema: weather_table.v1 }]`, 6, "which output"),
  step("of without a schema", `${run}\ngates: [{ id: g, run: [x], of: x }]`, 6, "of belongs to a gate with schema"),
  step("of as a path", `${run}\ngates: [{ id: g, schema: weather_table.v1, of: out/x.json }]`, 6, "exactly one ${steps.STEP.outputs.OUTPUT}"),
  step(
    "of with more than a reference",
    `${run}\noutputs: { o: { path: a } }\ngates: [{ id: g, schema: weather_table.v1, of: "x\${steps.a.outputs.o}" }]`,
    7,
    "exactly one",
  ),
  step("env on a hash gate", `${run}\ngates: [{ id: g, env: { A: b }, hash: { law: sha256_bundle_digest, root: x } }]`, 6, "env is for gates that run"),
  step("a hash gate outside its folder", `${run}\ngates: [{ id: g, hash: { law: sha256_bundle_digest, root: /x } }]`, 6, "is absolute", "PATH_INVALID"),
  step("a verdict without a pointer", `${run}\ngates: [{ id: g, hash: { law: json_verdict, root: x, equals: 1 } }]`, 6, "needs pointer"),
  step("a pointer for a digest law", `${run}\ngates: [{ id: g, hash: { law: sha256_bundle_digest, root: x, pointer: /a } }]`, 6, "for the law json_verdict"),
  step("a pointer that is none", `${run}\ngates: [{ id: g, hash: { law: json_verdict, root: x, equals: 1, pointer: a.b } }]`, 6, "JSON pointer"),
  step(
    "an excluded file with a folder",
    `${run}\ngates: [{ id: g, hash: { law: sha256_bundle_digest, root: x, exclude_filenames: [a/b] } }]`,
    6,
    "without a folder",
  ),
  step(
    "two gates of one id",
    `${run}\ngates: [{ id: g, run: [x] }]`,
    7,
    "gate id g is used twice",
    invalid,
    "  b: { run: [x], gates: [{ id: g, run: [x] }] }\n",
  ),
  step("gate ids that differ in case only", `${run}\ngates:\n  - { id: g, run: [x] }\n  - { id: G, run: [x] }`, 8, "g and G"),
  step("a gate's timeout of nothing", `${run}\ngates: [{ id: g, run: [x], timeout: 0s }]`, 6, "at least 1 ms", "DURATION_INVALID"),
  step("a timeout of 31 days", `${run}\ntimeout: 744h`, 6, "longer than 30 days", "DURATION_INVALID"),
  step("a timeout of nothing", `${run}\ntimeout: 0s`, 6, "at least 1 ms", "DURATION_INVALID"),
  step("a pause of 31 days", `${run}\nretry: { backoff: 744h }`, 6, "longer than 30 days", "DURATION_INVALID"),
  step("a pure step without uses", `${run}\npure: true\nworkdir: isolated`, 6, "or uses: []"),
  step("a pure step in the source folder", `${run}\npure: true\nuses: [x]`, 6, "needs workdir: isolated"),
  step("a pure step with outside values", `${run}\npure: true\nuses: [x]\nworkdir: isolated\nenv_from: [HOME]`, 6, "env_affects_output: false"),
  step("a pure step with secrets", `${run}\npure: true\nuses: [x]\nworkdir: isolated\nsecrets: [DB]`, 6, "DB"),
  step("env_affects_output on a step that is not pure", `${run}\nenv_affects_output: false`, 6, "pure steps only"),
  step("uses that climbs", `${run}\nuses: [../lib/**]`, 6, "'..' segment", "PATH_INVALID"),
  root("a param of an unknown type", "params: { x: { type: intger } }", 5, "param x", "PARAM_INVALID"),
  root("a default that does not fit", "params: { x: { type: integer, default: a } }", 5, "must be integer", "PARAM_INVALID"),
  root("a default outside its list", "params: { x: { enum: [a, b], default: c } }", 5, "(a, b)", "PARAM_INVALID"),
  root("an unknown keyword in a param", "params: { x: { typ: integer } }", 5, "typ", "PARAM_INVALID"),
  root("a pattern that takes for ever", 'params: { x: { type: string, pattern: "^(a+)+$" } }', 5, "(a+)+", "PARAM_INVALID"),
  root("a reference out of a param's schema", 'params: { x: { $ref: "http://169.254.169.254/x" } }', 5, "$ref", "PARAM_INVALID"),
  root("params that differ in case only", "params: { x: { default: 1 }, X: { default: 1 } }", 5, "x and X"),
  root("inputs that differ in case only", "inputs: { x: { file: a }, X: { file: b } }", 5, "x and X"),
  root("an absolute input", "inputs: { x: { file: /etc/passwd } }", 5, "is absolute", "PATH_INVALID"),
  root("an input that climbs", "inputs: { x: { file: ../x } }", 5, "'..' segment", "PATH_INVALID"),
  root("an input of an unknown schema", "inputs: { x: { file: x, schema: nope.v1 } }", 5, "nope.v1", "SCHEMA_UNKNOWN"),
  root("a tool that reads as an option", "policy: { tools: [-x] }", 5, '"-x"'),
  root("a write glob that climbs", 'policy: { write: { allow: ["../**"] } }', 5, "'..' segment", "PATH_INVALID"),
  root("a write glob into Lily's folder", 'policy: { write: { allow: [".lily/**"] } }', 5, "Lily's own", "PATH_INVALID"),
  root("an absolute denied glob", 'policy: { write: { deny: ["/x"] } }', 5, "is absolute", "PATH_INVALID"),
  root("a default timeout of nothing", "defaults: { timeout: 0s }", 5, "at least 1 ms", "DURATION_INVALID"),
  root("a route to an unknown step", "routes: [{ id: r, when: {}, do: { goto: b1 } }]", 5, "unknown step b1"),
  root("a route on an unknown gate", "routes: [{ id: r, when: { gate: g }, do: { continue: true } }]", 5, "unknown gate g"),
  root("a route on an unknown step", "routes: [{ id: r, when: { step: b }, do: { continue: true } }]", 5, "unknown step b"),
  root(
    "two routes of one id",
    "routes:\n  - { id: r, when: {}, do: { continue: true } }\n  - { id: r, when: {}, do: { continue: true } }",
    7,
    "route id r is used twice",
  ),
  root(
    "route ids that differ in case only",
    "routes:\n  - { id: r, when: {}, do: { continue: true } }\n  - { id: R, when: {}, do: { continue: true } }",
    7,
    "r and R",
  ),
  root(
    "a gate that times out",
    "gates: [{ id: g, run: [x] }]\nroutes: [{ id: r, when: { gate: g, status: timeout }, do: { continue: true } }]",
    6,
    "a gate is never timeout",
  ),
  root("a step with a gate's status", "routes: [{ id: r, when: { step: a, status: error }, do: { continue: true } }]", 5, "a step is never error"),
  root(
    "a gate of another step",
    "gates: [{ id: g, run: [x] }]\nroutes: [{ id: r, when: { gate: g, step: a }, do: { continue: true } }]",
    6,
    "belongs to the run",
  ),
  root(
    "a violation of a gate",
    "gates: [{ id: g, run: [x] }]\nroutes: [{ id: r, when: { gate: g, violation: true }, do: { continue: true } }]",
    6,
    "no violations",
  ),
  root("a bound on an escalation", "routes: [{ id: r, when: {}, do: { escalate: x, max: 2 } }]", 5, "max bounds retry and goto only"),
];

describe("checking a workflow", () => {
  test.each([...shapes, ...meanings])("refuses $name", async (bad) => {
    const found = await checkText(bad.text);
    expect(matching(found, bad)).toBe("found");
    expect(found.document).toBeNull();
  });

  test("reports faults of shape and of meaning together", async () => {
    const { problems } = await checkText(
      withStep(
        'run: [node, "${params.nope}"]\ntimeout: 5\ngates:\n  - { id: g, rn: [x] }\n  - { id: h, run: ["${inputs.nope}"] }',
        "  b c: { run: [x] }\n  d: 5\nroutes: [{}, { id: r, when: { gate: hh }, do: { continue: true } }]\n",
      ),
    );
    expect(problems.map(({ line, message }) => `${line} ${message.slice(0, 40)}`)).toMatchInlineSnapshot(`
      [
        "5 steps.a.run[1]: names the unknown param ",
        "6 steps.a.timeout: must be a text (quote i",
        "8 steps.a.gates[0]: a gate needs exactly o",
        "8 steps.a.gates[0].rn: unknown member "rn"",
        "9 steps.a.gates[1].run[0]: names the unkno",
        "10 steps.b c: the name "b c" is not an iden",
        "11 steps.d: must be a map, not 5",
        "12 routes[0].id: is missing",
        "12 routes[0].when: is missing",
        "12 routes[0].do: is missing",
        "12 routes[1].when.gate: names the unknown g",
      ]
    `);
  });

  test("a document built in code has problems without lines", async () => {
    const { problems } = await checkWorkflow({ workflow: "w", version: 1, steps: { a: { run: ["x"], needs: ["b"] } } });
    expect(problems).toEqual([
      {
        code: "WORKFLOW_INVALID",
        message: "steps.a.needs[0]: needs the unknown step b",
        file: null,
        line: null,
        column: null,
        path: "steps.a.needs[0]",
        suggestion: null,
      },
    ]);
  });

  test("a chain of 20,000 steps that closes is one cycle with its path shortened", async () => {
    const steps = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`s${index}`, { run: ["x"], needs: [`s${(index + 1) % 20_000}`] }]));
    const { problems } = await checkWorkflow({ workflow: "w", version: 1, steps });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain("(19981 more)");
  });

  test("a hostile number of problems is cut, and says so", async () => {
    const steps = Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`s${index}`, { run: "x" }]));
    const { problems } = await checkWorkflow({ workflow: "w", version: 1, steps });
    expect(problems).toHaveLength(1_001);
    expect(problems.at(-1)?.message).toBe("and 2000 more problems");
  });

  test("more than 100,000 steps are refused", async () => {
    const steps = Object.fromEntries(Array.from({ length: 100_001 }, (_, index) => [`s${index}`, { run: ["x"] }]));
    const { problems } = await checkWorkflow({ workflow: "w", version: 1, steps });
    expect(problems[0]?.message).toContain("1 to 100000 steps");
  });

  test("more than 1,000 params are refused", async () => {
    const params = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`p${index}`, {}]));
    const { problems } = await checkWorkflow({ workflow: "w", version: 1, params, steps: { a: { run: ["x"] } } });
    expect(problems.map((problem) => problem.message)).toContain("params: more than 1000 params");
  });

  test.each([
    ["a literal ${ in argv", 'run: [echo, "$${HOME}"]'],
    ["the shell's own variables", 'shell: "echo ${HOME} $PATH"'],
    ["attempt, route and run.id", 'run: [echo, "${attempt} ${route} ${run.id}"]'],
    ["an option-like argument", "run: [node, --version]"],
    ["its own output in a gate", `${run}\noutputs: { o: { path: p } }\ngates: [{ id: g, run: [x, "\${steps.a.outputs.o}"] }]`],
    ["an undeclared output of a module in its gate", 'module: weather.summarise\ngates: [{ id: g, run: [x, "${steps.a.outputs.report}"] }]'],
    ["a pure step that is closed", `${run}\npure: true\nuses: [x]\nworkdir: isolated\nsecrets: [DB]\nenv_affects_output: false`],
    ["one path in two isolated steps", `${run}\nworkdir: isolated\noutputs: { o: { path: p } }`],
  ])("accepts %s", async (_name, members) => {
    const { problems, document } = await checkText(withStep(members, "  b: { run: [x], workdir: isolated, outputs: { o: { path: p } } }\n"));
    expect(problems).toEqual([]);
    expect(document).not.toBeNull();
  });

  test("a sandbox from lily.yaml lets a step in the source folder be pure; denying .lily is allowed", async () => {
    const bytes = new TextEncoder().encode(`${withStep("run: [node]\npure: true\nuses: [x]")}policy: { write: { deny: [".lily/**"] } }\n`);
    expect((await checkWorkflow(bytes, { policyLayers: [{ origin: "lily.yaml", policy: { sandbox: "prefer" } }] })).problems).toEqual([]);
  });

  test("an installation without an executor says so", async () => {
    const { problems } = await checkWorkflow({ workflow: "w", version: 1, steps: { a: { shell: "true" } } }, { executors: ["process"], fileName: "built" });
    expect(problems).toMatchObject([{ code: "EXECUTOR_UNAVAILABLE", path: "steps.a.shell", file: "built" }]);
  });
});
