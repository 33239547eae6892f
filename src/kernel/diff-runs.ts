/** Comparing two runs of the workspace. Reads only: what it is given is an `AuditReader`. */
import type { JsonValue } from "../base/json-value.ts";
import { openEnvelope } from "../artifacts/envelope-seal.ts";
import type { ContentSource } from "../audit/compare-content.ts";
import { compareRuns } from "../audit/compare-runs.ts";
import type { RunComparison } from "../audit/run-comparison.ts";
import { type RunFacts, runFacts } from "../audit/run-facts.ts";
import type { AuditReader, RunEvidence } from "./audit-reader.ts";

export async function diffRuns(reader: AuditReader, a: string, b: string): Promise<RunComparison> {
  return diffEvidence(reader, await reader.run(a), await reader.run(b));
}

export async function diffEvidence(reader: AuditReader, a: RunEvidence, b: RunEvidence): Promise<RunComparison> {
  const [left, right] = [factsOf(a), factsOf(b)];
  const environments = { a: await environmentOf(reader, left), b: await environmentOf(reader, right) };
  return compareRuns(left, right, environments, contentSource(reader, a, b));
}

function factsOf({ runId, events, plan }: RunEvidence): RunFacts {
  return runFacts(runId, events, plan);
}

async function environmentOf(reader: AuditReader, { view }: RunFacts): Promise<JsonValue> {
  const read = view.environment_artifact_id === null ? null : await reader.artifact(view.environment_artifact_id);
  return read === null ? null : openEnvelope(read.bytes).payload;
}

/** A schema says what may vary only when both runs were bound to the same one. */
function contentSource(reader: AuditReader, a: RunEvidence, b: RunEvidence): ContentSource {
  const boundTo = ({ plan }: RunEvidence, schemaId: string): string | null => plan?.schemas.find((schema) => schema.schema_id === schemaId)?.digest ?? null;
  const known = new Map<string, ReturnType<AuditReader["schema"]>>();
  return {
    artifact: reader.artifact,
    schema: async (schemaId) => {
      if (boundTo(a, schemaId) !== boundTo(b, schemaId)) return null;
      const found = known.get(schemaId) ?? reader.schema(a, schemaId);
      known.set(schemaId, found);
      return found;
    },
  };
}
