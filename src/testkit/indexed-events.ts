/** Events as an index is given them, for what every index promises. */
import { type Digest, digestBytes } from "../base/digest.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { EventBody, LedgerEvent } from "../contracts/event.ts";
import type { ArtifactId, RunId, StreamId } from "../contracts/ids.ts";
import type { StreamHead } from "../ports/journal.ts";

type Batch = { readonly head: StreamHead; readonly events: readonly LedgerEvent[] };

export function batchOf(stream: StreamId, fromSeq: number, bodies: readonly EventBody[], day = 1): Batch {
  const events = bodies.map((body, i): LedgerEvent => {
    const seq = fromSeq + i;
    return {
      ...body,
      v: 1,
      stream,
      seq,
      prev: null,
      token: 1,
      at: `2026-01-0${day}T00:00:0${seq % 10}.000Z`,
      by: "user:ada",
      hash: digestBytes(`${stream}${seq}`),
    };
  });
  return { head: { stream, size: fromSeq + bodies.length, bytes: 0, hash: null }, events };
}

export function created(title: string | null): EventBody {
  const shared = { workspace_id: "w", format: 1, kernel_version: "0", kind: "workflow" } as const;
  return { kind: "RUN_CREATED", key: "RUN_CREATED", data: title === null ? shared : { ...shared, title } };
}

export const started: EventBody = { kind: "RUN_STARTED", key: "RUN_STARTED", data: { inputs: {}, parallel: 1 } };
export const planned: EventBody = {
  kind: "PLAN_COMMITTED",
  key: "PLAN_COMMITTED",
  data: { plan_hash: digestBytes("p"), artifact_id: artifactId(99), workflow: "weather", source_dir: "/x" },
};

export function artifactId(n: number): ArtifactId {
  return `art_${String(n).padStart(32, "0")}` as ArtifactId;
}

export function stored(
  n: number,
  run: string,
  options: { readonly inputs?: readonly number[]; readonly inline?: string; readonly type?: string } = {},
): EventBody {
  const artifact: ArtifactRef = {
    artifact_id: artifactId(n),
    run_id: run as RunId,
    artifact_type: options.type ?? "file",
    storage_kind: "file",
    digest: digestBytes(String(n)) as Digest,
    size: 1,
    media_type: "text/plain",
    artifact_name: `name-${n}`,
    producer_id: "clean",
    producer_kind: "tool",
    created_at: "2026-01-01T00:00:00.000Z",
    inputs: (options.inputs ?? []).map(artifactId),
  };
  return { kind: "ARTIFACT_STORED", key: `ARTIFACT_STORED/${n}`, data: options.inline === undefined ? { artifact } : { artifact, inline: options.inline } };
}
