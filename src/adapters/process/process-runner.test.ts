import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ProcessOutcome, ProcessSpec } from "../../ports/process-runner.ts";
import { createProcessRunner } from "./process-runner.ts";

const shapes = join(import.meta.dirname, "../../../test/fixtures-own/process-shapes");
const runner = createProcessRunner();
const onLinux = process.platform === "linux";
let dir: string;
let count = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lily-process-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function specOf(argv: readonly string[], changes: Partial<ProcessSpec> = {}): ProcessSpec {
  const marker = `test-${process.pid}-${count++}/step/1`;
  return {
    argv,
    cwd: dir,
    env: { PATH: process.env["PATH"] ?? "", PIDS: join(dir, "pids"), READY: join(dir, "ready") },
    timeoutMs: 60_000,
    stdoutPath: join(dir, "stdout.log"),
    stderrPath: join(dir, "stderr.log"),
    logBytesMax: 1024 * 1024,
    redact: [],
    graceMs: 200,
    marker,
    ...changes,
  };
}

const run = (argv: readonly string[], changes: Partial<ProcessSpec> = {}): Promise<ProcessOutcome> => runner.start(specOf(argv, changes)).done;
const shell = (text: string, changes: Partial<ProcessSpec> = {}) => run(["sh", "-c", text], changes);
const stdout = () => readFileSync(join(dir, "stdout.log"), "utf8");
const shape = (name: string, ...args: readonly string[]) => ["sh", join(shapes, `${name}.sh`), ...args];

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

/** State letter of a process, null when there is none. Read here on its own, not by the code under test. */
function stateOf(pid: number): string | null {
  try {
    return /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1] ?? null;
  } catch {
    return null;
  }
}

/** Processes that live although they should not: those that wrote their pid, and those whose environment holds the marker. */
function living(marker: string): readonly number[] {
  const written = existsSync(join(dir, "pids")) ? readFileSync(join(dir, "pids"), "utf8").trim().split("\n").map(Number) : [];
  const marked = readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && carries(pid, marker));
  return [...new Set([...written, ...marked])].filter((pid) => !["Z", "X", null].includes(stateOf(pid)));
}

function carries(pid: number, marker: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`LILY_RUN=${marker}`);
  } catch {
    return false;
  }
}

describe("outcomes", () => {
  test("a command that ends with 0 has exited, and a silent one makes no log file", async () => {
    const outcome = await run(["true"]);
    expect(outcome).toMatchObject({
      outcome: "exited",
      exitCode: 0,
      signal: null,
      stdoutBytes: 0,
      stderrBytes: 0,
      cut: false,
      survivorsKilled: 0,
      error: null,
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  test("exit code, both streams, sizes and tail are reported", async () => {
    const outcome = await shell("echo out; echo error >&2; exit 7");
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 7, stdoutBytes: 4, stderrBytes: 6, stdoutTail: "out\n", stderrTail: "error\n" });
    expect(stdout()).toBe("out\n");
    expect(readFileSync(join(dir, "stderr.log"), "utf8")).toBe("error\n");
    expect(statSync(join(dir, "stdout.log")).mode & 0o077).toBe(0);
  });

  test("a command that kills itself has the outcome signaled", async () => {
    expect(await shell("kill -9 $$")).toMatchObject({ outcome: "signaled", exitCode: null, signal: "SIGKILL" });
  });

  test("the environment is exactly what the spec gives, and the marker", async () => {
    const outcome = await run([process.execPath, "-e", "console.log(JSON.stringify(process.env))"], { env: { A: "1", LILY_RUN: "forged" }, marker: "m/s/1" });
    expect(JSON.parse(outcome.stdoutTail)).toEqual({ A: "1", LILY_RUN: "m/s/1" });
  });

  test("arguments reach the command as data, whatever they hold", async () => {
    const args = ["$(id)", "a b", "'\"\\", "*", "", "ü\n"];
    const outcome = await run([process.execPath, "-e", "console.log(JSON.stringify(process.argv.slice(1)))", "--", ...args]);
    expect(JSON.parse(outcome.stdoutTail)).toEqual(args);
  });

  test("standard input is closed", async () => {
    expect(await run(["cat"])).toMatchObject({ outcome: "exited", exitCode: 0, stdoutBytes: 0 });
  });

  test.each([
    ["an unknown command", ["lily-no-such-command"], {}, /was not found \(ENOENT\)/],
    ["a file that may not be executed", [join(shapes, "flood.mjs")], {}, /may not be executed \(EACCES\)/],
    ["an absent working directory", ["true"], { cwd: "/nonexistent/folder" }, /working directory .* does not exist/],
    ["an empty command", [""], {}, /the command is empty/],
    ["no command at all", [], {}, /the command is empty/],
    ["an argument with a zero byte", ["true", "a\0b"], {}, /cannot be started/],
    ["arguments that are too large", ["true", "x".repeat(4 * 1024 * 1024)], {}, /too large \(E2BIG\)/],
  ] as const)("%s is spawn_failed and says why", async (_, argv, changes, message) => {
    const outcome = await run(argv, changes);
    expect(outcome).toMatchObject({ outcome: "spawn_failed", exitCode: null });
    expect(outcome.error).toMatch(message);
  });

  test("without free file descriptors a command is spawn_failed, and the runner goes on afterwards", async () => {
    const script = `
      const { createProcessRunner } = await import(${JSON.stringify(join(import.meta.dirname, "process-runner.ts"))});
      const { openSync, closeSync } = await import("node:fs");
      const runner = createProcessRunner();
      const run = (n) => runner.start({ argv: ["true"], cwd: "/", env: { PATH: process.env.PATH }, timeoutMs: null, stdoutPath: "/nonexistent/o", stderrPath: "/nonexistent/e", logBytesMax: 1, redact: [], graceMs: 1, marker: "emfile/" + n }).done;
      await run(0);
      const files = [];
      try { for (;;) files.push(openSync("/dev/null", "r")); } catch {}
      const full = await run(1);
      for (const file of files) closeSync(file);
      const free = await run(2);
      console.log(full.outcome, /EMFILE/.test(full.error), free.outcome, free.exitCode);
      process.exit(0);`;
    const outcome = await shell(`ulimit -n 64; exec "$NODE" --input-type=module --eval "$SCRIPT"`, {
      env: { PATH: process.env["PATH"] ?? "", NODE: process.execPath, SCRIPT: script },
    });
    expect(outcome.stdoutTail).toBe("spawn_failed true exited 0\n");
  });

  test("killing a command that could not start does nothing", async () => {
    const running = runner.start(specOf(["lily-no-such-command"]));
    running.kill();
    expect((await running.done).outcome).toBe("spawn_failed");
    running.kill();
  });

  test("a log that exists already is never overwritten: the command is ended and the reason named (E2)", async () => {
    writeFileSync(join(dir, "stdout.log"), "earlier");
    const outcome = await shell("echo later; sleep 600");
    expect(outcome).toMatchObject({ outcome: "killed", cut: true });
    expect(outcome.error).toMatch(/cannot be written: EEXIST/);
    expect(stdout()).toBe("earlier");
  });

  test("output that arrives right before the end is complete", async () => {
    const outcome = await run([process.execPath, "-e", "require('fs').writeSync(1, 'x'.repeat(60000)); process.kill(process.pid, 'SIGKILL')"]);
    expect(outcome).toMatchObject({ outcome: "signaled", stdoutBytes: 60_000 });
  });

  test("the tail starts at a whole character", async () => {
    const outcome = await run([process.execPath, "-e", "process.stdout.write('ü'.repeat(5000) + 'x')"]);
    expect(outcome.stdoutTail).toBe(`${"ü".repeat(2047)}x`);
  });
});

describe("redaction", () => {
  test("S4: a secret is in no log and no tail, whole or written in two parts", async () => {
    const script =
      "process.stdout.write('a hun'); setTimeout(() => { process.stdout.write('ter2pass b'); console.error(Buffer.from('x=hunter2pass').toString('base64')); }, 30)";
    const outcome = await run([process.execPath, "-e", script], { redact: ["hunter2pass"] });
    expect(stdout()).toBe("a [redacted] b");
    expect(outcome.stdoutTail).toBe("a [redacted] b");
    expect(readFileSync(join(dir, "stderr.log"), "utf8")).toContain("[redacted]");
    expect(outcome.stderrTail).toBe(readFileSync(join(dir, "stderr.log"), "utf8"));
  });
});

describe("output floods", () => {
  test.each(["yes", "line", "binary"])("an endless flood (%s) is cut at the limit, and memory stays bounded", async (kind) => {
    const before = process.memoryUsage.rss();
    const spec = specOf([process.execPath, join(shapes, "flood.mjs"), kind], { logBytesMax: 8 * 1024 * 1024 });
    const outcome = await runner.start(spec).done;
    expect(outcome).toMatchObject({ outcome: "output_limit", cut: true, stdoutBytes: 8 * 1024 * 1024 });
    expect(statSync(spec.stdoutPath).size).toBe(8 * 1024 * 1024);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
  });

  test("output over the limit counts even when the command has ended before it was read", async () => {
    expect(await shell("echo 12345", { logBytesMax: 3 })).toMatchObject({ outcome: "output_limit", cut: true, stdoutBytes: 3, stdoutTail: "123" });
    expect(stdout()).toBe("123");
  });

  test("output of exactly the limit is not cut", async () => {
    expect(await shell("printf 12345", { logBytesMax: 5 })).toMatchObject({ outcome: "exited", cut: false, stdoutBytes: 5 });
  });
});

describe.skipIf(!onLinux)("process trees", () => {
  const staying = [
    ["fork tree", shape("fork-tree")],
    ["session escapee", shape("setsid-escapee", "stay")],
    ["double fork", shape("double-fork", "stay")],
    ["ignored SIGTERM", shape("ignored-term")],
    ["respawning chain", shape("respawn")],
  ] as const;

  test.each(staying)("E6: after kill nothing of the step lives (%s)", async (_, argv) => {
    const spec = specOf(argv);
    const running = runner.start(spec);
    await until(() => existsSync(spec.stdoutPath));
    running.kill();
    running.kill();
    expect((await running.done).outcome).toBe("killed");
    expect(living(spec.marker)).toEqual([]);
    running.kill();
  });

  test.each(staying)("E6: after a timeout nothing of the step lives (%s)", async (_, argv) => {
    const spec = specOf(argv, { timeoutMs: 150 });
    expect((await runner.start(spec).done).outcome).toBe("timeout");
    expect(living(spec.marker)).toEqual([]);
  });

  const leaving = [
    ["session escapee", shape("setsid-escapee", "leave")],
    ["double fork", shape("double-fork", "leave")],
    ["pipe holder", shape("pipe-holder")],
  ] as const;

  test.each(leaving)("E6: what a command leaves behind is ended and counted (%s)", async (_, argv) => {
    const spec = specOf(argv);
    const outcome = await runner.start(spec).done;
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 0, survivorsKilled: 1 });
    expect(living(spec.marker)).toEqual([]);
  });

  test("what ends by itself right after the command is not called a survivor, and its output is kept", async () => {
    const outcome = await shell("( sleep 0.03; echo late ) &");
    expect(outcome).toMatchObject({ outcome: "exited", survivorsKilled: 0, stdoutTail: "late\n" });
  });

  test("a step is only ended with its own processes: another with a longer marker lives on", async () => {
    const other = runner.start(specOf(["sleep", "600"], { marker: `test-${process.pid}-twin/step/10` }));
    const mine = runner.start(specOf(shape("respawn"), { marker: `test-${process.pid}-twin/step/1` }));
    await until(() => existsSync(join(dir, "ready")));
    mine.kill();
    await mine.done;
    expect(living(`test-${process.pid}-twin/step/1`)).toEqual([]);
    expect(living(`test-${process.pid}-twin/step/10`)).toHaveLength(1);
    other.kill();
    expect((await other.done).outcome).toBe("killed");
  });

  test("leftovers of an earlier process are found by marker prefix", async () => {
    const prefix = `test-${process.pid}-left/`;
    const first = runner.start(specOf(["sleep", "600"], { marker: `${prefix}a/1`, stdoutPath: join(dir, "1") }));
    const second = runner.start(specOf(["setsid", "sleep", "600"], { marker: `${prefix}b/1`, stdoutPath: join(dir, "2") }));
    await until(() => living(`${prefix}a/1`).length === 1 && living(`${prefix}b/1`).length === 1);
    expect(await runner.endLeftovers(prefix)).toBeGreaterThanOrEqual(2);
    expect(await first.done).toMatchObject({ outcome: "signaled", signal: "SIGKILL" });
    await second.done;
    expect(await runner.endLeftovers(prefix)).toBe(0);
    await expect(runner.endLeftovers("")).rejects.toThrow(/E6/);
  });
});

describe("tools", () => {
  test("a name is looked up in PATH, links resolved, folders and files without the right skipped", async () => {
    const found = await runner.resolveTool("sh", "/nonexistent::/usr/bin:/bin", dir);
    expect(found?.path).toMatch(/^\/.*sh$/);
    expect(await runner.resolveTool("lily-no-such-command", "/usr/bin", dir)).toBeNull();
    expect(await runner.resolveTool("", "/usr/bin", dir)).toBeNull();
    expect(await runner.resolveTool("bin", "/usr", dir)).toBeNull();
    expect(await runner.resolveTool("./flood.mjs", "/usr/bin", shapes)).toBeNull();
    expect(await runner.resolveTool(process.execPath, "", dir)).not.toBeNull();
  });

  test("the digest of a tool follows its bytes", async () => {
    const path = join(dir, "tool");
    writeFileSync(path, "one");
    const one = await runner.digestTool(path);
    expect(await runner.digestTool(path)).toBe(one);
    writeFileSync(path, "two!");
    expect(await runner.digestTool(path)).not.toBe(one);
    await expect(runner.digestTool(join(dir, "absent"))).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  });
});
