/**
 * Owns: one command from start to the end of all its processes.
 * States: running -> (ending) -> settling -> done. Why it is ended (`#cause`) is fixed by the first of timeout, kill, output limit.
 * Invariants: 1. E6: `done` resolves when no process of the command is alive, or names those that the kernel would not end;
 * 2. `done` never rejects; 3. what the streams held before the end is in the logs.
 * Not responsible for: verdicts about the outcome.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { Readable } from "node:stream";
import { LilyError, messageOf } from "../../base/lily-error.ts";
import type { ProcessOutcome, ProcessSpec, RunningProcess } from "../../ports/process-runner.ts";
import { type Bubblewrap, defaultPath, endOf, type Launch, readStatus, sandboxFailure, statusFd } from "./bubblewrap.ts";
import { withheld } from "./inherited-descriptors.ts";
import { LogSink } from "./log-sink.ts";
import { lastPid, processTableReadable } from "./process-table.ts";
import { ProcessTree, type TreeEnd } from "./process-tree.ts";
import { findTool } from "./tool-lookup.ts";

const tailBytes = 4096;
/** How long output may still arrive after every process is gone. */
const drainMs = 500;
/** More than bubblewrap ever says about one command. */
const statusCharsMax = 4096;
/** Timers of Node hold 31 bits of milliseconds. */
const timerMsMax = 2 ** 31 - 1;
const nothingLeft: TreeEnd = { killed: 0, left: [] };

type EndCause = "timeout" | "killed" | "output_limit";

export class Execution implements RunningProcess {
  readonly done: Promise<ProcessOutcome>;
  readonly #spec: ProcessSpec;
  readonly #bubblewrap: Bubblewrap;
  readonly #startedMs = performance.now();
  readonly #stdout: LogSink;
  readonly #stderr: LogSink;
  readonly #settle: (outcome: ProcessOutcome) => void;
  #child: ChildProcess | null = null;
  #tree: ProcessTree | null = null;
  #timer: NodeJS.Timeout | null = null;
  #cause: EndCause | null = null;
  #error: string | null = null;
  #exit: { readonly code: number | null; readonly signal: string | null } | null = null;
  #onExit: () => void = () => undefined;
  /** What bubblewrap says about the command, while there is a sandbox. */
  #status = "";
  #closed = false;
  #onClosed: () => void = () => undefined;

  constructor(spec: ProcessSpec, bubblewrap: Bubblewrap) {
    this.#spec = spec;
    this.#bubblewrap = bubblewrap;
    const { promise, resolve } = Promise.withResolvers<ProcessOutcome>();
    this.done = promise;
    this.#settle = resolve;
    this.#stdout = this.#sink(spec.stdoutPath);
    this.#stderr = this.#sink(spec.stderrPath);
    this.#start();
  }

  kill(): void {
    this.#end("killed");
  }

  #sink(path: string): LogSink {
    return new LogSink({
      path,
      bytesMax: this.#spec.logBytesMax,
      redact: this.#spec.redact,
      tailBytes,
      onLimit: () => this.#endBySink("output_limit"),
      onFailure: (message) => {
        this.#error ??= message;
        this.#endBySink("killed");
      },
    });
  }

  #start(): void {
    const problem = this.#problemBefore();
    if (problem !== null) {
      this.#spawnFailed(problem);
      return;
    }
    try {
      const { file, args } = this.#launch();
      const idBefore = processTableReadable ? lastPid() : null;
      const child = spawn(file, args, {
        cwd: this.#spec.cwd,
        env: { ...this.#spec.env, LILY_RUN: this.#spec.marker },
        stdio: this.#spec.sandbox === undefined ? ["ignore", "pipe", "pipe"] : ["ignore", "pipe", "pipe", "pipe", ...withheld()],
        detached: true,
        shell: false,
        windowsHide: true,
      });
      this.#child = child;
      child.on("error", (thrown) => {
        if (child.pid === undefined) this.#spawnFailed(this.#spawnMessage(thrown));
      });
      if (child.pid === undefined) return;
      this.#watch(child, new ProcessTree(child.pid, this.#spec.marker, idBefore, this.#startedMs, this.#spec.sandbox !== undefined));
    } catch (thrown) {
      this.#spawnFailed(this.#spawnMessage(thrown));
    }
  }

  /** What bubblewrap would say later and less clearly. */
  #problemBefore(): string | null {
    const { sandbox, argv, cwd, env } = this.#spec;
    if (sandbox === undefined) return null;
    const [command = ""] = argv;
    if (command === "") return "the command is empty";
    if (!existsSync(cwd)) return `the working directory ${cwd} does not exist`;
    if (findTool(command, env["PATH"] ?? defaultPath, cwd) !== null) return null;
    return `the command ${command} was not found as a file that may be executed; is it installed, and on PATH?`;
  }

  #launch(): Launch {
    const { sandbox, argv } = this.#spec;
    if (sandbox !== undefined) return this.#bubblewrap.launch(this.#spec, sandbox);
    const [command, ...args] = argv;
    return { file: command ?? "", args };
  }

  #watch(child: ChildProcess, tree: ProcessTree): void {
    this.#tree = tree;
    if (child.stdout !== null) this.#stdout.attach(child.stdout);
    if (child.stderr !== null) this.#stderr.attach(child.stderr);
    const status = child.stdio[statusFd];
    if (status instanceof Readable) {
      status.setEncoding("utf8");
      status.on("data", (text: string) => this.#takeStatus(text, tree));
      status.on("error", () => undefined);
    }
    child.on("exit", (code, signal) => {
      this.#exit = { code, signal };
      tree.leaderGone();
      this.#onExit();
      if (this.#cause === null) void this.#finish(() => (tree.isClear() ? null : tree.endLeftovers(this.#spec.graceMs)));
    });
    child.on("close", () => {
      this.#closed = true;
      this.#onClosed();
    });
    this.#armTimeout();
  }

  #takeStatus(text: string, tree: ProcessTree): void {
    this.#status = (this.#status + text).slice(0, statusCharsMax);
    const { holder } = readStatus(this.#status);
    if (holder !== null) tree.heldBy(holder);
  }

  #armTimeout(): void {
    const { timeoutMs } = this.#spec;
    if (timeoutMs === null) return;
    const restMs = timeoutMs - (performance.now() - this.#startedMs);
    if (restMs <= 0) this.#end("timeout");
    else this.#timer = setTimeout(() => this.#armTimeout(), Math.min(Math.ceil(restMs), timerMsMax));
  }

  /** First cause wins; after the command ended by itself its leftovers are being ended anyway. */
  #end(cause: EndCause): void {
    const tree = this.#tree;
    if (this.#cause !== null || this.#exit !== null || tree === null) return;
    this.#cause = cause;
    void this.#finish(() => this.#endTree(tree));
  }

  /** Output that went over the limit counts even when the command had ended before it was read. */
  #endBySink(cause: EndCause): void {
    this.#end(cause);
    this.#cause ??= cause;
  }

  async #endTree(tree: ProcessTree): Promise<TreeEnd> {
    const told = await tree.signal("SIGTERM");
    if (!processTableReadable) await this.#exited(this.#spec.graceMs);
    const settled = told && processTableReadable && (await tree.settled(this.#spec.graceMs));
    const end = settled ? nothingLeft : await tree.end();
    if (end.left.length === 0) await this.#exited(null);
    return end;
  }

  async #finish(endTree: () => Promise<TreeEnd> | null): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    let end = nothingLeft;
    try {
      end = (await endTree()) ?? nothingLeft;
      await this.#drain();
    } catch (thrown) {
      this.#notEnded(`the processes of the command cannot be looked at, so some may be left: ${messageOf(thrown)}`);
    }
    await Promise.all([this.#stdout.end(), this.#stderr.end()]);
    if (end.left.length > 0) this.#notEnded(`processes that could not be ended: ${end.left.join(", ")}`);
    this.#settle(this.#outcome(end.killed));
  }

  /** E4: a command that may still be doing something has not succeeded, whatever its exit code says. */
  #notEnded(why: string): void {
    this.#error ??= why;
    this.#cause ??= "killed";
  }

  async #exited(waitMs: number | null): Promise<void> {
    if (this.#exit !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onExit = resolve;
    const timer = waitMs === null ? null : setTimeout(resolve, waitMs);
    await promise;
    if (timer !== null) clearTimeout(timer);
  }

  /** Reads what the pipes still hold. They end by themselves when nobody has them open; a stranger that has is not waited for. */
  async #drain(): Promise<void> {
    const child = this.#child;
    if (!this.#closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, drainMs);
      this.#onClosed = resolve;
      await promise;
      clearTimeout(timer);
    }
    if (this.#closed) return;
    child?.stdout?.destroy();
    child?.stderr?.destroy();
  }

  #outcome(survivorsKilled: number): ProcessOutcome {
    const { outcome, code, signal } = this.#ended();
    return {
      outcome,
      exitCode: code,
      signal,
      stdoutBytes: this.#stdout.bytes,
      stderrBytes: this.#stderr.bytes,
      cut: this.#stdout.cut || this.#stderr.cut,
      durationMs: performance.now() - this.#startedMs,
      survivorsKilled,
      stdoutTail: this.#stdout.tail,
      stderrTail: this.#stderr.tail,
      error: this.#error,
    };
  }

  /** How the command ended. In a sandbox it is bubblewrap that was waited for, and its status that tells what became of the command. */
  #ended(): { readonly outcome: ProcessOutcome["outcome"]; readonly code: number | null; readonly signal: string | null } {
    const { code = null, signal = null } = this.#exit ?? {};
    const said = this.#spec.sandbox === undefined || signal !== null ? null : readStatus(this.#status).exitCode;
    if (said !== null) {
      const end = endOf(said);
      return { outcome: this.#cause ?? (end.signal === null ? "exited" : "signaled"), ...end };
    }
    if (this.#spec.sandbox === undefined || signal !== null) return { outcome: this.#cause ?? (signal === null ? "exited" : "signaled"), code, signal };
    if (this.#cause !== null) return { outcome: this.#cause, code: null, signal: null };
    this.#error ??= sandboxFailure(this.#spec.argv[0] ?? "", this.#stderr.tail);
    return { outcome: "spawn_failed", code: null, signal: null };
  }

  #spawnFailed(error: string): void {
    this.#settle({
      outcome: "spawn_failed",
      exitCode: null,
      signal: null,
      stdoutBytes: 0,
      stderrBytes: 0,
      cut: false,
      durationMs: performance.now() - this.#startedMs,
      survivorsKilled: 0,
      stdoutTail: "",
      stderrTail: "",
      error,
    });
  }

  #spawnMessage(thrown: unknown): string {
    const command = this.#spec.argv[0] ?? "";
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    if (thrown instanceof LilyError) return `${thrown.code}: ${thrown.message}`;
    if (command === "") return "the command is empty";
    if (!existsSync(this.#spec.cwd)) return `the working directory ${this.#spec.cwd} does not exist`;
    switch (code) {
      case "ENOENT":
        return `the command ${command} was not found (ENOENT); is it installed, and on PATH?`;
      case "EACCES":
        return `the command ${command} may not be executed (EACCES); check its permissions`;
      case "EMFILE":
      case "ENFILE":
        return `no file descriptors are free to start ${command} (${code}); raise the limit or run fewer steps at once`;
      case "EAGAIN":
        return `no process can be made to start ${command} (EAGAIN); the process limit is reached`;
      case "E2BIG":
        return `the arguments and environment of ${command} are too large (E2BIG)`;
      default:
        return `the command ${command} cannot be started: ${code === "" ? messageOf(thrown) : code}`;
    }
  }
}
