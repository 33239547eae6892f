/** What an event says about results of pure steps, put into the tables of the index. */
import type { LedgerEvent } from "../../contracts/event.ts";
import type { RunId } from "../../contracts/ids.ts";
import { resultEffectOf } from "../../contracts/result-effect.ts";
import type { StatementSync } from "node:sqlite";

/** The first event that speaks against a result is the one that is kept. */
const againstStep = "UPDATE results SET against = ? WHERE run_id = ? AND step_id = ? AND against IS NULL";
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
      prepared("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)").run(
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
      prepared("INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?)").run(run, effect.step_id, run_id, step_id, attempt);
      const text = "INSERT INTO uses VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET used_at = max(used_at, excluded.used_at)";
      if (effect.isUse) prepared(text).run(run_id, step_id, attempt, event.at);
      return;
    }
    case "superseded":
      prepared("DELETE FROM standing WHERE run_id = ? AND step_id = ?").run(run, effect.step_id);
      prepared(againstStep).run(event.seq, run, effect.step_id);
      return;
    case "spoiled":
      prepared(againstStep).run(event.seq, run, effect.step_id);
      // The record of the result may be folded later, so that it is kept beside it.
      prepared("INSERT OR IGNORE INTO objections SELECT from_run, from_step, from_attempt, run_id, ? FROM standing WHERE run_id = ? AND step_id = ?").run(
        event.seq,
        run,
        effect.step_id,
      );
      return;
    case "void":
      prepared("UPDATE results SET against = ? WHERE run_id = ? AND against IS NULL").run(event.seq, run);
      return;
    case undefined:
      return;
  }
}
