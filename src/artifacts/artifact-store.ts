/**
 * Owns: turning what was produced into artifacts: a ref, and the bytes either inline (they ride in ARTIFACT_STORED) or as an object.
 * Invariants
 * - A1 `digest` and `size` are of the stored bytes; reading verifies both, wherever the bytes were.
 * - A2 Structured content with a schema is stored as an envelope; its `artifact_type` is the schema id, and nothing else has such a type.
 * - A3 Every ref names run, producer, attempt (through its id), time and inputs.
 * - Objects are durable when a `prepare` call returns, so that the event that names them may be committed after it.
 * Not responsible for: committing ARTIFACT_STORED, and checking a payload against its schema.
 */
import { assert } from "../base/assert.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { type Digest, digestBytes } from "../base/digest.ts";
import type { JsonValue } from "../base/json-value.ts";
import { LilyError } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { timeText } from "../base/time-text.ts";
import { type ArtifactRef, artifactRefSchema } from "../contracts/artifact-ref.ts";
import { type ArtifactId, isSchemaId } from "../contracts/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { ByteSource, ObjectStore } from "../ports/object-store.ts";
import { artifactIdOf } from "./artifact-id.ts";
import { openEnvelope, sealEnvelope } from "./envelope-seal.ts";

/** Longest content that rides in its event, in bytes of UTF-8. */
export const inlineBytesMax = 4096;

export interface ArtifactOrigin {
  readonly run_id: string;
  readonly artifact_type: string;
  readonly name: string;
  readonly producer_id: string;
  readonly producer_kind: ArtifactRef["producer_kind"];
  /** Attempt of the producer; 0 for what no attempt made. */
  readonly attempt: number;
  readonly inputs: readonly ArtifactId[];
}

/** `inline` is the stored text itself and goes into the event; without it the object store holds the bytes. */
export interface PreparedArtifact {
  readonly artifact: ArtifactRef;
  readonly inline?: string;
}

export interface ArtifactStore {
  /** With `schema_id` (which must be the artifact type) the value is sealed in an envelope; otherwise its canonical form is stored. */
  prepareJson(content: ArtifactOrigin & { readonly value: JsonValue; readonly schema_id?: string }): Promise<PreparedArtifact>;
  /** The same for content that is known to be small: it rides in its event, so nothing has to be waited for. */
  prepareSmallJson(content: ArtifactOrigin & { readonly value: JsonValue; readonly schema_id?: string }): PreparedArtifact;
  prepareText(content: ArtifactOrigin & { readonly text: string; readonly media_type?: string }): Promise<PreparedArtifact>;
  /** Streams a file into the object store, never inline. INPUT_TOO_LARGE beyond `bytesMax`. Does not close the source. */
  prepareSource(content: ArtifactOrigin & { readonly source: ByteSource; readonly media_type: string; readonly bytesMax?: number }): Promise<PreparedArtifact>;
  /** Verified bytes. Errors: OBJECT_MISSING, OBJECT_CORRUPT, INPUT_TOO_LARGE. */
  readArtifact(artifact: ArtifactRef, inline: string | undefined, options?: { readonly bytesMax?: number }): Promise<Uint8Array>;
  /** The value of a JSON artifact, out of its envelope when it has one. Errors: ENVELOPE_INVALID, JSON_INVALID. */
  payloadOf(artifact: ArtifactRef, bytes: Uint8Array): JsonValue;
}

export interface ArtifactStoreDeps {
  readonly objects: ObjectStore;
  readonly clock: Clock;
}

const encoder = new TextEncoder();
const jsonMediaType = "application/json";

export function createArtifactStore(deps: ArtifactStoreDeps): ArtifactStore {
  const { objects, clock } = deps;

  async function prepareBytes(
    origin: ArtifactOrigin,
    kind: "json" | "text",
    mediaType: string,
    createdAt: string,
    text: string,
    bytes: Uint8Array,
  ): Promise<PreparedArtifact> {
    if (bytes.length <= inlineBytesMax) {
      return { artifact: refOf(origin, kind, mediaType, createdAt, digestBytes(bytes), bytes.length), inline: text };
    }
    const stored = await objects.put(bytes);
    return { artifact: refOf(origin, kind, mediaType, createdAt, stored.digest, stored.size) };
  }

  return {
    async prepareJson(content) {
      const createdAt = timeText(clock.nowMs());
      const text = jsonText(content, createdAt);
      return prepareBytes(content, "json", jsonMediaType, createdAt, text, encoder.encode(text));
    },

    prepareSmallJson(content) {
      const createdAt = timeText(clock.nowMs());
      const text = jsonText(content, createdAt);
      const bytes = encoder.encode(text);
      assert(bytes.length <= inlineBytesMax, `A1: ${content.name} is small enough to ride in its event`);
      return { artifact: refOf(content, "json", jsonMediaType, createdAt, digestBytes(bytes), bytes.length), inline: text };
    },

    async prepareText(content) {
      if (!content.text.isWellFormed()) throw new LilyError("INPUT_NOT_UTF8", `text of ${content.name} has a lone surrogate`);
      return prepareBytes(content, "text", content.media_type ?? "text/plain", timeText(clock.nowMs()), content.text, encoder.encode(content.text));
    },

    async prepareSource(content) {
      const stored = await objects.putSource(content.source, content.bytesMax === undefined ? {} : { bytesMax: content.bytesMax });
      return { artifact: refOf(content, "file", content.media_type, timeText(clock.nowMs()), stored.digest, stored.size) };
    },

    async readArtifact(artifact, inline, options = {}) {
      if (options.bytesMax !== undefined && artifact.size > options.bytesMax) {
        throw new LilyError("INPUT_TOO_LARGE", `artifact ${artifact.artifact_id} has ${artifact.size} bytes, more than ${options.bytesMax}`);
      }
      const bytes = inline === undefined ? await objects.get(artifact.digest) : encoder.encode(inline);
      if (bytes.length !== artifact.size || (inline !== undefined && digestBytes(bytes) !== artifact.digest)) throw corrupt(artifact);
      return bytes;
    },

    payloadOf(artifact, bytes) {
      if (artifact.storage_kind !== "json") throw new LilyError("JSON_INVALID", `artifact ${artifact.artifact_id} is a ${artifact.storage_kind}, not JSON`);
      if (!isSchemaId(artifact.artifact_type)) return parseJson(bytes);
      const { meta, payload } = openEnvelope(bytes);
      if (meta.schema_id === artifact.artifact_type) return payload;
      throw new LilyError("ENVELOPE_INVALID", `artifact ${artifact.artifact_id} is a ${artifact.artifact_type}, and its envelope says ${meta.schema_id}`);
    },
  };
}

function jsonText(content: ArtifactOrigin & { readonly value: JsonValue; readonly schema_id?: string }, createdAt: string): string {
  if (content.schema_id === undefined) {
    assert(!isSchemaId(content.artifact_type), `A2: ${content.artifact_type} is a schema id, so its artifacts are sealed`);
    return canonicalJson(content.value, { fractions: true });
  }
  assert(content.schema_id === content.artifact_type, `A2: artifact type ${content.artifact_type} must be its schema id ${content.schema_id}`);
  const { schema_id, producer_id, producer_kind, inputs, value } = content;
  return new TextDecoder().decode(sealEnvelope({ schema_id, producer_id, producer_kind, created_at: createdAt, inputs, payload: value }).bytes);
}

function refOf(origin: ArtifactOrigin, kind: ArtifactRef["storage_kind"], mediaType: string, createdAt: string, digest: Digest, size: number): ArtifactRef {
  const { run_id, artifact_type, name, producer_id, producer_kind, attempt, inputs } = origin;
  return artifactRefSchema.parse({
    artifact_id: artifactIdOf({ run_id, producer_id, attempt, name, digest }),
    run_id,
    artifact_type,
    storage_kind: kind,
    digest,
    size,
    media_type: mediaType,
    artifact_name: name,
    producer_id,
    producer_kind,
    created_at: createdAt,
    inputs: [...inputs],
  });
}

function corrupt(artifact: ArtifactRef): LilyError {
  return new LilyError("OBJECT_CORRUPT", `the bytes of artifact ${artifact.artifact_id} do not give its digest or size; they were not served`, {
    details: { artifact_id: artifact.artifact_id, digest: artifact.digest },
  });
}
