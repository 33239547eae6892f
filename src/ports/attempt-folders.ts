import type { Digest } from "../base/digest.ts";
import type { RelativePath } from "../base/relative-path.ts";
import type { RunId } from "../contracts/ids.ts";
import type { ByteSource } from "./object-store.ts";

/** Takes the log of a module, which has no streams of its own. */
export interface LineLog {
  /** Writes the text as stdout of the attempt, once. */
  writeLog(text: string): Promise<void>;
}

/** The folder of one attempt: its logs, and where its command works. Never reused, never overwritten (E2). */
export interface AttemptFolder extends LineLog {
  /** Relative to the workspace root, for events and messages. */
  readonly displayPath: string;
  /** Absolute working directory of the command: the source folder, or an own empty folder when isolated. */
  readonly cwd: string;
  /** Absolute paths of the logs. A log file, and its folder, exist only when something was written to it. */
  readonly stdoutPath: string;
  readonly stderrPath: string;
  /**
   * Puts an object's verified bytes at a path outside `cwd` where the command can read them, and returns the absolute path. The
   * same digest and name give the same path. The copy is the command's own: changing it does not change the object.
   */
  materialize(digest: Digest, fileName: string, read: () => Promise<Uint8Array | AsyncIterable<Uint8Array>>): Promise<string>;
  /** Puts verified bytes into an isolated `cwd` at this path, with its folders; refused (STORAGE_FAILED) in a source folder. */
  place(path: RelativePath, read: () => Promise<Uint8Array | AsyncIterable<Uint8Array>>): Promise<void>;
  /** A log as it was written; null when the stream was empty. Caller closes. */
  openLog(stream: "stdout" | "stderr"): Promise<(ByteSource & { readonly size: number }) | null>;
  /** Writes `executor.json`, the summary of how the attempt ran, once. */
  writeSummary(text: string): Promise<void>;
  /** Removes working files of an isolated attempt and materialised inputs; logs stay. */
  clean(): Promise<void>;
}

/** Where the command works: the workflow's folder, or an own empty folder. */
export type AttemptWork = { readonly kind: "source"; readonly dir: string } | { readonly kind: "isolated" };

export interface AttemptFolders {
  /** `name` is `steps/<step>/<n>` or `gates/<gate>/<n>` as checked identifiers; STORAGE_FAILED when it exists already with content. */
  open(run: RunId, name: readonly string[], work: AttemptWork): Promise<AttemptFolder>;
  /** The folder of an attempt that was opened before, by this or an earlier process. */
  reopen(run: RunId, name: readonly string[], work: AttemptWork): Promise<AttemptFolder>;
  /** Names of the log files of a run, relative to the run folder, with sizes. */
  logs(run: RunId): Promise<readonly { readonly path: string; readonly size: number }[]>;
  /** Writes run_manifest.json once; the same text again is a no-op, other text is RUN_STATE_CONFLICT. */
  writeManifest(run: RunId, text: string): Promise<void>;
  /** Removes what `clean` removes, for every attempt of a run; `isolated` says whether any worked in a folder of its own. Logs and manifest stay. */
  cleanRun(run: RunId, options: { readonly isolated: boolean }): Promise<void>;
  /** Absolute folder of a run. */
  runDir(run: RunId): string;
}
