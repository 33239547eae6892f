import type { Digest } from "../base/digest.ts";

export interface ProcessSpec {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment of the process; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number | null;
  /** Files that receive the streams, made on the first byte. */
  readonly stdoutPath: string;
  readonly stderrPath: string;
  /** Bytes kept of each stream. Going over ends the process with outcome `output_limit`; what came before stays. */
  readonly logBytesMax: number;
  /** Secret values: replaced by `[redacted]` in both streams before a byte is written, across chunk borders (S4). */
  readonly redact: readonly string[];
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** Put into the environment as LILY_RUN, so that every descendant can be found. `<run_id>/<step or gate>/<attempt>`. */
  readonly marker: string;
}

export interface ProcessOutcome {
  readonly outcome: "exited" | "signaled" | "timeout" | "killed" | "output_limit" | "spawn_failed";
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** True when a stream was cut at the limit. */
  readonly cut: boolean;
  readonly durationMs: number;
  /** Processes of the step that still lived after the command ended, and were killed. */
  readonly survivorsKilled: number;
  /** Last 4 KiB of stdout after redaction, as text: gates read their report from it. */
  readonly stdoutTail: string;
  /** Last 4 KiB of stderr after redaction, as text: why a command failed. */
  readonly stderrTail: string;
  /** Why the command could not be started. */
  readonly error: string | null;
}

export interface RunningProcess {
  /** Resolves when the command and every process of it are gone. Never rejects. */
  readonly done: Promise<ProcessOutcome>;
  /** Ends the whole tree: TERM, grace, KILL, then whatever else carries the marker. Idempotent. */
  kill(): void;
}

/** Runs commands: argv, no shell, own process group, clean environment. No process of a step outlives `done` (E6). */
export interface ProcessRunner {
  start(spec: ProcessSpec): RunningProcess;
  /** The regular executable file that `command` names with this PATH and working directory, links resolved; null when there is none. */
  resolveTool(command: string, path: string, cwd: string): Promise<{ readonly path: string } | null>;
  /** SHA-256 of an executable; remembered while size, time and inode stay. */
  digestTool(path: string): Promise<Digest>;
  /** Kills every process of this user whose LILY_RUN starts with the prefix, and waits until none is left. Returns how many there were. */
  endLeftovers(markerPrefix: string): Promise<number>;
}
