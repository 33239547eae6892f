import type { Digest } from "../base/digest.ts";

/** What a command may do in a sandbox; everything is absolute paths with links resolved. The whole file system is there, read-only, but for these. */
export interface SandboxSpec {
  /** Files and folders that may be written. They exist. */
  readonly writable: readonly string[];
  /** Paths inside writable folders that stay read-only. They exist. */
  readonly readOnly: readonly string[];
  /** Folders that are seen empty. */
  readonly hidden: readonly string[];
  /** Paths inside hidden folders that are seen all the same, read-only. */
  readonly shown: readonly string[];
  readonly network: "allow" | "deny";
  /** Executables that can be started, by the command and by whatever it starts; null allows all. */
  readonly tools: readonly string[] | null;
}

export interface SandboxSupport {
  /** As `bubblewrap 0.8.0`; null when there is none that works here. */
  readonly name: string | null;
  /** Why there is none; null when there is one. */
  readonly reason: string | null;
}

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
  /** Absent: no sandbox. Present: the command runs in one, with its own processes, or is not started (SANDBOX_UNAVAILABLE). */
  readonly sandbox?: SandboxSpec;
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
  /** Tried once on this machine, then remembered. */
  sandbox(): Promise<SandboxSupport>;
  /** The regular executable file that `command` names with this PATH and working directory, links resolved; null when there is none. */
  resolveTool(command: string, path: string, cwd: string): Promise<{ readonly path: string } | null>;
  /** SHA-256 of an executable; remembered while size, time and inode stay. */
  digestTool(path: string): Promise<Digest>;
  /** Kills every process of this user whose LILY_RUN starts with the prefix, and waits until none is left. Returns how many there were. */
  endLeftovers(markerPrefix: string): Promise<number>;
}
