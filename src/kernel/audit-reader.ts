/**
 * What auditing may touch of a kernel: records, artifacts, schemas, and nothing that writes one. The files that audit get this and not the
 * kernel's parts; test/tidy/audit-reads-only.test.ts keeps it so.
 */
import { isLilyError, LilyError } from "../base/lily-error.ts";
import type { JsonObject } from "../base/json-value.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import { type RunId, runStream } from "../contracts/ids.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import type { RunRow } from "../ports/run-index.ts";
import { committedPlan } from "../runtime/resume-run.ts";
import type { KernelCore } from "./core.ts";

/** A run as its record tells it. */
export interface RunEvidence {
  readonly runId: RunId;
  readonly events: readonly LedgerEvent[];
  /** Null when none was committed. */
  readonly plan: PlanDocument | null;
}

export interface ArtifactBytes {
  readonly artifact: ArtifactRef;
  readonly bytes: Uint8Array;
}

export interface AuditReader {
  /** By id, a unique prefix of one, or `latest`. RUN_NOT_FOUND, RUN_AMBIGUOUS. */
  run(text: string): Promise<RunEvidence>;
  /** Rows of the index, newest first. */
  rows(limit: number): Promise<readonly RunRow[]>;
  /** Verified bytes; null when the store does not have them (any more). OBJECT_CORRUPT. */
  artifact(id: string): Promise<ArtifactBytes | null>;
  /** The schema that the plan was bound to, when it can still be found. */
  schema(evidence: RunEvidence, schemaId: string): Promise<JsonObject | null>;
}

export function auditReader(core: KernelCore): AuditReader {
  return {
    run: async (text) => readRun(core, await core.findRun(text)),
    rows: async (limit) => (await core.readableIndex()).runs({ limit }),
    artifact: (id) => readArtifact(core, id),
    schema: (evidence, schemaId) => readSchema(core, evidence, schemaId),
  };
}

async function readRun(core: KernelCore, runId: RunId): Promise<RunEvidence> {
  const ledger = await core.ledger();
  const events: LedgerEvent[] = [];
  for await (const event of ledger.readStream(runStream(runId))) events.push(event);
  const committed = await committedPlan(await core.artifactStore(), events);
  return { runId, events, plan: committed?.plan ?? null };
}

async function readArtifact(core: KernelCore, id: string): Promise<ArtifactBytes | null> {
  const row = (await (await core.readableIndex()).artifact(id))[0];
  if (row === undefined) return null;
  const store = await core.artifactStore();
  const { artifact } = row;
  if (row.inline) {
    for await (const event of (await core.ledger()).readStream(row.stream, { fromSeq: row.seq })) {
      if (event.kind === "ARTIFACT_STORED") return { artifact, bytes: await store.readArtifact(artifact, event.data.inline) };
      throw new LilyError("INDEX_DAMAGED", `the index says that event ${row.seq} of ${row.stream} holds artifact ${id}; run lily doctor --rebuild`);
    }
    return null;
  }
  try {
    return { artifact, bytes: await store.readArtifact(artifact, undefined) };
  } catch (thrown) {
    if (isLilyError(thrown, "OBJECT_MISSING")) return null;
    throw thrown;
  }
}

/** A schema that was changed since, or whose folder is gone, is none: the comparison then goes by content alone. */
async function readSchema(core: KernelCore, { events, plan }: RunEvidence, schemaId: string): Promise<JsonObject | null> {
  const bound = plan?.schemas.find((schema) => schema.schema_id === schemaId);
  const committed = events.find((event) => event.kind === "PLAN_COMMITTED");
  if (bound === undefined || committed?.kind !== "PLAN_COMMITTED") return null;
  const { loadConfiguration, openSourceTree } = await import("./workflow-source.ts");
  try {
    const { registry } = await loadConfiguration(core, await openSourceTree(core, committed.data.source_dir));
    const found = registry.find(schemaId);
    return found?.digest === bound.digest ? found.document : null;
  } catch (thrown) {
    if (isLilyError(thrown)) return null;
    throw thrown;
  }
}
