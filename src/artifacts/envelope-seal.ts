/**
 * Owns: making and opening envelopes, `{meta, payload}` (docs/formats/envelope.md).
 * Invariants
 * - A2 The bytes are the canonical form of the envelope, and `payload_sha256` is the SHA-256 of the canonical form of the payload.
 *   Opening refuses everything else: another digest, unknown members, bytes that are not canonical.
 * Not responsible for: whether the payload fits its schema (`schema-registry.ts`).
 */
import { canonicalJson } from "../base/canonical-json.ts";
import { sha256Hex } from "../base/digest.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import { LilyError, messageOf } from "../base/lily-error.ts";
import { decodeUtf8, parseJson } from "../base/parse-json.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import { type Envelope, envelopeSchema } from "../contracts/envelope.ts";
import type { ArtifactId } from "../contracts/ids.ts";

export interface EnvelopeContent {
  readonly schema_id: string;
  readonly producer_id: string;
  readonly producer_kind: ArtifactRef["producer_kind"];
  readonly created_at: string;
  readonly inputs: readonly ArtifactId[];
  readonly payload: JsonValue;
}

const metaSchema = envelopeSchema.shape.meta;

/** Throws JSON_NOT_CANONICAL when the payload is not JSON, ENVELOPE_INVALID when a member of `meta` is malformed. */
export function sealEnvelope(content: EnvelopeContent): { readonly envelope: Envelope; readonly bytes: Uint8Array } {
  const { schema_id, producer_id, producer_kind, created_at, inputs, payload } = content;
  const payload_sha256 = sha256Hex(canonicalJson(payload, { fractions: true }));
  const meta = { schema_id, producer_id, producer_kind, created_at, inputs: [...inputs], payload_sha256 };
  const checked = checkMeta(meta);
  const bytes = new TextEncoder().encode(canonicalJson({ meta, payload }, { fractions: true }));
  return { envelope: { meta: checked, payload: payload as Envelope["payload"] }, bytes };
}

/** Throws ENVELOPE_INVALID naming what does not verify. */
export function openEnvelope(bytes: Uint8Array): { readonly meta: Envelope["meta"]; readonly payload: JsonValue } {
  const document = parseDocument(bytes);
  const { meta, payload } = document;
  if (meta === undefined || payload === undefined || Object.keys(document).length !== 2) throw invalid("has not exactly the members meta and payload");
  const checked = checkMeta(meta);
  if (sha256Hex(canonicalJson(payload, { fractions: true })) !== checked.payload_sha256) throw invalid("holds a payload that does not give its payload_sha256");
  return { meta: checked, payload };
}

function parseDocument(bytes: Uint8Array): JsonObject {
  let document: JsonValue;
  let canonical: string;
  try {
    document = parseJson(bytes);
    canonical = canonicalJson(document, { fractions: true });
  } catch (cause) {
    throw invalid(`is not strict JSON: ${messageOf(cause)}`, cause);
  }
  if (!isJsonObject(document)) throw invalid("is not an object");
  if (decodeUtf8(bytes) !== canonical) throw invalid("is not in canonical form");
  return document;
}

function checkMeta(meta: unknown): Envelope["meta"] {
  const result = metaSchema.safeParse(meta);
  if (result.success) return result.data;
  throw invalid(`has a malformed meta: ${result.error.issues.map((issue) => `/${issue.path.join("/")}: ${issue.message}`).join("; ")}`);
}

function invalid(why: string, cause?: unknown): LilyError {
  return new LilyError("ENVELOPE_INVALID", `the envelope ${why}`, cause === undefined ? {} : { cause });
}
