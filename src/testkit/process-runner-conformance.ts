import { expect, it } from "vitest";
import { digestBytes } from "../base/digest.ts";
import type { ProcessOutcome, ProcessRunner, ProcessSpec, SandboxSpec } from "../ports/process-runner.ts";

/** What the suite needs commands to do. */
export type ProcessBehaviour =
  | { readonly kind: "prints"; readonly stdout: string; readonly stderr: string; readonly exitCode: number }
  /** Prints its environment, one NAME=value a line. */
  | { readonly kind: "environment" }
  | { readonly kind: "dies"; readonly signal: string }
  /** Prints `ready` and lives until it is ended. */
  | { readonly kind: "waits"; readonly ignoresTerm: boolean }
  | { readonly kind: "floods" }
  /** Exits with 0 and leaves one process that lives on. */
  | { readonly kind: "leaves-one" }
  | { readonly kind: "missing" };

/** A fresh runner, and what the suite needs around it. Where there is a sandbox, the suite has to hold in it too. */
export interface ProcessRunnerBed {
  readonly runner: ProcessRunner;
  /** Absolute, exists. */
  readonly cwd: string;
  /** argv of a command that behaves so. */
  command(behaviour: ProcessBehaviour): readonly string[];
  /** Absolute path for a log of this name. */
  logPath(name: string): string;
  /** Null when there is no such file. */
  readLog(path: string): string | null;
  writeLog(path: string, text: string): void;
  /** Processes that live with exactly this marker, found in another way than the runner finds them. */
  alive(marker: string): number;
  /** An executable that lies in a folder, and what is in it. */
  readonly tool: { readonly folder: string; readonly name: string; readonly content: string };
  /** Every command runs in this sandbox; absent: in none. */
  readonly sandbox?: SandboxSpec;
}

/** What every ProcessRunner promises. `open` makes a fresh bed for each case. */
export function processRunnerConformance(open: () => Promise<ProcessRunnerBed>): void {
  let runs = 0;
  const specFor = (bed: ProcessRunnerBed, behaviour: ProcessBehaviour, changes: Partial<ProcessSpec> = {}): ProcessSpec => {
    const name = `conformance-${process.pid}-${runs++}`;
    return {
      argv: bed.command(behaviour),
      cwd: bed.cwd,
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
      timeoutMs: null,
      stdoutPath: bed.logPath(`${name}.out`),
      stderrPath: bed.logPath(`${name}.err`),
      logBytesMax: 65_536,
      redact: [],
      graceMs: 100,
      marker: `${name}/step/1`,
      ...(bed.sandbox === undefined ? {} : { sandbox: bed.sandbox }),
      ...changes,
    };
  };
  const prints = (stdout: string, stderr = "", exitCode = 0): ProcessBehaviour => ({ kind: "prints", stdout, stderr, exitCode });
  const waits: ProcessBehaviour = { kind: "waits", ignoresTerm: false };
  const run = async (behaviour: ProcessBehaviour, changes: Partial<ProcessSpec> = {}) => {
    const bed = await open();
    const spec = specFor(bed, behaviour, changes);
    const outcome: ProcessOutcome = await bed.runner.start(spec).done;
    return { bed, spec, outcome };
  };
  /** Until the command has said that it is ready. */
  const ready = async (bed: ProcessRunnerBed, spec: ProcessSpec): Promise<void> => {
    while (bed.readLog(spec.stdoutPath) === null) await new Promise<void>((resolve) => void setImmediate(resolve));
  };

  it("a command that ends has its exit code, both logs, their sizes and the tail", async () => {
    const { bed, spec, outcome } = await run(prints("out\n", "error\n", 7));
    expect(outcome).toMatchObject({
      outcome: "exited",
      exitCode: 7,
      signal: null,
      stdoutBytes: 4,
      stderrBytes: 6,
      cut: false,
      stdoutTail: "out\n",
      stderrTail: "error\n",
      error: null,
    });
    expect([bed.readLog(spec.stdoutPath), bed.readLog(spec.stderrPath)]).toEqual(["out\n", "error\n"]);
    expect(outcome.durationMs).toBeGreaterThanOrEqual(0);
  });

  it("a silent command makes no log file", async () => {
    const { bed, spec, outcome } = await run(prints(""));
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 0, stdoutBytes: 0, stderrBytes: 0, survivorsKilled: 0, stdoutTail: "" });
    expect([bed.readLog(spec.stdoutPath), bed.readLog(spec.stderrPath)]).toEqual([null, null]);
  });

  it("a command that dies by a signal is signaled", async () => {
    expect((await run({ kind: "dies", signal: "SIGKILL" })).outcome).toMatchObject({ outcome: "signaled", exitCode: null, signal: "SIGKILL" });
  });

  it("the environment is what the spec gives and the marker, nothing of this process", async () => {
    const { bed, spec, outcome } = await run({ kind: "environment" }, { env: { A: "1", LILY_RUN: "forged" } });
    const added = bed.sandbox === undefined ? [] : [`PWD=${spec.cwd}`];
    expect(outcome.stdoutTail.trimEnd().split("\n").sort()).toEqual(["A=1", `LILY_RUN=${spec.marker}`, ...added]);
  });

  it.each([
    ["a command that is not there", { kind: "missing" }, {}],
    ["no command", prints(""), { argv: [] }],
    ["an absent working directory", prints(""), { cwd: "/nonexistent/folder" }],
  ] as const)("spawn_failed: %s says why, and killing it does nothing", async (_, behaviour, changes) => {
    const bed = await open();
    const spec = specFor(bed, behaviour, changes);
    const running = bed.runner.start(spec);
    running.kill();
    const outcome = await running.done;
    expect(outcome).toMatchObject({ outcome: "spawn_failed", exitCode: null, survivorsKilled: 0 });
    expect(outcome.error).not.toBeNull();
    expect(bed.readLog(spec.stdoutPath)).toBeNull();
  });

  it("E6: after a timeout nothing of the command lives", async () => {
    for (const ignoresTerm of [false, true]) {
      const { bed, spec, outcome } = await run({ kind: "waits", ignoresTerm }, { timeoutMs: 200 });
      expect(outcome.outcome).toBe("timeout");
      expect(bed.alive(spec.marker)).toBe(0);
    }
  });

  it.each([false, true])("E6: after kill nothing of the command lives, and killing again changes nothing (ignores SIGTERM: %s)", async (ignoresTerm) => {
    const bed = await open();
    const spec = specFor(bed, { kind: "waits", ignoresTerm });
    const running = bed.runner.start(spec);
    await ready(bed, spec);
    expect(bed.alive(spec.marker)).toBeGreaterThan(0);
    running.kill();
    running.kill();
    const outcome = await running.done;
    expect(outcome.outcome).toBe("killed");
    expect(bed.alive(spec.marker)).toBe(0);
    running.kill();
    expect(await running.done).toEqual(outcome);
  });

  it("a command that is killed at once is killed", async () => {
    const bed = await open();
    const spec = specFor(bed, waits);
    const running = bed.runner.start(spec);
    running.kill();
    expect((await running.done).outcome).toBe("killed");
    expect(bed.alive(spec.marker)).toBe(0);
  });

  it("E6: what a command leaves behind is ended and counted", async () => {
    const { bed, spec, outcome } = await run({ kind: "leaves-one" });
    expect(outcome).toMatchObject({ outcome: "exited", exitCode: 0, survivorsKilled: 1 });
    expect(bed.alive(spec.marker)).toBe(0);
  });

  it("output beyond the limit ends the command; what came before stays", async () => {
    const { bed, spec, outcome } = await run({ kind: "floods" }, { logBytesMax: 10_000 });
    expect(outcome).toMatchObject({ outcome: "output_limit", cut: true, stdoutBytes: 10_000 });
    expect(bed.readLog(spec.stdoutPath)).toHaveLength(10_000);
    expect(outcome.stdoutTail).toHaveLength(4_096);
    expect((await run(prints("12345"), { logBytesMax: 5 })).outcome).toMatchObject({ outcome: "exited", cut: false, stdoutBytes: 5 });
    expect((await run(prints("123456"), { logBytesMax: 5 })).outcome).toMatchObject({ outcome: "output_limit", cut: true, stdoutTail: "12345" });
  });

  it("S4: a secret is in no log and in no tail", async () => {
    const secret = "hunter2pass";
    const coded = Buffer.from(secret).toString("base64");
    const { bed, spec, outcome } = await run(prints(`a ${secret} b`, `x ${coded}`), { redact: [secret] });
    expect([outcome.stdoutTail, bed.readLog(spec.stdoutPath)]).toEqual(["a [redacted] b", "a [redacted] b"]);
    expect(bed.readLog(spec.stderrPath)).toContain("[redacted]");
    expect(bed.readLog(spec.stderrPath)).not.toContain(coded.slice(0, 12));
  });

  it("E2: a log that exists is not overwritten: the command is ended and the reason named", async () => {
    const bed = await open();
    const spec = specFor(bed, prints("later"));
    bed.writeLog(spec.stdoutPath, "earlier");
    const outcome = await bed.runner.start(spec).done;
    expect(outcome).toMatchObject({ outcome: "killed", cut: true });
    expect(outcome.error).toContain(spec.stdoutPath);
    expect(bed.readLog(spec.stdoutPath)).toBe("earlier");
  });

  it("commands at the same time do not mix", async () => {
    const bed = await open();
    const outcomes = await Promise.all(Array.from({ length: 6 }, (_, n) => bed.runner.start(specFor(bed, prints(`out ${n}`, "", n))).done));
    expect(outcomes.map(({ exitCode, stdoutTail }) => [exitCode, stdoutTail])).toEqual(Array.from({ length: 6 }, (_, n) => [n, `out ${n}`]));
  });

  it("E6: leftovers are ended by the prefix of their marker, others live on", async () => {
    const bed = await open();
    const prefix = `conformance-${process.pid}-left-${runs++}`;
    const spec = (marker: string) => specFor(bed, waits, { marker });
    const specs = [spec(`${prefix}/a/1`), spec(`${prefix}/b/1`), spec(`other-${prefix}/a/1`)] as const;
    const [first, second, other] = [bed.runner.start(specs[0]), bed.runner.start(specs[1]), bed.runner.start(specs[2])];
    for (const each of specs) await ready(bed, each);
    expect(await bed.runner.endLeftovers(`${prefix}/`)).toBeGreaterThanOrEqual(2);
    for (const { done } of [first, second]) expect(await done).toMatchObject({ outcome: "signaled", signal: "SIGKILL" });
    expect(await bed.runner.endLeftovers(`${prefix}/`)).toBe(0);
    expect(bed.alive(specs[2].marker)).toBeGreaterThan(0);
    other.kill();
    await other.done;
  });

  it("E6: leftovers of everybody are not ended by an empty prefix", async () => {
    await expect((await open()).runner.endLeftovers("")).rejects.toMatchObject({ code: "INTERNAL_INVARIANT" });
  });

  it("S6: there is a sandbox or a reason why not, and a command that asks for one is not started without it", async () => {
    const bed = await open();
    const support = await bed.runner.sandbox();
    expect(support.name === null).toBe(support.reason !== null);
    expect(await bed.runner.sandbox()).toEqual(support);
    const sandbox: SandboxSpec = bed.sandbox ?? { writable: [bed.cwd], readOnly: [], hidden: [], shown: [], network: "deny", tools: null };
    const spec = specFor(bed, prints("out", "", 3), { sandbox });
    const outcome = await bed.runner.start(spec).done;
    if (support.name !== null) {
      expect(outcome).toMatchObject({ outcome: "exited", exitCode: 3, stdoutTail: "out" });
    } else {
      expect(outcome).toMatchObject({ outcome: "spawn_failed", exitCode: null });
      expect(outcome.error).toContain("SANDBOX_UNAVAILABLE");
      expect(bed.readLog(spec.stdoutPath)).toBeNull();
    }
  });

  it("a tool is found by name in PATH, or by its path; its digest is of its bytes", async () => {
    const { runner, tool, cwd } = await open();
    const path = `${tool.folder}/${tool.name}`;
    expect(await runner.resolveTool(tool.name, `/nonexistent:${tool.folder}`, cwd)).toEqual({ path });
    expect(await runner.resolveTool(path, "", cwd)).toEqual({ path });
    expect(await runner.resolveTool(`./${tool.name}`, "", tool.folder)).toEqual({ path });
    for (const [command, folders] of [
      [tool.name, "/nonexistent"],
      ["lily-no-such-tool", tool.folder],
      ["", tool.folder],
    ] as const) {
      expect(await runner.resolveTool(command, folders, cwd)).toBeNull();
    }
    expect(await runner.digestTool(path)).toBe(digestBytes(tool.content));
    await expect(runner.digestTool(`${path}-absent`)).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
  });
}
