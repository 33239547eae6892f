import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Digest, digestBytes } from "../../base/digest.ts";
import type { LoadedModule, ModuleContext, ReportedEffect } from "../../ports/module-host.ts";
import { createModuleHost } from "./module-host.ts";

const host = createModuleHost();
const library = join(import.meta.dirname, "../../runtime/define-module.ts");
let dir: string;
let lines: string[];
let effects: ReportedEffect[];
let count = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lily-modules-"));
  lines = [];
  effects = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function moduleFile(text: string, extension = "ts"): { readonly path: string; readonly digest: Digest } {
  const path = join(dir, `m${count++}.${extension}`);
  writeFileSync(path, `import { defineModule } from ${JSON.stringify(library)};\n${text}`);
  return { path, digest: digestBytes(readFileSync(path)) };
}

function contextOf(signal: AbortSignal = new AbortController().signal): ModuleContext {
  return {
    runId: `test-${process.pid}`,
    stepId: `s${count}`,
    attempt: 1,
    signal,
    env: { PATH: process.env["PATH"] ?? "", A: "1" },
    cwd: dir,
    log: (line) => lines.push(line),
    effect: (effect) => effects.push(effect),
  };
}

type Load = (text: string, extension?: string) => Promise<LoadedModule>;
const ways: readonly (readonly [string, Load])[] = [
  [
    "in this process",
    async (text, extension) => {
      const { path, digest } = moduleFile(text, extension);
      return host.load("m", path, digest);
    },
  ],
  [
    "isolated",
    async (text, extension) => {
      const { path, digest } = moduleFile(text, extension);
      return host.loadIsolated("m", path, digest);
    },
  ],
];

const schemaOf = (name: string) =>
  `{ "~standard": { version: 1, vendor: "test", validate: (value) => typeof value === "number" ? { value: value + 0 } : { issues: [{ message: "not a number", path: ["${name}"] }] } } }`;

describe.each(ways)("a module %s", (_, load) => {
  test("gets context and input, logs, and returns outputs by name", async () => {
    const loaded = await load(`
      export const m = defineModule({ name: "m", version: "1.2.0", run: async (context, input: { x: number }) => {
        context.log("hello " + context.env["A"]);
        return { sum: { value: input.x + 1, ratio: 0.5 }, where: [context.runId, context.stepId, context.attempt, context.cwd, context.signal.aborted] };
      } });`);
    expect(loaded).toMatchObject({ name: "m", version: "1.2.0" });
    const context = contextOf();
    expect(await loaded.run(context, { x: 1 })).toEqual({ sum: { value: 2, ratio: 0.5 }, where: [context.runId, context.stepId, 1, dir, false] });
    expect(lines).toEqual(["hello 1"]);
  });

  test.each(["mjs", "js"])("may be a .%s file and export by default", async (extension) => {
    const loaded = await load(`export default defineModule({ name: "m", version: "1", run: () => undefined });`, extension);
    expect(await loaded.run(contextOf(), {})).toEqual({});
  });

  test("has its input checked by its own schema", async () => {
    const loaded =
      await load(`const input = { "~standard": { version: 1, vendor: "t", validate: (v) => "x" in v ? { value: { x: v.x * 2 } } : { issues: [{ message: "x is missing", path: [{ key: "x" }] }] } } };
      export const m = defineModule({ name: "m", version: "1", input, run: (_, { x }) => ({ x }) });`);
    expect(await loaded.run(contextOf(), { x: 4 })).toEqual({ x: 8 });
    await expect(loaded.run(contextOf(), {})).rejects.toMatchObject({ code: "SCHEMA_MISMATCH", message: expect.stringContaining("/x: x is missing") });
  });

  test("has its outputs checked by name, or all together", async () => {
    const named = await load(`export const m = defineModule({ name: "m", version: "1", output: { n: ${schemaOf("n")} }, run: (_, input) => input });`);
    expect(await named.run(contextOf(), { n: 1 })).toEqual({ n: 1 });
    await expect(named.run(contextOf(), { n: "1" })).rejects.toMatchObject({
      code: "MODULE_FAILED",
      message: expect.stringContaining("n does not fit its schema: /n: not a number"),
    });
    await expect(named.run(contextOf(), { n: 1, other: 2 })).rejects.toThrow(/returned other, which it does not declare/);
    const whole =
      await load(`const output = { "~standard": { version: 1, vendor: "t", validate: (v) => v.ok ? { value: v } : { issues: [{ message: "not ok" }] } } };
      export const m = defineModule({ name: "m", version: "1", output, run: (_, input) => input });`);
    expect(await whole.run(contextOf(), { ok: true })).toEqual({ ok: true });
    await expect(whole.run(contextOf(), { ok: false })).rejects.toThrow(/outputs does not fit its schema: not ok/);
  });

  test.each(["7", "[1]", "'text'", "{ x: NaN }", "{ x: new Date() }", "{ x: () => 1 }", "{ x: 1n }"])("that returns %s fails", async (value) => {
    const loaded = await load(`export const m = defineModule({ name: "m", version: "1", run: () => (${value}) as never });`);
    await expect(loaded.run(contextOf(), {})).rejects.toMatchObject({ code: "MODULE_FAILED" });
  });

  test("that throws rejects with its message", async () => {
    const loaded = await load(`export const m = defineModule({ name: "m", version: "1", run: () => { throw new Error("out of ink"); } });`);
    await expect(loaded.run(contextOf(), {})).rejects.toThrow(/out of ink/);
  });

  test.each([
    ["export const x = 1;", /exports nothing made by defineModule/],
    [
      "const a = defineModule({ name: 'a', version: '1', run: () => {} }); export { a }; export const b = defineModule({ name: 'b', version: '1', run: () => {} });",
      /exports 2 modules/,
    ],
    ["throw new Error('top level');", /top level/],
    ["export const = ;", /module m/],
  ])("is refused when its file holds none: %s", async (text, message) => {
    await expect(load(text)).rejects.toMatchObject({ code: "MODULE_INVALID", message: expect.stringMatching(message) });
  });

  test("exported under two names is one module", async () => {
    expect((await load(`export const m = defineModule({ name: "m", version: "3", run: () => {} }); export default m;`)).version).toBe("3");
  });
});

describe.each(["load", "loadIsolated"] as const)("%s", (way) => {
  test("that imports a package which is not installed says where to install it", async () => {
    const { path, digest } = moduleFile('import "lily-kernel-not-installed";');
    await expect(host[way]("m", path, digest)).rejects.toMatchObject({
      code: "MODULE_INVALID",
      message: expect.stringMatching(/Cannot find package 'lily-kernel-not-installed'.*Install it beside the module: npm install lily-kernel-not-installed/),
    });
  });

  test("refuses a file that changed after planning, and one that is gone", async () => {
    const { path, digest } = moduleFile(`export const m = defineModule({ name: "m", version: "1", run: () => ({}) });`);
    writeFileSync(path, "export const x = 1;");
    await expect(host[way]("m", path, digest)).rejects.toMatchObject({ code: "WORKFLOW_DRIFT" });
    rmSync(path);
    await expect(host[way]("m", path, digest)).rejects.toMatchObject({ code: "MODULE_NOT_FOUND" });
  });

  test("new bytes at the same path are a new module", async () => {
    const { path } = moduleFile("");
    const text = (n: number) =>
      `import { defineModule } from ${JSON.stringify(library)}; export const m = defineModule({ name: "m", version: "${n}", run: () => ({}) });`;
    for (const n of [1, 2]) {
      writeFileSync(path, text(n));
      expect((await host[way]("m", path, digestBytes(text(n)))).version).toBe(String(n));
    }
  });
});

describe("an isolated module", () => {
  const load = async (body: string) => {
    const { path, digest } = moduleFile(
      `import { spawn } from "node:child_process"; import { writeFileSync } from "node:fs"; export const m = defineModule({ name: "m", version: "1", run: async (context) => { ${body} } });`,
    );
    return host.loadIsolated("m", path, digest);
  };

  test("E6: is ended with all it started when the signal aborts", async () => {
    const loaded = await load(
      `const child = spawn("sleep", ["600"], { detached: true, stdio: "ignore" }); context.log("pids " + process.pid + " " + child.pid); for (;;);`,
    );
    const abort = new AbortController();
    const running = loaded.run(contextOf(abort.signal), {});
    running.catch(() => undefined);
    while (lines.length === 0) await delay(10);
    const pids =
      /pids (\d+) (\d+)/
        .exec(lines[0] ?? "")
        ?.slice(1)
        .map(Number) ?? [];
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: "CONTEXT_REVOKED" });
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(["Z", null]).toContain(stateOf(pid));
  });

  test("is not started when the signal has aborted already", async () => {
    const loaded = await load("return {};");
    await expect(loaded.run(contextOf(AbortSignal.abort()), {})).rejects.toMatchObject({ code: "CONTEXT_REVOKED" });
  });

  test("may clean up on the signal", async () => {
    const loaded = await load(
      `context.log("ready"); await new Promise((resolve) => { const timer = setInterval(() => {}, 1000); context.signal.addEventListener("abort", () => { clearInterval(timer); resolve(null); }); }); writeFileSync(context.cwd + "/cleaned", ""); return {};`,
    );
    const abort = new AbortController();
    const running = loaded.run(contextOf(abort.signal), {});
    running.catch(() => undefined);
    while (lines.length === 0) await delay(10);
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: "CONTEXT_REVOKED" });
    expect(readdirSync(dir)).toContain("cleaned");
  });

  test.each([
    ["process.exit(0);", /ended before it gave a result/],
    ["process.exit(3);", /exited with 3/],
    ["process.kill(process.pid, 'SIGKILL'); for (;;);", /ended by SIGKILL/],
    ["setImmediate(() => { throw new TypeError('late') }); await new Promise(() => setInterval(() => {}, 1000));", /exited with 1: TypeError: late/],
    ["await new Promise(() => {});", /ended before it gave a result/],
  ])("that ends without a result fails: %s", async (body, message) => {
    const loaded = await load(body);
    await expect(loaded.run(contextOf(), {})).rejects.toMatchObject({ code: "MODULE_FAILED", message: expect.stringMatching(message) });
  });

  test("has both streams logged, and only the environment of its step", async () => {
    const loaded = await load(
      `console.log("out"); console.error("err"); process.stdout.write("rest"); return { env: Object.keys(process.env).sort(), own: Object.keys(context.env).sort() };`,
    );
    expect(await loaded.run(contextOf(), {})).toEqual({ env: ["A", "LILY_RUN", "PATH"], own: ["A", "PATH"] });
    expect(lines).toEqual(["out", "rest", "err"]);
  });

  test("S4: has a secret by its environment, and nothing of it lies on disk while it runs, not even in its log", async () => {
    const secret = "hunter2-of-the-deep";
    const own = new Set(readdirSync(tmpdir()).filter((name) => name.startsWith("lily-module-")));
    const loaded = await load(
      `const { TOKEN } = context.env; console.log("token " + TOKEN); console.error("token " + process.env.TOKEN); context.log("ready"); context.log("-".repeat(200)); while (!(await import("node:fs")).existsSync(context.cwd + "/go")) await new Promise((resolve) => setTimeout(resolve, 10)); return { length: TOKEN.length };`,
    );
    const context = contextOf();
    const running = loaded.run({ ...context, env: { ...context.env, TOKEN: secret, EMPTY: "" } }, {}, [secret, ""]);
    while (!lines.includes("ready")) await delay(10);
    const folders = readdirSync(tmpdir()).filter((name) => name.startsWith("lily-module-") && !own.has(name));
    const texts = folders.flatMap((name) => readdirSync(join(tmpdir(), name)).map((file) => readFileSync(join(tmpdir(), name, file), "utf8")));
    expect(texts.join("")).toContain("TOKEN");
    expect(texts.join("")).not.toContain(secret);
    writeFileSync(join(dir, "go"), "");
    expect(await running).toEqual({ length: secret.length });
    // What could be the start of a secret is held back until more comes, hence the long line.
    expect(lines).toEqual(["token [redacted]", "ready", "-".repeat(200), "token [redacted]"]);
  });

  test("S4: does not write down an output or a message that holds a secret", async () => {
    const context = contextOf();
    const env = { ...context.env, TOKEN: "hunter2-of-the-deep" };
    const returning = await load("return { token: context.env.TOKEN };");
    await expect(returning.run({ ...context, env }, {}, [env.TOKEN])).rejects.toMatchObject({ code: "STEP_OUTPUT_INVALID" });
    const throwing = await load("throw new Error('not ' + context.env.TOKEN);");
    await expect(throwing.run({ ...context, env }, {}, [env.TOKEN])).rejects.toMatchObject({ message: expect.stringContaining("not [redacted]") });
  });

  test("leaves no files behind", async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("lily-module-"));
    await (await load("return {};")).run(contextOf(), {});
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("lily-module-") && !before.includes(name))).toEqual([]);
  });
});

function stateOf(pid: number): string | null {
  try {
    return /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1] ?? null;
  } catch {
    return null;
  }
}
