import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe } from "vitest";
import type { SandboxSpec } from "../../ports/process-runner.ts";
import { type ProcessBehaviour, type ProcessRunnerBed, processRunnerConformance } from "../../testkit/process-runner-conformance.ts";
import { createProcessRunner } from "./process-runner.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const shell = (text: string, ...args: readonly string[]): readonly string[] => ["/bin/sh", "-c", text, "sh", ...args];

function command(behaviour: ProcessBehaviour): readonly string[] {
  switch (behaviour.kind) {
    case "prints":
      return shell('printf %s "$1"; printf %s "$2" >&2; exit "$3"', behaviour.stdout, behaviour.stderr, String(behaviour.exitCode));
    case "environment":
      return ["/usr/bin/env"];
    case "dies":
      return shell(`kill -${behaviour.signal.replace("SIG", "")} $$`);
    case "waits":
      return shell(`${behaviour.ignoresTerm ? "trap '' TERM; " : ""}echo ready; while :; do sleep 1; done`);
    case "floods":
      return ["yes"];
    case "leaves-one":
      return shell("trap '' TERM; sleep 600 >/dev/null 2>&1 & exit 0");
    case "missing":
      return ["lily-no-such-command"];
  }
}

/** Read here on its own, not by the code under test. */
function alive(marker: string): number {
  const lives = (pid: string): boolean => {
    try {
      const marked = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`LILY_RUN=${marker}`);
      return marked && !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
    } catch {
      return false;
    }
  };
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && lives(name)).length;
}

function bedOf(sandboxed: boolean): ProcessRunnerBed {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "lily-runner-")));
  folders.push(dir);
  const content = "#!/bin/sh\nexit 0\n";
  writeFileSync(join(dir, "tool"), content);
  chmodSync(join(dir, "tool"), 0o755);
  const sandbox: SandboxSpec = { writable: [dir], readOnly: [], hidden: [], shown: [], network: "deny", tools: null };
  return {
    runner: createProcessRunner(),
    cwd: dir,
    command,
    logPath: (name) => join(dir, "logs", name),
    readLog: (path) => (existsSync(path) ? readFileSync(path, "utf8") : null),
    writeLog: (path, text) => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    },
    alive,
    tool: { folder: dir, name: "tool", content },
    ...(sandboxed ? { sandbox } : {}),
  };
}

describe.skipIf(process.platform !== "linux")("process runner of this machine (its trees are looked at in /proc)", () => {
  processRunnerConformance(async () => bedOf(false));
});

const { name, reason } = await createProcessRunner().sandbox();
describe.skipIf(name === null)(`process runner of this machine in a sandbox (${name ?? `skipped: ${reason}`})`, () => {
  processRunnerConformance(async () => bedOf(true));
});
