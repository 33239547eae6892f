import { taggedDigest } from "../../src/base/digest.ts";
import { type ArtifactRef, artifactIdSchema } from "../../src/contracts/artifact-ref.ts";
import { parseRunId } from "../../src/contracts/ids.ts";

/** What simulated events name where it does not matter which. */
export const artifactId = artifactIdSchema.parse(`art_${"0".repeat(32)}`);

/** The `count`th artifact of a simulated run. */
export function simulatedArtifact(count: number): ArtifactRef {
  return {
    artifact_id: artifactIdSchema.parse(`art_${String(count).padStart(32, "0")}`),
    run_id: parseRunId("simulated"),
    artifact_type: "file",
    storage_kind: "file",
    digest: taggedDigest("event", String(count)),
    size: 1,
    media_type: "text/plain",
    artifact_name: "o",
    producer_id: "simulated",
    producer_kind: "tool",
    created_at: "2026-01-01T00:00:00.000Z",
    inputs: [],
  };
}
