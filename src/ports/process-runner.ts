import type { Digest } from "../base/digest.ts";

/**
 * What a command may do in a sandbox. All are absolute paths with links resolved. The whole file system is there, read-only, but for
 * these, and for /dev, /proc, /tmp, /var/tmp and TMPDIR, which the command has for itself. Of what lies in those on this machine it sees
 * its working directory, itself, and what is named here. With `network: deny` /run is empty too, because sockets lie there.
 * An inner path wins over an outer one. At the same path the later member of this interface wins.
 */
export interface SandboxSpec {
  /** Files and folders that may be written. They exist. A file can be written in place, not replaced. */
  readonly writable: readonly string[];
  /** Paths inside writable folders that stay read-only. They exist. Neither they nor the folders that lead to them can be moved. */
  readonly readOnly: readonly string[];
  /** Folders that are seen empty and cannot be written; files that are seen empty. What does not exist is ignored. */
  readonly hidden: readonly string[];
  /** Paths inside hidden folders that are seen all the same, read-only. They exist. */
  readonly shown: readonly string[];
  /** With `deny` there is no interface but a loopback of the command's own. */
  readonly network: "allow" | "deny";
  /**
   * Executables that can be started, by the command and by whatever it starts; null allows all. Every folder of PATH and those where
   * executables lie by custom hold only these. What is not held is in docs/reference/enforcement.md.
   */
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
  /** The whole environment of the process; nothing is inherited. A sandbox adds PWD, which is `cwd`. */
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
  /**
   * Absent: no sandbox. Present: the command runs in one, with its own processes, or not at all: `spawn_failed`, with an error that says
   * SANDBOX_UNAVAILABLE where none works, or what failed. An exit code of 128 and a signal's number counts as that signal, as in a shell.
   */
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
