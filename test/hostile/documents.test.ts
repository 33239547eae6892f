/** Hostile documents, names and parameters given to the whole product: refused by code, with what and where, and nothing is recorded. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../src/base/json-value.ts";
import { Bed, flow, refusalOf, sh, stepOf } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

async function expectNoRun(): Promise<void> {
  expect(await (await bed.kernel()).runs.list()).toEqual([]);
}

describe("workflow files", () => {
  const ok = 'workflow: w\nversion: 1\nsteps:\n  a: { run: ["true"] }\n';
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
    .split("")
    .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(",")}]`)
    .join("\n")}\n${ok}`;
  const cases: readonly (readonly [string, string | Uint8Array, string, RegExp])[] = [
    ["empty", "", "WORKFLOW_INVALID", /./],
    ["only white space", " \n\t\n", "WORKFLOW_INVALID", /./],
    ["only a comment", "# nothing\n", "WORKFLOW_INVALID", /./],
    ["a list", "- a\n- b\n", "WORKFLOW_INVALID", /./],
    ["a text", "hello\n", "WORKFLOW_INVALID", /./],
    ["NUL bytes", new Uint8Array(100), "WORKFLOW_INVALID", /./],
    ["not UTF-8", new Uint8Array([0x77, 0xff, 0xfe]), "WORKFLOW_INVALID", /./],
    ["larger than the limit", `${ok}# ${"x".repeat(17 * 1024 * 1024)}`, "INPUT_TOO_LARGE", /w\.yaml|larger/],
    ["deeper than the limit, in flow style", `${ok}title: ${"[".repeat(5_000)}${"]".repeat(5_000)}\n`, "WORKFLOW_INVALID", /./],
    [
      "deeper than the limit, in block style",
      `${ok}x:\n${Array.from({ length: 300 }, (_, depth) => `${" ".repeat(depth + 1)}k:`).join("\n")} 1\n`,
      "WORKFLOW_INVALID",
      /./,
    ],
    ["an alias bomb", bomb, "WORKFLOW_INVALID", /alias|anchor/i],
    ["a merge key", `x: &x {a: 1}\n${ok}y: {<<: *x}\n`, "WORKFLOW_INVALID", /./],
    ["a tag", `${ok}title: !!js/function "x"\n`, "WORKFLOW_INVALID", /tag/i],
    ["two documents", `${ok}---\n${ok}`, "WORKFLOW_INVALID", /document/i],
    ["a duplicate key", `${ok}version: 1\n`, "WORKFLOW_INVALID", /version|duplicate|unique/i],
    ["__proto__ as a step", ok.replace("  a:", "  __proto__:"), "WORKFLOW_INVALID", /__proto__/],
    ["__proto__ as a member", `${ok}__proto__: {x: 1}\n`, "WORKFLOW_INVALID", /__proto__/],
    ["constructor as a step", ok.replace("  a:", "  constructor:"), "WORKFLOW_INVALID", /constructor/],
    ["__proto__ in JSON", '{"workflow":"w","version":1,"steps":{"a":{"run":["true"],"__proto__":{"x":1}}}}', "WORKFLOW_INVALID", /__proto__/],
    ["an unknown member", `${ok}step: 1\n`, "WORKFLOW_INVALID", /step/],
    ["a newer version", ok.replace("version: 1", "version: 2"), "WORKFLOW_INVALID", /version/],
    ["a fraction as the version", ok.replace("version: 1", "version: 1.5"), "WORKFLOW_INVALID", /version/],
    ["no steps", "workflow: w\nversion: 1\nsteps: {}\n", "WORKFLOW_INVALID", /steps/],
    ["a cycle", "workflow: w\nversion: 1\nsteps:\n  a: { run: [x], needs: [b] }\n  b: { run: [x], needs: [a] }\n", "WORKFLOW_INVALID", /cycle|needs/],
    ["a step that needs itself", ok.replace('["true"] }', '["true"], needs: [a] }'), "WORKFLOW_INVALID", /a/],
    ["a byte order mark inside", ok.replace("a:", "\ufeffa:"), "WORKFLOW_INVALID", /./],
    ["a right-to-left override in an id", ok.replace("  a:", '  "a\u202eb":'), "WORKFLOW_INVALID", /identifier/],
    ["a Cyrillic letter in an id", ok.replace("  a:", "  \u0430:"), "WORKFLOW_INVALID", /identifier/],
    ["ids that differ in case only", `${ok}  A: { run: ["true"] }\n`, "WORKFLOW_INVALID", /case/],
    ["an id with ..", ok.replace("  a:", "  a..b:"), "WORKFLOW_INVALID", /identifier/],
    ["an id of 129 characters", ok.replace("  a:", `  ${"a".repeat(129)}:`), "WORKFLOW_INVALID", /identifier/],
    ["an empty argv", ok.replace('["true"]', "[]"), "WORKFLOW_INVALID", /run/],
    ["a NUL in argv", ok.replace('["true"]', '["tr\\0ue"]'), "WORKFLOW_INVALID", /NUL|control/],
    ["a NUL in env", ok.replace('["true"] }', '["true"], env: { A: "x\\0y" } }'), "WORKFLOW_INVALID", /NUL|env/],
    ["an env name with =", ok.replace('["true"] }', '["true"], env: { "A=B": x } }'), "WORKFLOW_INVALID", /A=B|env/],
    ["LILY_RUN as env", ok.replace('["true"] }', '["true"], env: { LILY_RUN: x } }'), "WORKFLOW_INVALID", /LILY/],
    ["a duration beyond reason", ok.replace('["true"] }', '["true"], timeout: 99999999h }'), "WORKFLOW_INVALID", /timeout|duration|30 days/],
    ["a module that nobody registered", "workflow: w\nversion: 1\nsteps:\n  a: { module: nobody }\n", "WORKFLOW_INVALID", /nobody/],
    ["a schema that nobody registered", ok.replace('["true"] }', '["true"], outputs: { o: { path: o, schema: none.v1 } } }'), "WORKFLOW_INVALID", /none\.v1/],
    ["a reference to nowhere", ok.replace('["true"]', '["true", "${steps.b.outputs.o}"]'), "WORKFLOW_INVALID", /steps\.b|b/],
    ["a reference without an end", ok.replace('["true"]', '["true", "${params.x"]'), "WORKFLOW_INVALID", /brace/],
    ["a pattern that takes for ever", `${ok}params: { x: { type: string, pattern: "(a+)+$" } }\n`, "WORKFLOW_INVALID", /pattern/],
  ];
  for (const [what, content, code, message] of cases) {
    test(`a workflow file that is or has ${what} is refused`, async () => {
      const file = bed.write("w.yaml", content);
      const refusal = await refusalOf((await bed.kernel()).runs.start({ file }));
      expect([refusal.code, refusal.message.length > 10]).toEqual([code, true]);
      expect(refusal.message).toMatch(message);
      await expectNoRun();
    });
  }

  test("a workflow file that is a link, a FIFO, a folder or not there is refused without waiting", async () => {
    bed.write("real.yaml", ok);
    execFileSync("sh", ["-c", "ln -s real.yaml link.yaml; mkfifo fifo.yaml; mkdir folder.yaml"], { cwd: bed.dir });
    const kernel = await bed.kernel();
    for (const name of ["link", "fifo", "folder", "none"]) {
      const refusal = await refusalOf(kernel.runs.start({ file: join(bed.dir, `${name}.yaml`) }));
      expect(refusal.code).toMatch(/PATH_INVALID|INPUT_NOT_FOUND/);
      expect(refusal.message).toContain(`${name}.yaml`);
    }
    await expectNoRun();
  });

  test("nothing that was refused has polluted prototypes", () => {
    expect(Reflect.get({}, "x")).toBeUndefined();
  });
});

describe("paths that try to leave", () => {
  const paths = [
    "/etc/passwd",
    "../up",
    "a/../../up",
    "a//b",
    "./../x",
    "a\\b",
    "C:\\x",
    "C:/x",
    "a\u0000b",
    "a\nb",
    ".lily/authority.db",
    "",
    "a/./b",
    "x".repeat(1_100),
  ];
  for (const path of paths) {
    test(`an output path ${JSON.stringify(path.slice(0, 30))} is refused when the workflow is checked`, async () => {
      const refusal = await refusalOf(bed.start(flow({ a: sh("true", { outputs: { o: { path } } }) })));
      expect(refusal.code).toBe("WORKFLOW_INVALID");
      expect(refusal.message).toMatch(/outputs|path|output/);
      await expectNoRun();
    });
  }
  for (const glob of ["/etc/*", "../*", "**/../*", "a/../../*", ".lily/*", "a\\*"]) {
    test(`an output glob ${JSON.stringify(glob)} is refused`, async () => {
      expect((await refusalOf(bed.start(flow({ a: sh("true", { outputs: { o: { glob } } }) })))).code).toBe("WORKFLOW_INVALID");
      await expectNoRun();
    });
  }
  for (const uses of ["../*", "/etc/passwd", ".lily/**"]) {
    test(`uses ${JSON.stringify(uses)} is refused`, async () => {
      expect((await refusalOf(bed.start(flow({ a: sh("true", { uses: [uses] }) })))).code).toMatch(/WORKFLOW_INVALID|PATH_INVALID/);
      await expectNoRun();
    });
  }
  test("an input file outside, or behind a link, is refused", async () => {
    symlinkSync("/etc", join(bed.dir, "etc"));
    for (const file of ["/etc/passwd", "../x", "etc/passwd"])
      expect((await refusalOf(bed.start(flow({ a: sh("true") }, { inputs: { i: { file } } })))).code).toMatch(/WORKFLOW_INVALID|PATH_INVALID/);
    await expectNoRun();
  });
  test("code behind a link is not bound, and not run as if it were", async () => {
    symlinkSync("/bin/sh", join(bed.dir, "tool"));
    const { plan } = await (await bed.kernel()).workflows.plan({ document: flow({ a: { run: ["./tool", "-c", "true"] } }), dir: bed.dir });
    expect(plan.code).toEqual([]);
  });
  for (const runId of ["../x", "a/b", "..", ".hidden", "UPPER", "a\u0000", "\u0430bc", "con\u202e", "", "a".repeat(129), "-rf", "a b"]) {
    test(`a run id ${JSON.stringify(runId.slice(0, 20))} is refused and makes no folder`, async () => {
      const kernel = await bed.kernel();
      expect((await refusalOf(kernel.runs.create({ runId }))).code).toBe("ID_INVALID");
      expect((await refusalOf(bed.start(flow({ a: sh("true") }), { runId }))).code).toBe("ID_INVALID");
      await expectNoRun();
      expect(existsSync(join(bed.root, "x"))).toBe(false);
    });
  }
});

describe("parameters", () => {
  const typed = (type: JsonObject): JsonObject => flow({ a: { run: ["sh", "-c", 'printf %s "$1"', "sh", "${params.x}"] } }, { params: { x: type } });
  const refused: readonly (readonly [string, JsonObject, JsonValue])[] = [
    ["of another type", { type: "integer" }, "one"],
    ["beyond the safe integers", { type: "integer" }, "9007199254740993"],
    ["that is no JSON number", { type: "number" }, "NaN"],
    ["outside its bounds", { type: "integer", maximum: 5 }, 6],
    ["with a lone surrogate", { type: "string" }, "\ud800"],
    ["deeper than canonical JSON goes", {}, JSON.parse(`${"[".repeat(100)}${"]".repeat(100)}`)],
    ["that does not match its pattern", { type: "string", pattern: "^[a-z]+$" }, "A"],
    ["that is not in its list", { enum: ["a", "b"] }, "c"],
  ];
  for (const [what, type, value] of refused) {
    test(`a parameter ${what} is refused by name`, async () => {
      const refusal = await refusalOf(bed.start(typed(type), { params: { x: value } }));
      expect(refusal.code).toMatch(/PARAM_INVALID|JSON_NOT_CANONICAL/);
      await expectNoRun();
    });
  }
  test("an unknown or missing parameter is refused by name", async () => {
    expect(await refusalOf(bed.start(typed({ type: "string" })))).toMatchObject({ code: "PARAM_INVALID", message: expect.stringContaining("x") });
    expect(await refusalOf(bed.start(typed({ type: "string", default: "a" }), { params: { y: 1 } }))).toMatchObject({
      code: "PARAM_INVALID",
      message: expect.stringContaining("y"),
    });
    expect((await refusalOf(bed.start(typed({ type: "string", default: "a" }), { params: JSON.parse('{"__proto__":1}') }))).code).toMatch(/PARAM_INVALID|JSON/);
    await expectNoRun();
  });
  test("a value is data: no shell, no second reading, no option", async () => {
    const value = "$(touch owned) `touch owned` ; touch owned ${params.x} ${run.id}";
    const { view } = await bed.run(typed({ type: "string" }), { params: { x: value } });
    const [log] = await (await bed.kernel()).artifacts.list({ run_id: view.run_id, artifact_type: "log" });
    expect(new TextDecoder().decode(await (await bed.kernel()).artifacts.get(log?.artifact_id ?? ""))).toBe(value);
    expect(bed.has("owned")).toBe(false);
    expect(await refusalOf(bed.run(typed({ type: "string" }), { params: { x: "-c" } }))).toMatchObject({
      code: "PARAM_INVALID",
      message: expect.stringContaining("option"),
    });
  });
  test("a huge value is given whole or refused by the system as a failed step, never cut", async () => {
    const { view } = await bed.run(typed({ type: "string" }), { params: { x: "y".repeat(300_000) } });
    expect(view.status).toBe("failed");
    expect(stepOf(view, "a").attempts[0]?.error?.code).toBe("STEP_SPAWN_FAILED");
    await bed.expectAnchored(view.run_id);
  });
});

describe("lily.yaml", () => {
  const cases: readonly (readonly [string, string, RegExp, RegExp])[] = [
    ["a module path that leaves", "modules: {m: ../m.mjs}\n", /CONFIG_INVALID/, /'\.\.'/],
    ["an absolute module path", "modules: {m: /tmp/m.mjs}\n", /CONFIG_INVALID/, /absolute/],
    ["a module path as URL", 'modules: {m: "data:text/javascript,1"}\n', /MODULE_NOT_FOUND|CONFIG_INVALID/, /m/],
    ["a schema path that leaves", "schemas: {s.v1: ../s.json}\n", /CONFIG_INVALID/, /'\.\.'/],
    ["a schema file that is not there", "schemas: {s.v1: ./s.json}\n", /INPUT_NOT_FOUND/, /s\.json/],
    ["an unknown member", "moduls: {}\n", /CONFIG_INVALID/, /moduls/],
    ["a profile of another version", "profile: production\n", /CONFIG_INVALID/, /profile/],
    ["a pack that is nowhere", "packs: [x]\n", /PACK_NOT_FOUND/, /x/],
    ["no YAML", "a: [", /CONFIG_INVALID/, /lily\.yaml/],
    ["an alias", "policy: &p {}\nmodules: *p\n", /CONFIG_INVALID/, /./],
    ["not UTF-8", "\u00ff", /CONFIG_INVALID/, /./],
  ];
  for (const [what, text, code, message] of cases) {
    test(`with ${what} is refused with its file`, async () => {
      bed.write("lily.yaml", what === "not UTF-8" ? new Uint8Array([0xff, 0xfe]) : text);
      const refusal = await refusalOf(bed.start(flow({ a: { module: "m" } })));
      expect(refusal.code).toMatch(code);
      expect(refusal.message).toMatch(message);
    });
  }
  const schemas: readonly (readonly [string, string])[] = [
    ["refers to http", '{"$ref":"http://example.com/x.json"}'],
    ["refers to https", '{"$ref":"https://example.com/x.json"}'],
    ["refers to a file", '{"$ref":"file:///etc/passwd"}'],
    ["refers to a relative file", '{"$ref":"other.json"}'],
    ["is no schema", '{"type":"nothing"}'],
    ["is no object", "[1]"],
  ];
  for (const [what, text] of schemas) {
    test(`a schema that ${what} is refused before anything runs or is fetched`, async () => {
      bed.write("lily.yaml", "schemas: {s.v1: ./s.json}\n");
      bed.write("s.json", text);
      const document = flow({ a: sh("touch ran; echo '\"x\"' > o", { outputs: { o: { path: "o", schema: "s.v1" } } }) });
      const kernel = await bed.kernel();
      const problems = await kernel.schemas.check("s.v1", null).then(
        (list) => list.map((one) => one.code),
        (thrown: unknown) => [String(Reflect.get(Object(thrown), "code"))],
      );
      expect(problems).toEqual(["SCHEMA_INVALID"]);
      const outcome = await bed.run(document).then(
        (ran) => ran.view.status,
        (thrown: unknown) => String(Reflect.get(Object(thrown), "code")),
      );
      expect(outcome).toMatch(/SCHEMA_INVALID|failed/);
    });
  }
  test("modules that are a link or export nothing are refused by name", async () => {
    bed.write("real.mjs", "export const x = 1;");
    symlinkSync("real.mjs", join(bed.dir, "m.mjs"));
    bed.write("lily.yaml", "modules: {m: ./m.mjs, n: ./real.mjs}\n");
    expect(await refusalOf(bed.start(flow({ a: { module: "m" } })))).toMatchObject({ code: "MODULE_NOT_FOUND" });
    const { view } = await bed.run(flow({ a: { module: "n" } }));
    expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "MODULE_INVALID" });
  });
});

describe("hostile repositories as source", () => {
  test("hooks, fsmonitor, filters and aliases of the repository do not run when the source is described", async () => {
    mkdirSync(join(bed.dir, ".hooks"));
    bed.write(".hooks/owned.sh", "#!/bin/sh\ntouch $(dirname $0)/../../owned\n", 0o755);
    const git = (...argv: string[]): void =>
      void execFileSync("git", argv, { cwd: bed.dir, env: { PATH: process.env["PATH"] ?? "", HOME: bed.root, GIT_CONFIG_NOSYSTEM: "1" }, stdio: "ignore" });
    git("init");
    bed.write("a.txt", "x");
    bed.write(".gitattributes", "* filter=own diff=own\n");
    git("add", "a.txt");
    git("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-m", "x");
    const script = join(bed.dir, ".hooks/owned.sh");
    for (const [name, value] of [
      ["core.fsmonitor", script],
      ["core.hooksPath", join(bed.dir, ".hooks")],
      ["filter.own.clean", script],
      ["filter.own.process", script],
      ["diff.own.textconv", script],
      ["core.pager", script],
      ["core.sshCommand", script],
      ["alias.status", `!${script}`],
      ["diff.external", script],
    ] as const)
      git("config", name, value);
    bed.write("a.txt", "changed");
    const { view } = await bed.run(flow({ a: sh("true") }));
    expect(view.status).toBe("succeeded");
    expect(existsSync(join(bed.root, "owned"))).toBe(false);
    await bed.expectAnchored(view.run_id);
  });

  test("a .git that is a file leading elsewhere, a FIFO or rubbish does not stop a run", async () => {
    for (const make of ["echo 'gitdir: /proc/self/cwd' > .git", "mkfifo .git", "mkdir .git && head -c 1000 /dev/urandom > .git/HEAD", "ln -s / .git"]) {
      execFileSync("sh", ["-c", `rm -rf .git; ${make}`], { cwd: bed.dir });
      const { view } = await bed.run(flow({ a: sh("true") }));
      expect(view.status).toBe("succeeded");
    }
  });
});
