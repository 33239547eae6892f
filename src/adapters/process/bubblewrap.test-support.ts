/** Commands in a sandbox, each test in a folder of its own. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe } from "vitest";
import type { ProcessOutcome, ProcessRunner, ProcessSpec, SandboxSpec } from "../../ports/process-runner.ts";
import { createProcessRunner } from "./process-runner.ts";

type Changes = Partial<ProcessSpec>;

export interface SandboxBed {
  readonly runner: ProcessRunner;
  /** Absolute; not below /tmp, where a sandbox shows nothing of this machine. */
  readonly dir: string;
  /** The working directory of commands, writable unless the test says otherwise. */
  readonly work: string;
  specOf(argv: readonly string[], sandbox?: Partial<SandboxSpec>, changes?: Changes): ProcessSpec;
  run(argv: readonly string[], sandbox?: Partial<SandboxSpec>, changes?: Changes): Promise<ProcessOutcome>;
  shell(text: string, sandbox?: Partial<SandboxSpec>, changes?: Changes): Promise<ProcessOutcome>;
  /** Writes a file below `dir` and gives its absolute path. */
  put(path: string, content?: string): string;
  read(path: string): string;
}

const base = join(import.meta.dirname, "../../../node_modules/.cache");
const { name, reason } = await createProcessRunner().sandbox();
export const shellPath = fs.existsSync("/bin/sh") ? fs.realpathSync("/bin/sh") : "/bin/sh";

/** A group that is skipped, with the reason in its title, where no sandbox works. */
export function describeInSandbox(title: string, cases: () => void): void {
  const shown = name === null ? `${title} (skipped: ${reason})` : title;
  describe.skipIf(name === null)(`${shown}`, () => {
    cases();
  });
}

/** Makes and removes the folder of each test of the file that calls it; what it gives is good within a test. */
export function sandboxBed(): SandboxBed {
  const runner = createProcessRunner();
  let dir = "";
  let count = 0;
  beforeEach(() => {
    fs.mkdirSync(base, { recursive: true });
    dir = fs.realpathSync(fs.mkdtempSync(join(base, "lily-sandbox-")));
    fs.mkdirSync(join(dir, "work"));
  });
  afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));
  const specOf = (argv: readonly string[], sandbox: Partial<SandboxSpec> = {}, changes: Changes = {}): ProcessSpec => {
    const id = count++;
    const work = join(dir, "work");
    return {
      argv,
      cwd: work,
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", DIR: dir, WORK: work },
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
  };
  return {
    runner,
    get dir() {
      return dir;
    },
    get work() {
      return join(dir, "work");
    },
    specOf,
    run: (argv, sandbox, changes) => runner.start(specOf(argv, sandbox, changes)).done,
    shell: (text, sandbox, changes) => runner.start(specOf(["sh", "-c", text], sandbox, changes)).done,
    put: (path, content = "before") => {
      fs.mkdirSync(dirname(join(dir, path)), { recursive: true });
      fs.writeFileSync(join(dir, path), content);
      return join(dir, path);
    },
    read: (path) => fs.readFileSync(join(dir, path), "utf8"),
  };
}
