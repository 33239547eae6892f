import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import net from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ProcessOutcome, ProcessSpec, SandboxSpec } from "../../ports/process-runner.ts";
import { endOf, readStatus, sandboxFailure } from "./bubblewrap.ts";
import { createProcessRunner } from "./process-runner.ts";

const runner = createProcessRunner();
const { name, reason } = await runner.sandbox();
const inSandbox = describe.skipIf(name === null);
const skipped = name === null ? ` (skipped: ${reason})` : "";
const shellPath = fs.existsSync("/bin/sh") ? fs.realpathSync("/bin/sh") : "/bin/sh";
let dir: string;
let work: string;
let count = 0;

/** Not below /tmp, where a sandbox shows nothing of this machine. */
const base = join(import.meta.dirname, "../../../node_modules/.cache");

beforeEach(() => {
  fs.mkdirSync(base, { recursive: true });
  dir = fs.realpathSync(fs.mkdtempSync(join(base, "lily-sandbox-")));
  work = join(dir, "work");
  fs.mkdirSync(work);
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

function specOf(argv: readonly string[], sandbox: Partial<SandboxSpec> = {}, changes: Partial<ProcessSpec> = {}): ProcessSpec {
  const id = count++;
  return {
    argv,
    cwd: work,
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", DIR: dir, WORK: work, NODE: process.execPath },
    timeoutMs: 60_000,
    stdoutPath: join(dir, `logs/stdout-${id}`),
    stderrPath: join(dir, `logs/stderr-${id}`),
    logBytesMax: 1024 * 1024,
    redact: [],
    graceMs: 200,
    marker: `sandbox-${process.pid}-${id}/step/1`,
    sandbox: { writable: [work], readOnly: [], hidden: [], shown: [], network: "deny", tools: null, ...sandbox },
    ...changes,
  };
}

const run = (argv: readonly string[], sandbox: Partial<SandboxSpec> = {}, changes: Partial<ProcessSpec> = {}): Promise<ProcessOutcome> =>
  runner.start(specOf(argv, sandbox, changes)).done;
const shell = (text: string, sandbox: Partial<SandboxSpec> = {}, changes: Partial<ProcessSpec> = {}) => run(["sh", "-c", text], sandbox, changes);
const node = (text: string, sandbox: Partial<SandboxSpec> = {}, changes: Partial<ProcessSpec> = {}) => run([process.execPath, "-e", text], sandbox, changes);
const put = (path: string, content = "before"): string => {
  fs.mkdirSync(dirname(join(dir, path)), { recursive: true });
  fs.writeFileSync(join(dir, path), content);
  return join(dir, path);
};
const read = (path: string): string => fs.readFileSync(join(dir, path), "utf8");

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

inSandbox(`what a sandbox holds of the file system${skipped}`, () => {
  test("writes reach what is writable, and nothing else", async () => {
    put("other");
    const outcome = await shell('echo in > in && mkdir -p a/b && echo deep > a/b/c; echo x > "$DIR/other"; echo x > /etc/lily-x; rm "$DIR/other"; exit 0');
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 0 });
    expect(outcome.stderrTail.match(/Read-only file system/g)).toHaveLength(3);
    expect([read("work/in"), read("work/a/b/c"), read("other")]).toEqual(["in\n", "deep\n", "before"]);
    expect(fs.existsSync("/etc/lily-x")).toBe(false);
  });

  test.each([
    ["a link that leads out", 'ln -s "$DIR/other" way; echo x > way; echo x >> way'],
    ["a link to a folder outside", 'ln -s "$DIR" way; echo x > way/other; echo x > way/new'],
    ["a second name of a file outside", 'ln "$DIR/other" second; echo x > second'],
    ["a path that goes up", "echo x > ../other; cd ..; echo x > other; mv other new"],
    ["a path through its own process", 'echo x > "/proc/self/root$DIR/other"; echo x > "/proc/self/cwd/../other"; echo x > "/proc/1/root$DIR/other"'],
    ["another time or mode", 'touch "$DIR/other"; chmod 600 "$DIR/other"'],
    ["mounting over it", 'mount -t tmpfs none "$DIR"; mount -o remount,rw /; mount -o remount,bind,rw /; umount -l /; umount "$WORK"; echo x > "$DIR/other"'],
    ["a namespace of its own", 'unshare -Urm sh -c \'mount -o remount,bind,rw /; umount /; echo x > "$DIR/other"\'; echo x > "$DIR/other"'],
    ["another sandbox, by the program that holds this one", "/proc/1/exe --dev-bind / / --bind / / sh -c 'echo x > \"$DIR/other\"'"],
  ])("%s does not get past it", async (_, text) => {
    const other = put("other");
    const before = fs.statSync(other);
    await shell(`exec 2>/dev/null; ${text}; exit 0`);
    expect([read("other"), fs.statSync(other).mode, fs.statSync(other).mtimeMs]).toEqual(["before", before.mode, before.mtimeMs]);
    expect(fs.readdirSync(dir).sort()).toEqual(["logs", "other", "work"].filter((each) => each !== "logs" || fs.existsSync(join(dir, "logs"))));
  });

  test("a file that is writable can be written, and the one beside it cannot", async () => {
    const file = put("outside/file");
    put("outside/beside");
    await shell('exec 2>/dev/null; echo x > "$DIR/outside/file"; echo x > "$DIR/outside/beside"; exit 0', { writable: [work, file] });
    expect([read("outside/file"), read("outside/beside")]).toEqual(["x\n", "before"]);
  });

  test.each([
    ["written", "echo x > a/b/kept; echo x > a/b/folder/in; echo x > a/b/folder/new"],
    ["removed", "rm -rf a/b/kept a/b/folder; rm -rf a"],
    ["replaced", "echo x > new; mv -f new a/b/kept; mkdir other; mv other a/b/folder"],
    ["moved with the folder that holds it", "mv a/b/kept a/b/moved; mv a/b moved; mv a moved; mkdir -p a/b; echo x > a/b/kept"],
  ])("what is read-only inside a writable folder is not %s", async (_, text) => {
    const kept = put("work/a/b/kept");
    put("work/a/b/folder/in");
    await shell(`exec 2>/dev/null; ${text}; exit 0`, { readOnly: [kept, join(work, "a/b/folder")] });
    expect([read("work/a/b/kept"), read("work/a/b/folder/in")]).toEqual(["before", "before"]);
    expect(fs.existsSync(join(work, "a/b/folder/new"))).toBe(false);
  });

  test("S7: a hidden folder is seen empty and cannot be filled; what is shown or writable inside of it is there", async () => {
    put("work/.lily/secret");
    const shown = put("work/.lily/shown/file");
    put("work/.lily/shown/beside");
    put("work/.lily/attempt/file");
    const sandbox = { hidden: [join(work, ".lily")], shown: [shown], writable: [work, join(work, ".lily/attempt")] };
    const outcome = await shell(
      "ls -A .lily .lily/shown; cat .lily/shown/file; echo x > .lily/new; echo x > .lily/shown/file; echo y > .lily/attempt/file; mv .lily moved; exit 0",
      sandbox,
    );
    expect(outcome.stdoutTail).toBe(".lily:\nattempt\nshown\n\n.lily/shown:\nfile\nbefore");
    expect([read("work/.lily/secret"), read("work/.lily/shown/file"), read("work/.lily/attempt/file")]).toEqual(["before", "before", "y\n"]);
    expect(fs.readdirSync(join(work, ".lily")).sort()).toEqual(["attempt", "secret", "shown"]);
  });

  test("what is hidden cannot be uncovered, and a file that is hidden is seen empty", async () => {
    const key = put("keys/key", "private");
    const folder = put("vault/in", "private");
    const outcome = await shell(
      'cat "$DIR/keys/key"; umount -l "$DIR/vault"; unshare -Urm umount -l "$DIR/vault"; cat "$DIR/vault/in" "/proc/1/root$DIR/vault/in"; exit 0',
      {
        hidden: [key, dirname(folder), join(dir, "absent")],
      },
    );
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 0 });
    expect(outcome.stdoutTail).toBe("");
  });

  test("/tmp, /dev/shm, TMPDIR and /proc are its own", async () => {
    const mine = fs.mkdtempSync("/tmp/lily-mine-");
    const temp = join(dir, "temp");
    fs.mkdirSync(temp);
    put("temp/mine");
    try {
      const text = `ls -d ${mine}; ls -A "$TMPDIR"; echo x > "$TMPDIR/theirs"; echo x > /tmp/lily-theirs-${process.pid}; echo x > /dev/shm/lily-${process.pid}; ls -d /proc/[0-9]*; exit 0`;
      const outcome = await shell(text, {}, { env: { PATH: "/usr/bin:/bin", TMPDIR: temp } });
      expect(outcome.stdoutTail.trim().split("\n")).toEqual(["/proc/1", "/proc/2"]);
      for (const path of [join(temp, "theirs"), `/tmp/lily-theirs-${process.pid}`, `/dev/shm/lily-${process.pid}`])
        expect(fs.existsSync(path), path).toBe(false);
    } finally {
      fs.rmSync(mine, { recursive: true });
    }
  });

  test("a descriptor that was handed down leads nowhere", async () => {
    put("other");
    const script = `
      const { createProcessRunner } = await import(${JSON.stringify(join(import.meta.dirname, "process-runner.ts"))});
      const spec = JSON.parse(process.env.SPEC);
      const { stdoutTail } = await createProcessRunner().start(spec).done;
      console.log(stdoutTail);`;
    const inherited = fs.openSync(dir, "r");
    const spec = specOf(["sh", "-c", "ls -A /proc/self/fd/5/ /proc/self/fd/20/; ls -A /proc/self/fd; exit 0"]);
    const stdio = Array.from({ length: 21 }, (_, fd) => (fd === 5 || fd === 20 ? inherited : fd < 3 ? "pipe" : "ignore"));
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      stdio,
      env: { ...process.env, SPEC: JSON.stringify(spec) },
      encoding: "utf8",
    });
    fs.closeSync(inherited);
    const lines = child.stdout.trim().split("\n");
    expect(lines).toEqual(expect.arrayContaining(["0", "1", "2"]));
    expect(lines).not.toContain("other");
  });
});

inSandbox(`what a sandbox holds of the network${skipped}`, () => {
  const connect = (to: string) =>
    `const s = require("net").connect(${to}); s.on("connect", () => { console.log("connected"); process.exit(); }); s.on("error", (e) => { console.log(e.code); process.exit(); });`;
  const listening = async (at: string | number): Promise<net.Server> => {
    const server = net.createServer((socket) => socket.end());
    const { promise, resolve } = Promise.withResolvers<void>();
    if (typeof at === "string") server.listen(at, resolve);
    else server.listen(at, "127.0.0.1", resolve);
    await promise;
    return server;
  };
  const portOf = (server: net.Server): number => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  };

  test("a service of this machine is reached when the network is allowed, and not when it is denied", async () => {
    const server = await listening(0);
    const to = `{ host: "127.0.0.1", port: ${portOf(server)} }`;
    expect((await node(connect(to), { network: "allow" })).stdoutTail).toBe("connected\n");
    expect((await node(connect(to), { network: "deny" })).stdoutTail).toBe("ECONNREFUSED\n");
    const interfaces = await shell("cut -d: -f1 /proc/net/dev | tail -n +3", { network: "deny" });
    expect(interfaces.stdoutTail.trim()).toBe("lo");
    server.close();
  });

  test("sockets of services, as files or abstract, are not reached when the network is denied", async () => {
    fs.mkdirSync(join(dir, "service"));
    const paths = [join(dir, "service/socket"), join(work, "socket"), `\0lily-${process.pid}`];
    const servers = await Promise.all(paths.map(listening));
    for (const path of paths) {
      const text = connect(JSON.stringify(path));
      expect((await node(text, { network: "allow", shown: [join(dir, "service")] })).stdoutTail, path).toBe("connected\n");
      expect((await node(text, { network: "deny", shown: [join(dir, "service")] })).stdoutTail, path).toMatch(/^(ECONNREFUSED|ENOTSOCK|ENOENT)\n$/);
    }
    expect((await shell("ls -A /run /var/run")).stdoutTail).toBe("/run:\n\n/var/run:\n");
    for (const server of servers) server.close();
  });
});

inSandbox(`what a sandbox holds of tools${skipped}`, () => {
  const others = "ls env perl cat mount".split(" ");

  test("only what is allowed can be started, by the command and by what it starts, by name, by path or by the loader", async () => {
    const tries = others.map(
      (other) => `${other} --version; /bin/${other} --version; /usr/bin/${other} --version; for l in /lib64/ld-linux*; do $l /usr/bin/${other} --version; done`,
    );
    const outcome = await shell(`echo started; exec 2>/dev/null; ${tries.join("; ")}; sh -c "echo child; ls /"; exit 0`, { tools: [shellPath] });
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 0, stdoutTail: "started\nchild\n" });
    const seen = await shell("echo /bin/* /usr/bin/* /sbin/* /usr/local/bin/*", { tools: [shellPath] });
    for (const path of seen.stdoutTail
      .trim()
      .split(" ")
      .filter((each) => !each.includes("*")))
      expect(fs.realpathSync(path)).toBe(shellPath);
  });

  test("an allowed one has the names by which it is found, and its folders cannot be filled", async () => {
    const tools = join(dir, "tools");
    const real = put("store/tool-1.2", `#!${shellPath}\necho "tool $0"\n`);
    fs.chmodSync(real, 0o755);
    fs.mkdirSync(tools);
    fs.symlinkSync(real, join(tools, "tool"));
    fs.chmodSync(put("tools/other", `#!${shellPath}\necho other\n`), 0o755);
    const changes = { env: { PATH: `${tools}:/usr/bin:/bin`, DIR: dir } };
    const outcome = await run(
      ["sh", "-c", 'tool; other; echo x > "$DIR/tools/new"; exit 0'],
      { tools: [shellPath, real], shown: [join(dir, "store")] },
      changes,
    );
    expect(outcome.stdoutTail).toBe(`tool ${join(tools, "tool")}\n`);
    expect(outcome.stderrTail).toMatch(/not found[\s\S]*Read-only/);
    expect(fs.readdirSync(tools).sort()).toEqual(["other", "tool"]);
  });

  test("a script whose interpreter is not allowed does not start", async () => {
    const script = put("work/script", "#!/usr/bin/env sh\necho ran\n");
    fs.chmodSync(script, 0o755);
    const outcome = await run([script], { tools: [shellPath, script] });
    expect(outcome).toMatchObject({ outcome: "spawn_failed", stdoutTail: "" });
    expect(outcome.error).toMatch(/cannot be executed in the sandbox: No such file or directory/);
  });

  test("a folder of PATH that the command works in keeps its files, and its other executables do not start", async () => {
    fs.chmodSync(put("work/allowed", `#!${shellPath}\necho allowed\n`), 0o755);
    fs.chmodSync(put("work/other", `#!${shellPath}\necho other\n`), 0o755);
    put("work/data");
    const changes = { env: { PATH: `${work}:.::/usr/bin` } };
    const outcome = await run(["sh", "-c", "allowed; ./other; other; echo x > data; exit 0"], { tools: [shellPath, join(work, "allowed")] }, changes);
    expect(outcome.stdoutTail).toBe("allowed\n");
    expect([read("work/data"), read("work/other")]).toEqual(["x\n", `#!${shellPath}\necho other\n`]);
  });
});

inSandbox(`how a command in a sandbox ends${skipped}`, () => {
  test.each([0, 1, 2, 7, 125, 126, 127, 128, 200, 255])("exit code %i comes through", async (code) => {
    expect(await shell(`exit ${code}`)).toMatchObject({ outcome: "exited", exitCode: code, signal: null, error: null });
  });

  test.each(["HUP", "INT", "QUIT", "ABRT", "KILL", "USR1", "SEGV", "PIPE", "TERM"])("SIG%s comes through", async (signal) => {
    const ended = { outcome: "signaled", exitCode: null, signal: `SIG${signal}` };
    expect(await shell(`kill -${signal} $$`)).toMatchObject(ended);
  });

  test("it works in its folder, under another host name only when it asks, without what root may do to the system", async () => {
    const outcome = await shell("pwd; grep NoNewPrivs /proc/self/status; mknod device c 1 3; chroot / true; exit 0");
    expect(outcome.stdoutTail).toMatch(new RegExp(`^${work}\nNoNewPrivs:\\s*1\n$`));
    expect(fs.existsSync(join(work, "device"))).toBe(false);
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
    const hidden = "hidden" in sandbox ? { hidden: [dir] } : {};
    const outcome = await run(argv, { ...sandbox, ...hidden }, changes);
    expect(outcome).toMatchObject({ outcome: "spawn_failed", exitCode: null, signal: null });
    expect(outcome.error).toMatch(message);
  });

  test("words of a command that look like those of the sandbox are its own", async () => {
    const outcome = await shell('echo "bwrap: execvp x: No such file or directory" >&2; exit 1');
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 1, error: null });
  });

  test("it has time to end by itself after SIGTERM, and no longer than its grace", async () => {
    const spec = specOf(["sh", "-c", "trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 0.02; done"], {}, { graceMs: 60_000 });
    const polite = runner.start(spec);
    while (!fs.existsSync(spec.stdoutPath)) await delay(5);
    polite.kill();
    expect(await polite.done).toMatchObject({ outcome: "killed", exitCode: 4, stdoutTail: "ready\nbye\n", survivorsKilled: 0 });
    expect((await shell("trap '' TERM; while :; do sleep 1; done", {}, { timeoutMs: 150 })).outcome).toBe("timeout");
  });

  test("what ends by itself right after the command keeps its output", async () => {
    expect(await shell("( sleep 0.03; echo late ) &")).toMatchObject({ outcome: "exited", survivorsKilled: 0, stdoutTail: "late\n" });
  });

  const escapee = (token: string): string =>
    `(env -i setsid sh -c 'exec sleep ${token}' >/dev/null 2>&1 &) ; while ! ls -l /proc/*/exe 2>/dev/null | grep -q sleep; do sleep 0.01; done`;

  test.each(["exit 0", "echo ready; sleep 600"])(
    "E6: a process with an empty environment and a session of its own, whose parent is gone, is ended too (%s)",
    async (rest) => {
      const token = `600.${process.pid}${count}`;
      const spec = specOf(["sh", "-c", `${escapee(token)}; ${rest}`]);
      const started = runner.start(spec);
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
    const token = `600.${process.pid}${count}`;
    const spec = specOf(["sh", "-c", `${escapee(token)}; echo ready; sleep 600`]);
    const script = `
      const { createProcessRunner } = await import(${JSON.stringify(join(import.meta.dirname, "process-runner.ts"))});
      const { existsSync } = await import("node:fs");
      const spec = JSON.parse(process.env.SPEC);
      createProcessRunner().start(spec);
      setInterval(() => { if (existsSync(spec.stdoutPath)) process.kill(process.pid, "SIGKILL"); }, 5);`;
    spawnSync(process.execPath, ["--input-type=module", "-e", script], { env: { ...process.env, SPEC: JSON.stringify(spec) } });
    expect(running(`sleep\0${token}`)).toBe(1);
    expect(await runner.endLeftovers(spec.marker)).toBeGreaterThanOrEqual(2);
    expect(running(`sleep\0${token}`)).toBe(0);
  });
});

describe.skipIf(process.platform !== "linux")("whether there is a sandbox", () => {
  const pretender = (text: string): string => {
    const path = put("pretender", `#!/bin/sh\necho called >> "${join(dir, "calls")}"\n${text}\n`);
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
    const outcome = await refused.start(specOf(["sh", "-c", "echo ran > ran"])).done;
    expect(outcome).toMatchObject({ outcome: "spawn_failed", error: expect.stringContaining("SANDBOX_UNAVAILABLE: no sandbox works here") });
    expect(fs.existsSync(join(work, "ran"))).toBe(false);
    expect(read("calls")).toBe("called\n");
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
