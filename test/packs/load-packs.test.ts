/** Finding, loading and refusing packs, with real files. */
import { linkSync, mkdirSync, renameSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import { Bed, flow, refusalOf, sh } from "../runtime/bed.ts";
import { manifestText, moduleText, type PackText, writePacks } from "./pack-bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const schema = '{"type":"object"}';

function pack(name: string, members: JsonObject = {}, files: Readonly<Record<string, string>> = {}): PackText {
  return { manifest: manifestText(name, members), files };
}

const list = async () => (await bed.kernel()).packs.list();
const refused = async () => {
  const { code, message } = await refusalOf(list());
  return `${code}: ${message}`;
};
const digestOf = async () => (await list())[0]?.digest ?? "";

describe("where packs are found", () => {
  test("a folder, an installed package above, and one that a link in node_modules leads to", async () => {
    writePacks(bed, { a: pack("a") });
    mkdirSync(join(bed.root, "node_modules", "@team", "pack-b"), { recursive: true });
    mkdirSync(join(bed.root, "elsewhere"));
    const { writeFileSync } = await import("node:fs");
    writeFileSync(join(bed.root, "node_modules", "@team", "pack-b", "lily-pack.json"), JSON.stringify({ pack: "b", version: "2.0.0", kernel: "*" }));
    writeFileSync(join(bed.root, "elsewhere", "lily-pack.yaml"), manifestText("c"));
    symlinkSync(join(bed.root, "elsewhere"), join(bed.root, "node_modules", "pack-c"));
    bed.write("lily.yaml", 'packs: [./packs/a, "@team/pack-b", pack-c]\n');
    expect((await list()).map(({ name, version, entry }) => `${name} ${version} ${entry}`)).toEqual([
      "a 1.0.0 ./packs/a",
      "b 2.0.0 @team/pack-b",
      "c 1.0.0 pack-c",
    ]);
  });

  test("the nearest node_modules wins, as for Node", async () => {
    const { writeFileSync } = await import("node:fs");
    for (const [dir, version] of [
      [join(bed.root, "node_modules", "p"), "1.0.0"],
      [join(bed.dir, "node_modules", "p"), "2.0.0"],
    ] as const) {
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, "lily-pack.yaml"), manifestText("p", { version }));
    }
    bed.write("lily.yaml", "packs: [p]\n");
    expect((await list())[0]?.version).toBe("2.0.0");
  });

  test.each([
    ["a folder that is not there", "packs: [./packs/none]\n", "PACK_NOT_FOUND: lily.yaml names the pack ./packs/none"],
    ["a package that is not installed", "packs: [lily-pack-none]\n", "PACK_NOT_FOUND: .*npm install lily-pack-none"],
    ["a file", "packs: [./lily.yaml]\n", "PACK_NOT_FOUND"],
    ["a folder without a manifest", "packs: [./empty]\n", "PACK_INVALID: .*holds no lily-pack.yaml"],
    ["the workspace's own folder", "packs: [./.lily]\n", "PACK_INVALID: .*holds no lily-pack.yaml"],
    ["an absolute folder", "packs: [/tmp]\n", "CONFIG_INVALID: .*neither a folder"],
    ["a package name that climbs", 'packs: ["../../x"]\n', "PACK_NOT_FOUND"],
    ["a scope that climbs", 'packs: ["@../x"]\n', "CONFIG_INVALID"],
    ["a path that climbs inside", "packs: [./packs/../../x]\n", "CONFIG_INVALID: .*'..' segment"],
    ["one pack listed twice", "packs: [./a, ./a]\n", "CONFIG_INVALID: .*listed twice"],
  ])("refuses %s", async (_name, config, expected) => {
    bed.write("empty/readme.md", "");
    bed.write("lily.yaml", config);
    expect(await refused()).toMatch(new RegExp(expected, "s"));
  });
});

describe("versions of Lily", () => {
  test.each([
    [">=0.1.0 <1", true],
    ["^0.1.0", true],
    ["*", true],
    [">=0.2.0", false],
    ["<0.1.0", false],
    ["1.x", false],
  ])("a pack for %s", async (kernel, isFit) => {
    writePacks(bed, { a: pack("a", { kernel }) });
    if (isFit) expect(await list()).toHaveLength(1);
    else expect(await refused()).toContain(`PACK_VERSION_UNSUPPORTED: the pack a 1.0.0 in ${join(bed.dir, "packs", "a")} needs Lily ${kernel}, and this is`);
  });
});

describe("clashes name both sides", () => {
  const template = { step: { run: ["true"] } };
  const kinds: readonly (readonly [string, string, JsonObject, JsonObject])[] = [
    ["module", "a.b.m", { modules: { "a.b.m": "m.mjs" } }, { modules: { "a.b.m": "m.mjs" } }],
    ["schema", "a.b.t.v1", { schemas: { "a.b.t.v1": "s.json" } }, { schemas: { "a.b.t.v1": "s.json" } }],
    ["executor", "a.b.e", { executors: { "a.b.e": { run: ["sh"] } } }, { executors: { "a.b.e": { run: ["sh"] } } }],
    ["template", "a.b.t", { step_templates: { "a.b.t": template } }, { step_templates: { "a.b.t": template } }],
    ["template", "a.b.t", { step_templates: { "a.b.t": template } }, { gate_templates: { "a.b.t": { gate: { run: ["true"] } } } }],
    ["module", "a.b.M", { modules: { "a.b.m": "m.mjs" } }, { modules: { "a.b.M": "m.mjs" } }],
    [
      "route",
      "a.b.r",
      { step_templates: { "a.x": template }, routes: [{ id: "a.b.r", when: { template: "a.x" }, do: { abort: "x" } }] },
      { step_templates: { "a.b.y": template }, routes: [{ id: "a.b.r", when: { template: "a.b.y" }, do: { abort: "x" } }] },
    ],
  ];

  test.each(kinds)("the %s %s of the packs a and a.b", async (kind, name, first, second) => {
    const files = { "m.mjs": moduleText("return {};"), "s.json": schema };
    writePacks(bed, { one: pack("a", first, files), two: pack("a.b", second, files) });
    const message = await refused();
    expect(message).toContain(`PACK_CLASH: the ${kind} `);
    for (const part of [name, `pack a (${join(bed.dir, "packs/one/lily-pack.yaml")})`, `pack a.b (${join(bed.dir, "packs/two/lily-pack.yaml")})`])
      expect(message).toContain(part);
  });

  test("two packs of one name, whatever they bring", async () => {
    writePacks(bed, { one: pack("a"), two: pack("a") });
    expect(await refused()).toMatch(/PACK_CLASH: the pack a is brought by pack a \(.*one.*\) and by pack a \(.*two/);
  });

  test("names of lily.yaml", async () => {
    bed.write("s.json", schema);
    writePacks(
      bed,
      { one: pack("a", { modules: { "a.m": "m.mjs" }, schemas: { "a.t.v1": "s.json" } }, { "m.mjs": "", "s.json": schema }) },
      "modules: { a.m: ./m.mjs }\nschemas: { a.t.v1: ./s.json }\n",
    );
    const message = await refused();
    expect(message).toMatch(/the schema a\.t\.v1 is brought by lily\.yaml \(.*lily\.yaml\) and by pack a/);
    expect(message).toMatch(/the module a\.m is brought by lily\.yaml/);
  });

  test("nothing of Lily can be named, so nothing of it can be replaced", async () => {
    writePacks(bed, { one: pack("gate_result", { schemas: { "gate_result.v1": "s.json" } }, { "s.json": schema }) });
    expect(await refused()).toContain('"gate_result" is reserved');
  });

  test("packs that share the beginning of their names but no name are fine", async () => {
    writePacks(bed, { one: pack("a", { executors: { "a.b.e": { run: ["sh"] } } }), two: pack("a.b", { executors: { "a.b.f": { run: ["sh"] } } }) });
    expect(await list()).toHaveLength(2);
  });
});

describe("the digest of a pack", () => {
  const files = { "m.mjs": "export const x = 1;\n", "lib/deep/h.mjs": "2", "readme.md": "" };

  beforeEach(() => writePacks(bed, { a: pack("a", { modules: { "a.m": "m.mjs" } }, files) }));

  test("changes with any byte, name, addition or loss of any file, and comes back with them", async () => {
    const before = await digestOf();
    const seen = new Set([before]);
    for (const path of [...Object.keys(files), "lily-pack.yaml"]) {
      const text = bed.read(`packs/a/${path}`);
      bed.write(`packs/a/${path}`, `${text}#`);
      seen.add(await digestOf());
      bed.write(`packs/a/${path}`, text);
      expect(await digestOf()).toBe(before);
    }
    renameSync(join(bed.dir, "packs/a/readme.md"), join(bed.dir, "packs/a/README.md"));
    seen.add(await digestOf());
    bed.write("packs/a/extra", "");
    seen.add(await digestOf());
    expect(seen.size).toBe(7);
  });

  test("does not change with times, modes, place, or what is left out", async () => {
    const before = await digestOf();
    utimesSync(join(bed.dir, "packs/a/m.mjs"), 1, 1);
    bed.write("packs/a/lib/deep/h.mjs", "2", 0o755);
    bed.write("packs/a/node_modules/dep/index.js", "x");
    bed.write("packs/a/lib/node_modules/dep/index.js", "x");
    bed.write("packs/a/.git/HEAD", "x");
    bed.write("packs/a/lib/.cache", "x");
    expect(await digestOf()).toBe(before);
    renameSync(join(bed.dir, "packs/a"), join(bed.dir, "moved"));
    bed.write("lily.yaml", "packs: [./moved]\n");
    expect(await digestOf()).toBe(before);
  });

  test("is in the plan, with every loaded pack, and moves the plan's own", async () => {
    const kernel = await bed.kernel();
    const plan = () => kernel.workflows.plan({ document: flow({ a: sh("true") }), dir: bed.dir });
    const before = await plan();
    expect(before.plan.packs).toEqual([{ name: "a", version: "1.0.0", digest: await digestOf() }]);
    bed.append("packs/a/readme.md", "more");
    expect((await plan()).plan_hash).not.toBe(before.plan_hash);
    bed.write("lily.yaml", "packs: []\n");
    expect((await plan()).plan).not.toHaveProperty("packs");
  });
});

describe("hostile packs", () => {
  const dir = () => join(bed.dir, "packs/a");

  beforeEach(() => writePacks(bed, { a: pack("a", { modules: { "a.m": "m.mjs" } }, { "m.mjs": "x" }) }));

  test.each([
    ["a link to a file outside", () => symlinkSync("/etc/passwd", join(dir(), "passwd")), /holds the link passwd/],
    ["a link to a folder outside", () => symlinkSync("/etc", join(dir(), "etc")), /holds the link etc/],
    ["a link deep inside", () => symlinkSync("..", join(mkdirSync(join(dir(), "x"), { recursive: true }) ?? "", "up")), /holds the link x\/up/],
    [
      "a manifest that is a link",
      () => {
        renameSync(join(dir(), "lily-pack.yaml"), join(bed.dir, "m"));
        symlinkSync("../../m", join(dir(), "lily-pack.yaml"));
      },
      /holds no lily-pack/,
    ],
    ["a module that is a hard link", () => linkSync(bed.write("outside", "x"), join(dir(), "hard")), /PACK_INVALID/],
    ["two manifests", () => bed.write("packs/a/lily-pack.json", "{}"), /holds both/],
    ["a module that is not there", () => renameSync(join(dir(), "m.mjs"), join(dir(), "n")), /there is no file m\.mjs/],
    ["more files than a pack has", () => Array.from({ length: 2001 }, (_, index) => bed.write(`packs/a/f${index}`, "")), /more than 2000 files/],
    ["more bytes than a pack has", () => bed.write("packs/a/big", new Uint8Array(33 * 1024 * 1024)), /larger than/],
    ["a manifest beyond its limit", () => bed.write("packs/a/lily-pack.yaml", `#${" ".repeat(1024 * 1024)}`), /larger than/],
    [
      "a schema that is not there",
      () => bed.write("packs/a/lily-pack.yaml", manifestText("a", { schemas: { "a.t.v1": "s.json" } })),
      /schemas\.a\.t\.v1: there is no file s\.json/,
    ],
    [
      "a schema that is a list",
      () => {
        bed.write("packs/a/lily-pack.yaml", manifestText("a", { schemas: { "a.t.v1": "s.json" } }));
        bed.write("packs/a/s.json", "[]");
      },
      /is not a JSON object/,
    ],
    [
      "a schema with a prototype",
      () => {
        bed.write("packs/a/lily-pack.yaml", manifestText("a", { schemas: { "a.t.v1": "s.json" } }));
        bed.write("packs/a/s.json", '{"__proto__":{}}');
      },
      /__proto__/,
    ],
  ])("%s", async (_name, spoil, expected) => {
    spoil();
    expect(await refused()).toMatch(expected);
  });

  test("a fifo in a pack is refused and never opened", async () => {
    const { execFileSync } = await import("node:child_process");
    execFileSync("mkfifo", [join(dir(), "pipe")]);
    expect(await refused()).toContain("neither a file nor a folder");
  });
});

describe("packs are bound like code", () => {
  const waiting = flow({ a: sh("exit 1") }, { routes: [{ id: "r", when: { step: "a" }, do: { escalate: "look" } }] });

  test.each([
    ["changed", () => bed.append("packs/a/m.mjs", "//"), /pack a was 1\.0\.0 sha256:\w+ when the run was planned, and is 1\.0\.0 sha256:/],
    ["gone", () => bed.write("lily.yaml", "packs: []\n"), /and is not loaded now/],
    ["joined by another", () => writePacks(bed, { a: pack("a", {}, {}), b: pack("b") }), /pack [ab] was/],
  ])("WORKFLOW_DRIFT when a pack is %s before a run goes on", async (_name, change, expected) => {
    writePacks(bed, { a: pack("a", { modules: { "a.m": "m.mjs" } }, { "m.mjs": moduleText("return {};") }) });
    const { view } = await bed.run(waiting);
    expect(view.status).toBe("blocked");
    change();
    const kernel = await bed.kernel();
    for (const again of [
      () => kernel.runs.resume(view.run_id, { unblockReason: "seen" }),
      () => kernel.runs.rerun(view.run_id, { from: ["a"], reason: "again", unblockReason: "seen" }),
    ]) {
      const { code, message } = await refusalOf(again);
      expect(code).toBe("WORKFLOW_DRIFT");
      expect(message).toMatch(expected);
    }
  });

  test("a helper that a pack's module imports is bound too: the next use in a run refuses it", async () => {
    const helped = `import { answer } from "./helper.mjs";\n${moduleText("return { n: answer };")}`;
    writePacks(bed, { a: pack("a", { modules: { "a.m": "m.mjs" } }, { "m.mjs": helped, "helper.mjs": "export const answer = 1;\n" }) });
    const document = flow({
      first: { module: "a.m", outputs: { n: {} } },
      change: sh("echo 'export const answer = 2;' > packs/a/helper.mjs", { needs: ["first"] }),
      last: { module: "a.m", needs: ["change"], outputs: { n: {} } },
    });
    const { view, events } = await bed.run(document);
    expect(view.status).toBe("failed");
    expect(events.find((event) => event.kind === "STEP_FAILED")?.data).toMatchObject({ step_id: "last", code: "WORKFLOW_DRIFT" });
  });

  test("a module of a pack runs in a process of its own, and no workflow lowers that", async () => {
    writePacks(bed, { a: pack("a", { modules: { "a.m": "m.mjs" } }, { "m.mjs": moduleText("return { pid: process.pid };") }) });
    const kernel = await bed.kernel();
    const { plan } = await kernel.workflows.plan({ document: flow({ s: { module: "a.m", outputs: { pid: {} } } }), dir: bed.dir });
    expect(plan.steps[0]?.executor).toEqual({ kind: "module", module: "a.m", isolation: "process" });
    expect(plan.modules).toMatchObject([{ name: "a.m", path: "m.mjs", pack: "a" }]);
    expect(plan.code).toEqual([]);
    const problems = await kernel.workflows.check({ document: flow({ s: { module: "a.m", isolation: "none" } }), dir: bed.dir });
    expect(problems.map((problem) => problem.message)).toEqual([expect.stringContaining("runs in a process of its own")]);
  });

  test("schemas of a pack are listed as such and judge outputs; its policy holds", async () => {
    writePacks(bed, {
      a: pack("a", { schemas: { "a.row.v1": "row.json" }, policy: { tools: ["sh"] } }, { "row.json": '{"type":"object","required":["n"]}' }),
    });
    const kernel = await bed.kernel();
    expect((await kernel.schemas.list()).find((row) => row.schema_id === "a.row.v1")).toMatchObject({ origin: "pack" });
    const { view } = await bed.run(flow({ s: sh("echo '{}' > o.json", { outputs: { o: { path: "o.json", schema: "a.row.v1" } } }) }));
    expect(view.status).toBe("failed");
    const denied = await bed.run(flow({ s: { run: ["node", "--version"] } }));
    expect(denied.events.map((event) => event.kind)).toContain("POLICY_VIOLATION");
  });
});

describe("lily pack check", () => {
  test("names every problem with its place, and is silent about a sound pack", async () => {
    const kernel = await bed.kernel();
    writePacks(bed, { a: pack("a", { modules: { "a.m": "m.mjs" } }, { "m.mjs": moduleText("return {};") }) });
    expect(await kernel.packs.check(join(bed.dir, "packs/a"))).toEqual([]);
    expect(await kernel.packs.check(null)).toEqual([]);
    const manifest = join(bed.dir, "packs/a/lily-pack.yaml");
    bed.write(
      "packs/a/lily-pack.yaml",
      manifestText("a", { kernel: ">=9", modules: { "a.m": "m.mjs", "a.n": "n.mjs" }, schemas: { "a.t.v1": "t.json", "a.u.v1": "u.json" } }),
    );
    bed.write("packs/a/n.mjs", "export const nothing = 1;\n");
    bed.write("packs/a/t.json", '{"$ref":"https://example.com/x"}');
    bed.write("packs/a/u.json", '{"type":"objekt"}');
    const problems = await kernel.packs.check(join(bed.dir, "packs/a"));
    expect(problems.map(({ code, file, line }) => [code, file, line])).toEqual([
      ["PACK_VERSION_UNSUPPORTED", manifest, 3],
      ["SCHEMA_INVALID", manifest, 5],
      ["SCHEMA_INVALID", manifest, 5],
      ["MODULE_INVALID", manifest, 4],
    ]);
    expect((await kernel.packs.check(null)).length).toBe(4);
  });

  test("tells clashes of the workspace and what is not there", async () => {
    writePacks(bed, { one: pack("a"), two: pack("a") });
    const kernel = await bed.kernel();
    expect((await kernel.packs.check(null)).map((problem) => problem.code)).toEqual(["PACK_CLASH"]);
    bed.write("lily.yaml", "packs: [./packs/one, ./packs/two, ./packs/three]\n");
    writePacks(bed, { one: pack("a"), two: pack("a"), three: pack("a") });
    const clashes = await kernel.packs.check(null);
    expect(clashes.map((problem) => problem.code)).toEqual(["PACK_CLASH", "PACK_CLASH"]);
    expect(clashes.every((problem) => !problem.message.includes("\n"))).toBe(true);
    bed.write("lily.yaml", "packs: [./packs/one, none]\n");
    expect((await kernel.packs.check(null)).map((problem) => problem.code)).toEqual(["PACK_NOT_FOUND"]);
    expect((await refusalOf(kernel.packs.check(join(bed.dir, "nowhere")))).code).toBe("PACK_NOT_FOUND");
  });

  test("doctor names the packs", async () => {
    writePacks(bed, { a: pack("a") });
    const findings = await (await bed.kernel()).doctor();
    expect(findings.find((finding) => finding.subject === "pack a")).toMatchObject({ level: "ok", message: expect.stringContaining("1.0.0 in ") });
  });
});
