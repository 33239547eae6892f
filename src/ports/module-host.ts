import type { Digest } from "../base/digest.ts";
import type { JsonValue } from "../base/json-value.ts";
import type { EventData } from "../contracts/events.ts";

/** A file artifact as a module sees it. */
export interface ModuleFile {
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
  readonly media_type: string;
}

/** What a module says it changed outside of its outputs. */
export interface ReportedEffect {
  readonly category: EventData["SIDE_EFFECT_OBSERVED"]["category"];
  /** In words, for people: what was changed, and where. */
  readonly description: string;
  /** Whether it can be undone; left out when the module does not know. */
  readonly reversible?: boolean;
  /** Texts by name, such as the id of what was made: at most 16. */
  readonly details?: Readonly<Record<string, string>>;
}

export interface ModuleContext {
  readonly runId: string;
  readonly stepId: string;
  readonly attempt: number;
  /** Aborts on cancel and timeout. After that every member refuses with CONTEXT_REVOKED (E6). */
  readonly signal: AbortSignal;
  /** Environment that the step names, secrets included. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes one line to the attempt's log, redacted. */
  log(line: string): void;
  /**
   * Says that something outside of the outputs was changed. It is recorded at once, whatever becomes of the attempt: call it when the change
   * was made. Secrets are redacted, texts cut at 1,000 characters, 100 of an attempt recorded. Throws MODULE_FAILED for what is no effect.
   */
  effect(effect: ReportedEffect): void;
  /** The attempt's working directory. */
  readonly cwd: string;
}

export interface LoadedModule {
  readonly name: string;
  readonly version: string;
  /**
   * Runs with checked input; resolves to checked output values by name. Rejects with MODULE_FAILED or what the module threw. `secrets` are
   * the secret values of the environment: a module in a process of its own has them nowhere on disk, nor in its log (S4). `heard` is given
   * the effects that a module in a process of its own reported, also those that are found only when it was ended; without it they go to
   * the context, which refuses then.
   */
  run(
    context: ModuleContext,
    input: Readonly<Record<string, unknown>>,
    secrets?: readonly string[],
    heard?: (effect: ReportedEffect) => void,
  ): Promise<Readonly<Record<string, JsonValue>>>;
}

/** Loads modules made by `defineModule`. Loading runs the module's top level: trusted code (docs/howto/modules.md). */
export interface ModuleHost {
  /** `path` is absolute; `digest` is what the plan binds, and the file must still have it. MODULE_NOT_FOUND, MODULE_INVALID, WORKFLOW_DRIFT. */
  load(name: string, path: string, digest: Digest): Promise<LoadedModule>;
  /** The same module in a process of its own for each run: when the context's signal aborts, it is ended with all it started (E6 in full). */
  loadIsolated(name: string, path: string, digest: Digest): Promise<LoadedModule>;
}
