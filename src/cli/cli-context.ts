/** What a command may touch of the world. Everything is injected, so that each command runs in a test without a process. */
import type { Kernel } from "../kernel/kernel.ts";
import type { Security } from "../kernel/security-operations.ts";

/** A stream of the caller. Writing to a reader that went away is no error; `closed` then says so. */
export interface OutputStream {
  write(data: string | Uint8Array): void;
  /** Resolves when what was written is no longer piling up in memory, or nobody reads any more. */
  drained(): Promise<void>;
  readonly isTty: boolean;
  /** Width of the terminal in cells; 80 where there is none. */
  readonly columns: number;
  readonly closed: boolean;
}

/** Standard input of the caller. */
export interface InputStream {
  readonly isTty: boolean;
  /** The next line without its end; null at the end of input. A line is cut at 4096 characters. */
  readLine(): Promise<string | null>;
}

/** What the local preset offers to commands. Loaded on first use: `--help` and bad arguments never pay for the kernel. */
export interface LocalPreset {
  openLocal(options: { readonly workspaceDir: string; readonly create: boolean }): Promise<Kernel>;
  initWorkspace(dir: string): Promise<{
    readonly workspaceDir: string;
    readonly workspaceId: string;
    readonly created: boolean;
    readonly files: readonly string[];
  }>;
  /** The `.lily` folder of the working directory or of one above it. */
  findWorkspace(cwd: string): string | null;
  recoverAuthority(workspaceDir: string): Promise<{ readonly findings: readonly string[] }>;
  /** The kill switch; opens no database. */
  localSecurity(workspaceDir: string): Promise<Security>;
}

/** Flags that every command understands, before or after its name. */
export interface GlobalFlags {
  /** From --workspace or LILY_WORKSPACE, as given; null to search. */
  readonly workspace: string | null;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly noColor: boolean;
}

/** The world outside a command: the process in production, plain objects in tests. */
export interface CliHost {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly stdin: InputStream;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  loadPreset(): Promise<LocalPreset>;
  /** Milliseconds since 1970, for durations that people watch. Never recorded. */
  now(): number;
  /** Calls `tick` again and again until the returned function is called. */
  every(intervalMs: number, tick: () => void): () => void;
  /** Registers for Ctrl-C and termination; returns how to stop listening. */
  onInterrupt(handler: () => void): () => void;
  /** Ends the process now. Only for a second Ctrl-C. */
  forceExit(code: number): void;
}

export interface CliContext extends CliHost {
  readonly flags: GlobalFlags;
  /** What stood after `--`, untouched; null when there was no `--`. */
  readonly tail: readonly string[] | null;
}

/** A command: returns the exit code. Throws LilyError for refusals and faults. */
export type CommandAction<Flags, Args extends readonly unknown[]> = (cli: CliContext, flags: Flags, ...args: Args) => Promise<number>;
