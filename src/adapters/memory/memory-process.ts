/**
 * Owns: one scripted command of the memory process runner, from start to the end of all its processes.
 * States: running -> ending -> done. Not responsible for: which commands there are.
 */
import type { Clock } from "../../ports/clock.ts";
import type { ProcessOutcome, ProcessSpec, RunningProcess } from "../../ports/process-runner.ts";
import type { MemoryFiles } from "./memory-files.ts";
import { MemoryLog } from "./memory-log.ts";
import { someTurns } from "./seeded-random.ts";

/** What a command does, in this order. Everything may be left out: then it says nothing and exits with 0. */
export interface ScriptedCommand {
  /** Why it cannot be started at all. */
  readonly cannotStart?: string;
  /** What it does to the world, for instance to memory files. What this throws is written to stderr, and the command exits with 1. */
  readonly effect?: () => void | Promise<void>;
  readonly stdout?: string;
  readonly stderr?: string;
  /** Goes on writing to stdout until it is ended. */
  readonly floods?: boolean;
  /** How long it runs before it ends by itself; what it does before takes no time. */
  readonly runsMs?: number;
  readonly ends?: { readonly exitCode: number } | { readonly signal: string } | "never";
  /** Lives on after SIGTERM, until the grace is over. */
  readonly ignoresTerm?: boolean;
  /** Processes that live on when the command itself has ended. */
  readonly survivors?: number;
}

export interface MemoryProcessWorld {
  readonly files: MemoryFiles;
  readonly clock: Clock;
  /** Numbers in [0, 1) that choose delays. */
  readonly random: () => number;
}

type Cause = "timeout" | "killed" | "output_limit" | "outside" | "itself";
interface Exit {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export class MemoryProcess implements RunningProcess {
  readonly done: Promise<ProcessOutcome>;
  readonly marker: string;
  readonly #spec: ProcessSpec;
  readonly #world: MemoryProcessWorld;
  readonly #command: ScriptedCommand;
  readonly #startedMs: number;
  readonly #stdout: MemoryLog;
  readonly #stderr: MemoryLog;
  /** Aborts when it is clear why the command ends. */
  readonly #ending = new AbortController();
  #cause: Cause | null = null;
  #living = 0;
  #exitCode = 0;

  constructor(spec: ProcessSpec, world: MemoryProcessWorld, command: ScriptedCommand) {
    this.#spec = spec;
    this.#world = world;
    this.#command = command;
    this.marker = spec.marker;
    this.#startedMs = world.clock.monotonicMs();
    this.#stdout = new MemoryLog(world.files, spec.stdoutPath, spec.logBytesMax);
    this.#stderr = new MemoryLog(world.files, spec.stderrPath, spec.logBytesMax);
    const failure = this.#startFailure();
    if (failure === null) this.#living = 1;
    this.done = failure === null ? this.#run() : this.#refused(failure);
  }

  /** Processes of this command that are alive. */
  get living(): number {
    return this.#living;
  }

  kill(): void {
    this.#end("killed");
  }

  /** SIGKILL from somebody else, who then waits. */
  async endFromOutside(): Promise<void> {
    this.#end("outside");
    await this.done;
  }

  #startFailure(): string | null {
    if (this.#spec.argv.length === 0 || this.#spec.argv[0] === "") return "the command is empty";
    if (this.#world.files.node(this.#spec.cwd)?.kind !== "directory") return `the working directory ${this.#spec.cwd} does not exist`;
    return this.#command.cannotStart ?? null;
  }

  /** First cause wins. */
  #end(cause: Cause): void {
    if (this.#cause !== null) return;
    this.#cause = cause;
    this.#ending.abort();
  }

  async #refused(error: string): Promise<ProcessOutcome> {
    await this.#pause();
    return this.#outcome("spawn_failed", { exitCode: null, signal: null }, 0, error);
  }

  async #run(): Promise<ProcessOutcome> {
    void this.#timeOut();
    await this.#pause();
    await this.#work();
    await this.#pause();
    await this.#wait();
    const exit = await this.#exit();
    const survivors = this.#command.survivors ?? 0;
    this.#living = survivors;
    await this.#pause();
    this.#living = 0;
    return this.#outcome(this.#outcomeName(exit), exit, this.#cause === "itself" ? survivors : 0, this.#stdout.error ?? this.#stderr.error);
  }

  async #timeOut(): Promise<void> {
    const { timeoutMs } = this.#spec;
    const { ends, floods, runsMs = 0 } = this.#command;
    if (timeoutMs === null || (ends !== "never" && floods !== true && runsMs < timeoutMs)) return;
    await this.#world.clock.sleep(timeoutMs, this.#ending.signal);
    this.#end("timeout");
  }

  async #work(): Promise<void> {
    if (this.#cause !== null) return;
    const { effect, stdout = "", stderr = "", floods = false } = this.#command;
    const failure = await settled(effect);
    const { logBytesMax, redact } = this.#spec;
    this.#stdout.write(floods ? stdout + "x".repeat(logBytesMax + 1) : stdout, redact);
    await this.#pause();
    this.#stderr.write(stderr + (failure ?? ""), redact);
    if (failure !== null) this.#exitCode = 1;
    if (this.#stdout.error !== null || this.#stderr.error !== null) this.#end("killed");
    else if (this.#stdout.cut || this.#stderr.cut) this.#end("output_limit");
  }

  /** Until the command ends by itself or is ended. */
  async #wait(): Promise<void> {
    const { runsMs = 0, ends } = this.#command;
    if (ends === "never" && this.#cause === null) await aborted(this.#ending.signal);
    else await this.#world.clock.sleep(runsMs, this.#ending.signal);
    this.#end("itself");
  }

  async #exit(): Promise<Exit> {
    const { ends } = this.#command;
    if (this.#cause === "outside") return { exitCode: null, signal: "SIGKILL" };
    if (this.#cause === "itself" && ends !== "never") {
      if (ends !== undefined && "signal" in ends) return { exitCode: null, signal: ends.signal };
      return { exitCode: ends === undefined ? this.#exitCode : ends.exitCode, signal: null };
    }
    if (this.#command.ignoresTerm !== true) return { exitCode: null, signal: "SIGTERM" };
    await this.#world.clock.sleep(this.#spec.graceMs);
    return { exitCode: null, signal: "SIGKILL" };
  }

  #outcomeName(exit: Exit): ProcessOutcome["outcome"] {
    if (this.#cause === "timeout" || this.#cause === "killed" || this.#cause === "output_limit") return this.#cause;
    return exit.signal === null ? "exited" : "signaled";
  }

  #outcome(outcome: ProcessOutcome["outcome"], exit: Exit, survivorsKilled: number, error: string | null): ProcessOutcome {
    return {
      outcome,
      ...exit,
      stdoutBytes: this.#stdout.bytes,
      stderrBytes: this.#stderr.bytes,
      cut: this.#stdout.cut || this.#stderr.cut,
      durationMs: this.#world.clock.monotonicMs() - this.#startedMs,
      survivorsKilled,
      stdoutTail: this.#stdout.tail(),
      stderrTail: this.#stderr.tail(),
      error,
    };
  }

  #pause(): Promise<void> {
    return someTurns(this.#world.random);
  }
}

/** What the effect threw, as text; null when it did not. */
async function settled(effect: ScriptedCommand["effect"]): Promise<string | null> {
  try {
    await effect?.();
    return null;
  } catch (thrown) {
    return String(thrown);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
