import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { endOf, readStatus, sandboxFailure } from "./bubblewrap.ts";
import { describeInSandbox, sandboxBed } from "./bubblewrap.test-support.ts";
import { createProcessRunner } from "./process-runner.ts";

const bed = sandboxBed();
let sleeps = 0;
/** A time to sleep that no other process has on its command line. */
const uniqueSleep = (): string => `600.${process.pid}${++sleeps}`;

/** Processes whose command line holds the text, found in another way than the runner finds them. */
function running(text: string): number {
  return fs
    .readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(text) && !/^\d+ \(.*\) [ZX]/s.test(fs.readFileSync(`/proc/${pid}/stat`, "latin1"));
      } catch {
        return false;
      }
    }).length;
}

describeInSandbox("how a command in a sandbox ends", () => {
  test.each([0, 1, 2, 7, 125, 126, 127, 128, 200, 255])("exit code %i comes through", async (code) => {
    expect(await bed.shell(`exit ${code}`)).toMatchObject({ outcome: "exited", exitCode: code, signal: null, error: null });
  });

  test.each(["HUP", "INT", "QUIT", "ABRT", "KILL", "USR1", "SEGV", "PIPE", "TERM"])("SIG%s comes through", async (signal) => {
    const ended = { outcome: "signaled", exitCode: null, signal: `SIG${signal}` };
    expect(await bed.shell(`kill -${signal} $$`)).toMatchObject(ended);
  });

  test("it works in its folder, under another host name only when it asks, without what root may do to the system", async () => {
    const outcome = await bed.shell("pwd; grep NoNewPrivs /proc/self/status; mknod device c 1 3; chroot / true; exit 0");
    expect(outcome.stdoutTail).toMatch(new RegExp(`^${bed.work}\nNoNewPrivs:\\s*1\n$`));
    expect(fs.existsSync(join(bed.work, "device"))).toBe(false);
  });

  test.each([
    ["a command that is nowhere", ["lily-no-such-command"], {}, {}, /was not found as a file that may be executed/],
    ["an executable that is hidden", ["/usr/bin/env"], { tools: [] }, {}, /\/usr\/bin\/env cannot be executed in the sandbox: No such file/],
    ["a working directory inside a hidden folder", ["/bin/sh"], { hidden: ["of WORK"], writable: [] }, {}, /cannot be set up: Can't chdir to/],
    [
      "a writable folder that does not exist",
      ["/bin/sh"],
      { writable: ["/nonexistent/folder"] },
      {},
      /cannot be set up: Can't find source path \/nonexistent\/folder/,
    ],
    ["an absent working directory", ["/bin/sh"], {}, { cwd: "/nonexistent/folder" }, /working directory .* does not exist/],
    ["an empty command", [""], {}, {}, /the command is empty/],
  ] as const)("%s is spawn_failed and says why", async (_, argv, sandbox, changes, message) => {
    const hidden = "hidden" in sandbox ? { hidden: [bed.dir] } : {};
    const outcome = await bed.run(argv, { ...sandbox, ...hidden }, changes);
    expect(outcome).toMatchObject({ outcome: "spawn_failed", exitCode: null, signal: null });
    expect(outcome.error).toMatch(message);
  });

  test("words of a command that look like those of the sandbox are its own", async () => {
    const outcome = await bed.shell('echo "bwrap: execvp x: No such file or directory" >&2; exit 1');
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 1, error: null });
  });

  test("it has time to end by itself after SIGTERM, and no longer than its grace", async () => {
    const spec = bed.specOf(["sh", "-c", "trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 0.02; done"], {}, { graceMs: 60_000 });
    const polite = bed.runner.start(spec);
    while (!fs.existsSync(spec.stdoutPath)) await delay(5);
    polite.kill();
    expect(await polite.done).toMatchObject({ outcome: "killed", exitCode: 4, stdoutTail: "ready\nbye\n", survivorsKilled: 0 });
    expect((await bed.shell("trap '' TERM; while :; do sleep 1; done", {}, { timeoutMs: 150 })).outcome).toBe("timeout");
  });

  test("what ends by itself right after the command keeps its output", async () => {
    expect(await bed.shell("( sleep 0.03; echo late ) &")).toMatchObject({ outcome: "exited", survivorsKilled: 0, stdoutTail: "late\n" });
  });

  const escapee = (token: string): string =>
    `(env -i setsid sh -c 'exec sleep ${token}' >/dev/null 2>&1 &) ; while ! ls -l /proc/*/exe 2>/dev/null | grep -q sleep; do sleep 0.01; done`;

  test.each(["exit 0", "echo ready; sleep 600"])(
    "E6: a process with an empty environment and a session of its own, whose parent is gone, is ended too (%s)",
    async (rest) => {
      const token = uniqueSleep();
      const spec = bed.specOf(["sh", "-c", `${escapee(token)}; ${rest}`]);
      const started = bed.runner.start(spec);
      if (rest !== "exit 0") {
        while (!fs.existsSync(spec.stdoutPath)) await delay(5);
        expect(running(`sleep\0${token}`)).toBe(1);
        started.kill();
      }
      const outcome = await started.done;
      expect(outcome.outcome).toBe(rest === "exit 0" ? "exited" : "killed");
      if (rest === "exit 0") expect(outcome.survivorsKilled).toBe(1);
      expect(running(`sleep\0${token}`)).toBe(0);
    },
  );

  test("E6: what a process that was killed had started in a sandbox is found by its marker and ended, with what hides", async () => {
    const token = uniqueSleep();
    const spec = bed.specOf(["sh", "-c", `${escapee(token)}; echo ready; sleep 600`]);
    const script = `
      const { createProcessRunner } = await import(${JSON.stringify(join(import.meta.dirname, "process-runner.ts"))});
      const { existsSync } = await import("node:fs");
      const spec = JSON.parse(process.env.SPEC);
      createProcessRunner().start(spec);
      setInterval(() => { if (existsSync(spec.stdoutPath)) process.kill(process.pid, "SIGKILL"); }, 5);`;
    spawnSync(process.execPath, ["--input-type=module", "-e", script], { env: { ...process.env, SPEC: JSON.stringify(spec) } });
    expect(running(`sleep\0${token}`)).toBe(1);
    expect(await bed.runner.endLeftovers(spec.marker)).toBeGreaterThanOrEqual(2);
    expect(running(`sleep\0${token}`)).toBe(0);
  });
});

describe.skipIf(process.platform !== "linux")("whether there is a sandbox", () => {
  const pretender = (text: string): string => {
    const path = bed.put("pretender", `#!/bin/sh\necho called >> "${join(bed.dir, "calls")}"\n${text}\n`);
    fs.chmodSync(path, 0o755);
    return path;
  };

  test("S6: none is named when the program is not there, is another one, or cannot do its work; the reason is in its words", async () => {
    const versions = 'if [ "$1" = --version ]; then echo "bubblewrap 9.9.9"; exit 0; fi;';
    const reasons = [
      ["lily-no-such-program", /bubblewrap \(bwrap\) is not installed/],
      ["/nonexistent/bwrap", /not installed/],
      [pretender("echo something 1.0"), /does not say that it is bubblewrap/],
    ] as const;
    for (const [sandboxProgram, message] of reasons) {
      expect(await createProcessRunner({ sandboxProgram }).sandbox()).toEqual({ name: null, reason: expect.stringMatching(message) });
    }
    const forbidden = createProcessRunner({ sandboxProgram: pretender(`${versions} echo "bwrap: No permissions to create new namespace" >&2; exit 1`) });
    expect((await forbidden.sandbox()).reason).toMatch(
      /^bubblewrap 9\.9\.9 does not work here, because the system forbids .*No permissions to create new namespace$/,
    );
    const untrue = createProcessRunner({ sandboxProgram: pretender(`${versions} exit 0`) });
    expect((await untrue.sandbox()).name).toBeNull();
  });

  test("it is tried once, and a command that asks for it is not started without it", async () => {
    const refused = createProcessRunner({ sandboxProgram: pretender("exit 1") });
    for (let round = 0; round < 3; round++) await refused.sandbox();
    const outcome = await refused.start(bed.specOf(["sh", "-c", "echo ran > ran"])).done;
    expect(outcome).toMatchObject({ outcome: "spawn_failed", error: expect.stringContaining("SANDBOX_UNAVAILABLE: no sandbox works here") });
    expect(fs.existsSync(join(bed.work, "ran"))).toBe(false);
    expect(bed.read("calls")).toBe("called\n");
  });
});

describe("what bubblewrap says", () => {
  test("codes above 128 are signals when there is such a signal", () => {
    expect([137, 143, 134, 128, 255, 0].map((code) => endOf(code))).toEqual([
      { code: null, signal: "SIGKILL" },
      { code: null, signal: "SIGTERM" },
      { code: null, signal: "SIGABRT" },
      { code: 128, signal: null },
      { code: 255, signal: null },
      { code: 0, signal: null },
    ]);
  });

  test("the status names the holder, and the exit code only when the command was executed", () => {
    expect(readStatus('{ "child-pid": 12, "mnt-namespace": 4026532177 }\n{ "exit-code": 7 }\n')).toEqual({ holder: 12, exitCode: 7 });
    expect(readStatus('{ "child-pid": 12 }\n')).toEqual({ holder: 12, exitCode: null });
    expect(readStatus("")).toEqual({ holder: null, exitCode: null });
  });

  test("its words become the reason", () => {
    expect(sandboxFailure("x", "bwrap: execvp x: Permission denied\n")).toMatch(/^the command x cannot be executed in the sandbox: Permission denied; /);
    expect(sandboxFailure("x", "bwrap: Can't mkdir /a: Read-only file system\n")).toBe(
      "the sandbox for x cannot be set up: Can't mkdir /a: Read-only file system",
    );
    expect(sandboxFailure("x", "")).toBe("the sandbox for x cannot be set up: bubblewrap ended without a word");
  });
});
