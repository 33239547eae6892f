import { describe, expect, it } from "vitest";
import type { ProcessSpec, SandboxSpec } from "../../ports/process-runner.ts";
import { createFakeClock } from "../../testkit/fake-clock.ts";
import { type ProcessBehaviour, processRunnerConformance } from "../../testkit/process-runner-conformance.ts";
import { MemoryFiles } from "./memory-files.ts";
import type { ScriptedCommand } from "./memory-process.ts";
import { createMemoryProcessRunner } from "./process-runner.ts";

function scripted(behaviour: ProcessBehaviour, spec: ProcessSpec): ScriptedCommand {
  switch (behaviour.kind) {
    case "prints":
      return { stdout: behaviour.stdout, stderr: behaviour.stderr, ends: { exitCode: behaviour.exitCode } };
    case "environment":
      return {
        stdout: Object.entries({ ...spec.env, LILY_RUN: spec.marker, ...(spec.sandbox === undefined ? {} : { PWD: spec.cwd }) })
          .map(([name, value]) => `${name}=${value}\n`)
          .join(""),
      };
    case "dies":
      return { ends: { signal: behaviour.signal } };
    case "waits":
      return { stdout: "ready\n", ends: "never", ignoresTerm: behaviour.ignoresTerm };
    case "floods":
      return { floods: true, ends: "never" };
    case "leaves-one":
      return { survivors: 1 };
    case "missing":
      return { cannotStart: "the command was not found" };
  }
}

function bedOf(seed: number, sandbox?: SandboxSpec) {
  const files = new MemoryFiles();
  files.makeFolder("/work");
  const behaviours: ProcessBehaviour[] = [];
  const runner = createMemoryProcessRunner({
    files,
    clock: createFakeClock({ autoAdvance: true }),
    seed,
    tools: { "/tools/node": "node" },
    ...(sandbox === undefined ? {} : { sandbox: "memory" }),
    script: (spec) => {
      const behaviour = behaviours[Number(spec.argv[1])];
      return behaviour === undefined ? {} : scripted(behaviour, spec);
    },
  });
  const readLog = (path: string): string | null => {
    const node = files.node(path);
    return node?.kind === "file" ? new TextDecoder().decode(node.bytes) : null;
  };
  return {
    runner,
    cwd: "/work",
    command: (behaviour: ProcessBehaviour) => ["scripted", String(behaviours.push(behaviour) - 1)],
    logPath: (name: string) => `/logs/${name}`,
    readLog,
    writeLog: (path: string, text: string) => files.write(path, text),
    alive: (marker: string) => runner.alive(marker),
    tool: { folder: "/tools", name: "node", content: "node" },
    ...(sandbox === undefined ? {} : { sandbox }),
  };
}

describe.each([1, 2, 3])("memory process runner, seed %i", (seed) => {
  processRunnerConformance(async () => bedOf(seed));
});

describe("memory process runner with a sandbox", () => {
  const sandbox: SandboxSpec = { writable: ["/work"], readOnly: [], hidden: [], shown: [], network: "deny", tools: null };
  processRunnerConformance(async () => bedOf(1, sandbox));
});

describe("a scripted command", () => {
  const spec = (changes: Partial<ProcessSpec> = {}): ProcessSpec => ({
    argv: ["x"],
    cwd: "/work",
    env: {},
    timeoutMs: null,
    stdoutPath: "/logs/o",
    stderrPath: "/logs/e",
    logBytesMax: 100,
    redact: [],
    graceMs: 10,
    marker: "r/s/1",
    ...changes,
  });
  const runnerOf = (command: ScriptedCommand) => {
    const files = new MemoryFiles();
    files.makeFolder("/work");
    const clock = createFakeClock({ autoAdvance: true });
    return { files, clock, runner: createMemoryProcessRunner({ files, clock, script: () => command }) };
  };

  it("does its effect, and exits with 1 when that fails", async () => {
    const { files, runner } = runnerOf({ effect: () => files.write("/work/out", "made") });
    expect(await runner.start(spec()).done).toMatchObject({ outcome: "exited", exitCode: 0 });
    expect(files.node("/work/out")?.kind).toBe("file");
    const failing = runnerOf({
      effect: () => {
        throw new Error("no ink");
      },
    });
    expect(await failing.runner.start(spec()).done).toMatchObject({ outcome: "exited", exitCode: 1, stderrBytes: "Error: no ink".length });
  });

  it("runs as long as its script says, by the clock it was given", async () => {
    const { runner } = runnerOf({ runsMs: 60_000, ends: { exitCode: 3 } });
    expect(await runner.start(spec({ timeoutMs: 60_001 })).done).toMatchObject({ outcome: "exited", exitCode: 3, durationMs: 60_000 });
    expect(await runner.start(spec({ timeoutMs: 59_999, stdoutPath: "/logs/o2" })).done).toMatchObject({ outcome: "timeout", durationMs: 59_999 });
  });

  it("E6: a leftover of a kernel that is gone is ended by its prefix and no other", async () => {
    const { runner } = runnerOf({});
    runner.addLeftover("run-a/s/1");
    runner.addLeftover("run-b/s/1");
    expect(await runner.endLeftovers("run-a/")).toBe(1);
    expect([runner.alive("run-a/"), runner.alive("run-b/")]).toEqual([0, 1]);
  });

  it("the tail starts at a whole character", async () => {
    const { runner } = runnerOf({ stdout: `${"\u00fc".repeat(5_000)}x` });
    expect((await runner.start(spec({ logBytesMax: 20_000 })).done).stdoutTail).toBe(`${"\u00fc".repeat(2_047)}x`);
  });
});
