/** What the record of a run says about the files beside it: logs, `executor.json`, `run_manifest.json`. The record decides, the files follow. */
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { EventOf, LedgerEvent } from "../contracts/event.ts";
import type { EventData, ExecutorSummary } from "../contracts/events.ts";
import { manifestText } from "../runtime/create-run.ts";

export interface RecordedLog {
  readonly artifact: ArtifactRef;
  /** The bytes themselves, when they ride in the record. */
  readonly inline: string | undefined;
}

export interface RecordedEnd {
  /** File name to log. */
  readonly logs: ReadonlyMap<string, RecordedLog>;
  /** True when an attempt that ended so has recorded every log that it wrote. */
  readonly hasAllLogs: boolean;
  /** Null for gates, and where no process ran. */
  readonly summary: { readonly isCompleted: boolean; readonly durationMs: number; readonly executor: ExecutorSummary } | null;
}

export interface RunFiles {
  readonly manifest: string | null;
  /** By folder as the record names it: `steps/ID/ATTEMPT` or `gates/ID/ATTEMPT`, with `-rN` after a replacement and `-dryN` for a dry run. */
  readonly ends: ReadonlyMap<string, RecordedEnd>;
  /** Attempts that were cut off; what they wrote was never recorded. */
  readonly interrupted: ReadonlySet<string>;
  readonly isSealed: boolean;
}

/** Folds the record of one run. */
export async function foldRunFiles(events: AsyncIterable<LedgerEvent>): Promise<RunFiles> {
  const fold = new RunFilesFold();
  for await (const event of events) fold.add(event);
  return fold.result();
}

class RunFilesFold {
  readonly #stored = new Map<string, RecordedLog>();
  readonly #ends = new Map<string, RecordedEnd>();
  readonly #interrupted = new Set<string>();
  /** Times that an output of the step's newest attempt was replaced; its gates are then judged again, in folders of their own. */
  readonly #replaced = new Map<string, number>();
  #manifest: string | null = null;
  #isSealed = false;

  result(): RunFiles {
    return { manifest: this.#manifest, ends: this.#ends, interrupted: this.#interrupted, isSealed: this.#isSealed };
  }

  add(event: LedgerEvent): void {
    this.#isSealed = event.kind === "RUN_SEALED" || (this.#isSealed && event.kind === "RECORD_RECOVERED");
    switch (event.kind) {
      case "RUN_CREATED":
        this.#manifest = manifestText(event.stream.slice("run/".length), event);
        return;
      case "ARTIFACT_STORED":
        return this.#store(event.data);
      case "STEP_STARTED":
        this.#replaced.delete(event.data.step_id);
        return;
      case "STEP_COMPLETED":
      case "STEP_FAILED":
        return this.#endAttempt(event);
      case "STEP_INTERRUPTED":
        this.#interrupted.add(`steps/${event.data.step_id}/${event.data.attempt}`);
        return;
      case "GATE_PASSED":
      case "GATE_FAILED":
      case "GATE_ERROR":
        return this.#endGate(event);
      case "ARTIFACT_REPLACED": {
        const { step_id } = event.data;
        if (step_id !== undefined) this.#replaced.set(step_id, (this.#replaced.get(step_id) ?? 0) + 1);
        return;
      }
      default:
        return;
    }
  }

  #store({ artifact, inline }: EventData["ARTIFACT_STORED"]): void {
    if (artifact.artifact_type === "log" || artifact.artifact_type === "gate_log") this.#stored.set(artifact.artifact_id, { artifact, inline });
  }

  #endAttempt(event: EventOf<"STEP_COMPLETED"> | EventOf<"STEP_FAILED">): void {
    const { step_id, attempt, logs, duration_ms, executor } = event.data;
    const isProcess = executor !== undefined && executor.kind !== "module";
    const summary = isProcess ? { isCompleted: event.kind === "STEP_COMPLETED", durationMs: duration_ms, executor } : null;
    this.#ends.set(`steps/${step_id}/${attempt}`, { logs: this.#logsOf(logs), hasAllLogs: executor !== undefined, summary });
  }

  #endGate(event: EventOf<"GATE_PASSED"> | EventOf<"GATE_FAILED"> | EventOf<"GATE_ERROR">): void {
    const { gate_id, step_id, attempt, dry_run, log_artifact_ids } = event.data;
    const again = step_id === undefined ? 0 : (this.#replaced.get(step_id) ?? 0);
    const mark = dry_run === true ? `-dry${event.token}` : again > 0 ? `-r${again}` : "";
    this.#ends.set(`gates/${gate_id}/${attempt}${mark}`, { logs: this.#logsOf(log_artifact_ids), hasAllLogs: event.kind !== "GATE_ERROR", summary: null });
  }

  #logsOf(ids: readonly string[]): ReadonlyMap<string, RecordedLog> {
    const found = new Map<string, RecordedLog>();
    for (const id of ids) {
      const log = this.#stored.get(id);
      if (log?.artifact.artifact_name !== undefined) found.set(log.artifact.artifact_name, log);
    }
    return found;
  }
}
