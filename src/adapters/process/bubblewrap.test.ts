import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import net from "node:net";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { describeInSandbox, sandboxBed, shellPath } from "./bubblewrap.test-support.ts";

const bed = sandboxBed();

describeInSandbox("what a sandbox holds of the file system", () => {
  test("writes reach what is writable, and nothing else", async () => {
    bed.put("other");
    const outcome = await bed.shell('echo in > in && mkdir -p a/b && echo deep > a/b/c; echo x > "$DIR/other"; echo x > /etc/lily-x; rm "$DIR/other"; exit 0');
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 0 });
    // A checkout under /tmp is seen there as a private folder, which takes writes and forgets them.
    expect(outcome.stderrTail).toContain("Read-only file system");
    expect([bed.read("work/in"), bed.read("work/a/b/c"), bed.read("other")]).toEqual(["in\n", "deep\n", "before"]);
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
    const other = bed.put("other");
    const before = fs.statSync(other);
    await bed.shell(`exec 2>/dev/null; ${text}; exit 0`);
    expect([bed.read("other"), fs.statSync(other).mode, fs.statSync(other).mtimeMs]).toEqual(["before", before.mode, before.mtimeMs]);
    expect(fs.readdirSync(bed.dir).sort()).toEqual(["logs", "other", "work"].filter((each) => each !== "logs" || fs.existsSync(join(bed.dir, "logs"))));
  });

  test("a file that is writable can be written, and the one beside it cannot", async () => {
    const file = bed.put("outside/file");
    bed.put("outside/beside");
    await bed.shell('exec 2>/dev/null; echo x > "$DIR/outside/file"; echo x > "$DIR/outside/beside"; exit 0', { writable: [bed.work, file] });
    expect([bed.read("outside/file"), bed.read("outside/beside")]).toEqual(["x\n", "before"]);
  });

  test.each([
    ["written", "echo x > a/b/kept; echo x > a/b/folder/in; echo x > a/b/folder/new"],
    ["removed", "rm -rf a/b/kept a/b/folder; rm -rf a"],
    ["replaced", "echo x > new; mv -f new a/b/kept; mkdir other; mv other a/b/folder"],
    ["moved with the folder that holds it", "mv a/b/kept a/b/moved; mv a/b moved; mv a moved; mkdir -p a/b; echo x > a/b/kept"],
  ])("what is read-only inside a writable folder is not %s", async (_, text) => {
    const kept = bed.put("work/a/b/kept");
    bed.put("work/a/b/folder/in");
    await bed.shell(`exec 2>/dev/null; ${text}; exit 0`, { readOnly: [kept, join(bed.work, "a/b/folder")] });
    expect([bed.read("work/a/b/kept"), bed.read("work/a/b/folder/in")]).toEqual(["before", "before"]);
    expect(fs.existsSync(join(bed.work, "a/b/folder/new"))).toBe(false);
  });

  test("S7: a hidden folder is seen empty and cannot be filled; what is shown or writable inside of it is there", async () => {
    bed.put("work/.lily/secret");
    const shown = bed.put("work/.lily/shown/file");
    bed.put("work/.lily/shown/beside");
    bed.put("work/.lily/attempt/file");
    const sandbox = { hidden: [join(bed.work, ".lily")], shown: [shown], writable: [bed.work, join(bed.work, ".lily/attempt")] };
    const outcome = await bed.shell(
      "ls -A .lily .lily/shown; cat .lily/shown/file; echo x > .lily/new; echo x > .lily/shown/file; echo y > .lily/attempt/file; mv .lily moved; exit 0",
      sandbox,
    );
    expect(outcome.stdoutTail).toBe(".lily:\nattempt\nshown\n\n.lily/shown:\nfile\nbefore");
    expect([bed.read("work/.lily/secret"), bed.read("work/.lily/shown/file"), bed.read("work/.lily/attempt/file")]).toEqual(["before", "before", "y\n"]);
    expect(fs.readdirSync(join(bed.work, ".lily")).sort()).toEqual(["attempt", "secret", "shown"]);
  });

  test("what is hidden cannot be uncovered, and a file that is hidden is seen empty", async () => {
    const key = bed.put("keys/key", "private");
    const folder = bed.put("vault/in", "private");
    const outcome = await bed.shell(
      'cat "$DIR/keys/key"; umount -l "$DIR/vault"; unshare -Urm umount -l "$DIR/vault"; cat "$DIR/vault/in" "/proc/1/root$DIR/vault/in"; exit 0',
      {
        hidden: [key, dirname(folder), join(bed.dir, "absent")],
      },
    );
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 0 });
    expect(outcome.stdoutTail).toBe("");
  });

  test("/tmp, /dev/shm, TMPDIR and /proc are its own", async () => {
    const mine = fs.mkdtempSync("/tmp/lily-mine-");
    const temp = join(bed.dir, "temp");
    fs.mkdirSync(temp);
    bed.put("temp/mine");
    try {
      const text = `ls -d ${mine}; ls -A "$TMPDIR"; echo x > "$TMPDIR/theirs"; echo x > /tmp/lily-theirs-${process.pid}; echo x > /dev/shm/lily-${process.pid}; ls -d /proc/[0-9]*; exit 0`;
      const outcome = await bed.shell(text, {}, { env: { PATH: "/usr/bin:/bin", TMPDIR: temp } });
      expect(outcome.stdoutTail.trim().split("\n")).toEqual(["/proc/1", "/proc/2"]);
      for (const path of [join(temp, "theirs"), `/tmp/lily-theirs-${process.pid}`, `/dev/shm/lily-${process.pid}`])
        expect(fs.existsSync(path), path).toBe(false);
    } finally {
      fs.rmSync(mine, { recursive: true });
    }
  });

  test("a descriptor that was handed down leads nowhere", async () => {
    bed.put("other");
    const script = `
      const { createProcessRunner } = await import(${JSON.stringify(join(import.meta.dirname, "process-runner.ts"))});
      const spec = JSON.parse(process.env.SPEC);
      const { stdoutTail } = await createProcessRunner().start(spec).done;
      console.log(stdoutTail);`;
    const inherited = fs.openSync(bed.dir, "r");
    const spec = bed.specOf(["sh", "-c", "ls -A /proc/self/fd/5/ /proc/self/fd/20/; ls -A /proc/self/fd; exit 0"]);
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

describeInSandbox("what a sandbox holds of the network", () => {
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
    expect((await bed.run([process.execPath, "-e", connect(to)], { network: "allow" })).stdoutTail).toBe("connected\n");
    expect((await bed.run([process.execPath, "-e", connect(to)], { network: "deny" })).stdoutTail).toBe("ECONNREFUSED\n");
    const interfaces = await bed.shell("cut -d: -f1 /proc/net/dev | tail -n +3", { network: "deny" });
    expect(interfaces.stdoutTail.trim()).toBe("lo");
    server.close();
  });

  test("sockets of services, as files or abstract, are not reached when the network is denied", async () => {
    fs.mkdirSync(join(bed.dir, "service"));
    const paths = [join(bed.dir, "service/socket"), join(bed.work, "socket"), `\0lily-${process.pid}`];
    const servers = await Promise.all(paths.map(listening));
    for (const path of paths) {
      const text = connect(JSON.stringify(path));
      expect((await bed.run([process.execPath, "-e", text], { network: "allow", shown: [join(bed.dir, "service")] })).stdoutTail, path).toBe("connected\n");
      expect((await bed.run([process.execPath, "-e", text], { network: "deny", shown: [join(bed.dir, "service")] })).stdoutTail, path).toMatch(
        /^(ECONNREFUSED|ENOTSOCK|ENOENT)\n$/,
      );
    }
    expect((await bed.shell("ls -A /run /var/run")).stdoutTail).toBe("/run:\n\n/var/run:\n");
    for (const server of servers) server.close();
  });
});

describeInSandbox("what a sandbox holds of tools", () => {
  const others = "ls env perl cat mount".split(" ");

  test("only what is allowed can be started, by the command and by what it starts, by name, by path or by the loader", async () => {
    const tries = others.map(
      (other) => `${other} --version; /bin/${other} --version; /usr/bin/${other} --version; for l in /lib64/ld-linux*; do $l /usr/bin/${other} --version; done`,
    );
    const outcome = await bed.shell(`echo started; exec 2>/dev/null; ${tries.join("; ")}; sh -c "echo child; ls /"; exit 0`, { tools: [shellPath] });
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 0, stdoutTail: "started\nchild\n" });
    const seen = await bed.shell("echo /bin/* /usr/bin/* /sbin/* /usr/local/bin/*", { tools: [shellPath] });
    for (const path of seen.stdoutTail
      .trim()
      .split(" ")
      .filter((each) => !each.includes("*")))
      expect(fs.realpathSync(path)).toBe(shellPath);
  });

  test("an allowed one has the names by which it is found, and its folders cannot be filled", async () => {
    const tools = join(bed.dir, "tools");
    const real = bed.put("store/tool-1.2", `#!${shellPath}\necho "tool $0"\n`);
    fs.chmodSync(real, 0o755);
    fs.mkdirSync(tools);
    fs.symlinkSync(real, join(tools, "tool"));
    fs.chmodSync(bed.put("tools/other", `#!${shellPath}\necho other\n`), 0o755);
    const changes = { env: { PATH: `${tools}:/usr/bin:/bin`, DIR: bed.dir } };
    const outcome = await bed.run(
      ["sh", "-c", 'tool; other; echo x > "$DIR/tools/new"; exit 0'],
      { tools: [shellPath, real], shown: [join(bed.dir, "store")] },
      changes,
    );
    expect(outcome.stdoutTail).toBe(`tool ${join(tools, "tool")}\n`);
    expect(outcome.stderrTail).toMatch(/not found[\s\S]*Read-only/);
    expect(fs.readdirSync(tools).sort()).toEqual(["other", "tool"]);
  });

  test.each([null, "only"])("a command that was found by a link in a hidden folder starts when its executable is shown (tools: %s)", async (tools) => {
    const real = bed.put("project/store/tool-1.2", `#!${shellPath}\necho "tool $0"\n`);
    fs.chmodSync(real, 0o755);
    fs.mkdirSync(join(bed.dir, "project/bin"));
    fs.symlinkSync("../store/tool-1.2", join(bed.dir, "project/bin/tool"));
    bed.put("project/secret");
    const sandbox = { hidden: [join(bed.dir, "project")], shown: [real], tools: tools === null ? null : [shellPath, real] };
    const changes = { env: { PATH: `${join(bed.dir, "project/bin")}:/usr/bin:/bin` } };
    expect(await bed.run(["tool"], sandbox, changes)).toMatchObject({ outcome: "exited", stdoutTail: `tool ${join(bed.dir, "project/bin/tool")}\n` });
    expect((await bed.shell("cat ../project/secret; exit 0", sandbox, changes)).stdoutTail).toBe("");
  });

  test("a script whose interpreter is not allowed does not start", async () => {
    const script = bed.put("work/script", "#!/usr/bin/env sh\necho ran\n");
    fs.chmodSync(script, 0o755);
    const outcome = await bed.run([script], { tools: [shellPath, script] });
    expect(outcome).toMatchObject({ outcome: "spawn_failed", stdoutTail: "" });
    expect(outcome.error).toMatch(/cannot be executed in the sandbox: No such file or directory/);
  });

  test("a folder of PATH that the command works in keeps its files, and its other executables do not start", async () => {
    fs.chmodSync(bed.put("work/allowed", `#!${shellPath}\necho allowed\n`), 0o755);
    fs.chmodSync(bed.put("work/other", `#!${shellPath}\necho other\n`), 0o755);
    bed.put("work/data");
    const changes = { env: { PATH: `${bed.work}:.::/usr/bin` } };
    const outcome = await bed.run(["sh", "-c", "allowed; ./other; other; echo x > data; exit 0"], { tools: [shellPath, join(bed.work, "allowed")] }, changes);
    expect(outcome.stdoutTail).toBe("allowed\n");
    expect([bed.read("work/data"), bed.read("work/other")]).toEqual(["x\n", `#!${shellPath}\necho other\n`]);
  });
});
