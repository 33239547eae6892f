/** What an event says about results of pure steps, put into the tables of the index. */
import type { LedgerEvent } from "../../contracts/event.ts";
import type { RunId } from "../../contracts/ids.ts";
import { resultEffectOf } from "../../contracts/result-effect.ts";
import type { StatementSync } from "node:sqlite";

const materialsType = "step_materials.v1";

/** `prepared` gives the statement of a text, prepared once. Called in the transaction that folds the event, in the order of the stream. */
export function foldResult(prepared: (sql: string) => StatementSync, run: RunId, event: LedgerEvent): void {
  if (event.kind === "ARTIFACT_STORED" && event.data.artifact.artifact_type === materialsType) {
    const { artifact, inline } = event.data;
    prepared("INSERT OR IGNORE INTO materials VALUES (?, ?, ?)").run(artifact.artifact_id, JSON.stringify(artifact), inline ?? null);
  }
  const effect = resultEffectOf(event);
  switch (effect?.kind) {
    case "completed": {
      const { key, artifact_id } = effect.materials;
      prepared("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)").run(
        run,
        effect.step_id,
        effect.attempt,
        event.seq,
        event.hash,
        event.at,
        key,
        artifact_id,
      );
      return;
    }
    case "reused": {
      const { run_id, step_id, attempt } = effect.from;
      const text = "INSERT INTO uses VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET used_at = max(used_at, excluded.used_at)";
      prepared(text).run(run_id, step_id, attempt, event.at);
      return;
    }
    case "superseded":
      prepared("DELETE FROM results WHERE run_id = ? AND step_id = ?").run(run, effect.step_id);
      return;
    case "spoiled":
      prepared("UPDATE results SET usable = 0 WHERE run_id = ? AND step_id = ?").run(run, effect.step_id);
      return;
    case "void":
      prepared("UPDATE results SET usable = 0 WHERE run_id = ?").run(run);
      return;
    case undefined:
      return;
  }
}
