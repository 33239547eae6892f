import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { main } from "../../src/cli/main.ts";
import { fakeKernel } from "./fake-kernel.ts";
import { fakeHost, lily } from "./fake-host.ts";
import { badEvents, execView, failedView } from "./sample-run.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lily-cli-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Logs = Awaited<ReturnType<Kernel["runs"]["logs"]>>;

function log(path: string, content: string | Uint8Array): Logs[number] {
  const absolutePath = join(folder, path);
  mkdirSync(dirname(absolutePath), { recursive: true });
  writeFileSync(absolutePath, content);
  return { path, size: content.length, absolutePath };
}

describe("run logs", () => {
  test("shows each log under a heading, control characters as escapes", async () => {
    const logs = [log("steps/clean/1/stdout.txt", "one\r\ntwo\t\u001b[31mred"), log("steps/clean/1/stderr.txt", "bad\n")];
    const { stdout } = await lily(["run", "logs", "latest"], fakeKernel({ logs }));
    expect(stdout).toBe("== steps/clean/1/stdout.txt (17 bytes)\none\ntwo\t\\x1b[31mred\n== steps/clean/1/stderr.txt (4 bytes)\nbad\n");
  });

  test("--stdout and --stderr choose one stream, both choose both", async () => {
    const logs = [log("steps/clean/1/stdout.txt", "out\n"), log("steps/clean/1/stderr.txt", "err\n")];
    const shown = async (...flags: readonly string[]): Promise<string> =>
      (await lily(["run", "logs", "latest", "--raw", ...flags], fakeKernel({ logs }))).stdout;
    expect([await shown("--stdout"), await shown("--stderr"), await shown("--stdout", "--stderr"), await shown()]).toEqual([
      "out\n",
      "err\n",
      "out\nerr\n",
      "out\nerr\n",
    ]);
  });

  test("--raw gives the bytes as they are", async () => {
    const logs = [log("steps/clean/1/stdout.txt", Uint8Array.of(0x1b, 0xff, 0x00))];
    expect((await lily(["run", "logs", "latest", "--raw"], fakeKernel({ logs }))).stdout).toBe("\u001b\u00ff\u0000");
  });

  test("a character that a chunk border cuts comes out whole", async () => {
    const text = `${"x".repeat(65_535)}é\n${"y".repeat(65_533)}\r\nz\r`;
    const logs = [log("steps/clean/1/stdout.txt", text)];
    const { stdout } = await lily(["--quiet", "run", "logs", "latest"], fakeKernel({ logs }));
    expect(stdout).toBe(`${text.replace("\r\n", "\n").slice(0, -1)}\\r\n`);
  });

  test("--json names the files", async () => {
    const logs = [log("steps/clean/1/stdout.txt", "out\n")];
    const { stdout } = await lily(["--json", "run", "logs", "latest"], fakeKernel({ logs }));
    const absolute_path = join(folder, "steps/clean/1/stdout.txt");
    expect(JSON.parse(stdout)).toEqual({
      logs: [{ path: "steps/clean/1/stdout.txt", size: 4, absolute_path, state: "running", artifact_id: null, missing: false }],
    });
  });

  test("a log that is gone is an error that names it", async () => {
    const logs = [{ path: "steps/clean/1/stdout.txt", size: 1, absolutePath: join(folder, "gone") }];
    const { code, stderr } = await lily(["run", "logs", "latest"], fakeKernel({ logs }));
    expect([code, stderr.includes(join(folder, "gone"))]).toEqual([70, true]);
  });
});

describe("the end of a failed run", () => {
  test("shows the last lines of stderr of the step that failed and of its gate, and where the logs are", async () => {
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i}\u001b[1m\n`).join("");
    const logs = [
      log("steps/clean/1/stderr.txt", "of the first attempt\n"),
      log("steps/clean/2/stderr.txt", lines),
      log("steps/clean/2/stdout.txt", "not shown\n"),
      log("gates/rows/2/stderr.txt", "too few rows"),
      { path: "steps/clean/2/stderr.gone.txt", size: 3, absolutePath: join(folder, "gone") },
    ];
    const { stdout } = await lily(["run", "start", "f"], fakeKernel({ view: failedView(), events: badEvents, logs }));
    expect(stdout).toContain(`    log   ${join(folder, "steps/clean/2/stderr.txt")} (350 bytes)\n      | line 20\\x1b[1m\n`);
    expect(stdout).toContain("      | line 29\\x1b[1m\n");
    expect(stdout).toContain("      | too few rows\n");
    expect(stdout).not.toMatch(/line 19|not shown|of the first attempt/);
  });
});

describe("exec", () => {
  test("passes the command's output through while it runs, each byte once, and keeps stdout clean of its own words", async () => {
    const logs = [log("steps/command/1/stdout.txt", "first\n"), log("steps/command/1/stderr.txt", "warning\n"), log("gates/check/1/stdout.txt", "gate says\n")];
    const host = fakeHost();
    const { preset } = fakeKernel({
      logs,
      view: execView("succeeded", {}),
      beforeEvent: async (event) => {
        host.tick();
        if (event.kind === "STEP_COMPLETED") appendFileSync(join(folder, "steps/command/1/stdout.txt"), "second\n");
      },
    });
    await main(["exec", "--quiet", "--", "x"], { ...host, loadPreset: async () => preset });
    expect([host.stdout.text(), host.stderr.text()]).toEqual(["first\nsecond\n", "warning\n"]);
  });

  test("a pipe gets the bytes of the command, a terminal gets escapes", async () => {
    const logs = [log("steps/command/1/stdout.txt", "\u001b[31mred\n")];
    expect((await lily(["exec", "--quiet", "--", "x"], fakeKernel({ logs, view: execView("succeeded", {}) }))).stdout).toBe("\u001b[31mred\n");
    const onTerminal = await lily(["exec", "--quiet", "--", "x"], { ...fakeKernel({ logs, view: execView("succeeded", {}) }), isTty: true });
    expect(onTerminal.stdout).toBe("\\x1b[31mred\n");
  });

  test("with --json the command's output goes to stderr, so that stdout is one document", async () => {
    const logs = [log("steps/command/1/stdout.txt", "out\n")];
    const { stdout, stderr } = await lily(["exec", "--json", "--", "x"], fakeKernel({ logs, view: execView("succeeded", {}) }));
    expect([stderr, (JSON.parse(stdout) as { readonly exit_code: number }).exit_code]).toEqual(["out\n", 0]);
  });
});

describe("artifact get --output", () => {
  test("writes a new file and refuses an existing one", async () => {
    const first = await lily(["artifact", "get", "a", "--output", "x.txt"], { ...fakeKernel(), cwd: folder });
    expect([first.code, first.stdout, readFileSync(join(folder, "x.txt"), "utf8")]).toEqual([0, "", "hello\n"]);
    const again = await lily(["artifact", "get", "a", "--output", "x.txt"], { ...fakeKernel({ bytes: Buffer.from("other") }), cwd: folder });
    expect([again.code, readFileSync(join(folder, "x.txt"), "utf8"), existsSync(join(folder, "x.txt"))]).toEqual([2, "hello\n", true]);
    const json = await lily(["--json", "artifact", "get", "a", "--output", "y.txt"], { ...fakeKernel(), cwd: folder });
    expect(JSON.parse(json.stdout)).toEqual({ path: join(folder, "y.txt"), size: 6 });
  });
});
