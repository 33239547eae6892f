/** What the record of a run says about the files beside it: logs, `executor.json`, `run_manifest.json`. The record decides, the files follow. */
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { ExecutorSummary } from "../contracts/events.ts";
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
  const stored = new Map<string, RecordedLog>();
  const ends = new Map<string, RecordedEnd>();
  const interrupted = new Set<string>();
  /** Times that an output of the step's newest attempt was replaced; its gates are then judged again, in folders of their own. */
  const replaced = new Map<string, number>();
  let manifest: string | null = null;
  let isSealed = false;
  const logsOf = (ids: readonly string[]): ReadonlyMap<string, RecordedLog> => {
    const found = new Map<string, RecordedLog>();
    for (const id of ids) {
      const log = stored.get(id);
      if (log?.artifact.artifact_name !== undefined) found.set(log.artifact.artifact_name, log);
    }
    return found;
  };
  for await (const event of events) {
    isSealed = event.kind === "RUN_SEALED" || (isSealed && event.kind === "RECORD_RECOVERED");
    if (event.kind === "RUN_CREATED") manifest = manifestText(event.stream.slice("run/".length), event);
    else if (event.kind === "ARTIFACT_STORED") {
      const { artifact, inline } = event.data;
      if (artifact.artifact_type === "log" || artifact.artifact_type === "gate_log") stored.set(artifact.artifact_id, { artifact, inline });
    } else if (event.kind === "STEP_COMPLETED" || event.kind === "STEP_FAILED") {
      const { step_id, attempt, logs, duration_ms, executor } = event.data;
      const isProcess = executor !== undefined && executor.kind !== "module";
      const summary = isProcess ? { isCompleted: event.kind === "STEP_COMPLETED", durationMs: duration_ms, executor } : null;
      ends.set(`steps/${step_id}/${attempt}`, { logs: logsOf(logs), hasAllLogs: executor !== undefined, summary });
    } else if (event.kind === "GATE_PASSED" || event.kind === "GATE_FAILED" || event.kind === "GATE_ERROR") {
      const { gate_id, step_id, attempt, dry_run, log_artifact_ids } = event.data;
      const again = step_id === undefined ? 0 : (replaced.get(step_id) ?? 0);
      const mark = dry_run === true ? `-dry${event.token}` : again > 0 ? `-r${again}` : "";
      ends.set(`gates/${gate_id}/${attempt}${mark}`, { logs: logsOf(log_artifact_ids), hasAllLogs: event.kind !== "GATE_ERROR", summary: null });
    } else if (event.kind === "STEP_STARTED") {
      replaced.delete(event.data.step_id);
    } else if (event.kind === "ARTIFACT_REPLACED") {
      const { step_id } = event.data;
      if (step_id !== undefined) replaced.set(step_id, (replaced.get(step_id) ?? 0) + 1);
    } else if (event.kind === "STEP_INTERRUPTED") {
      interrupted.add(`steps/${event.data.step_id}/${event.data.attempt}`);
    }
  }
  return { manifest, ends, interrupted, isSealed };
}
