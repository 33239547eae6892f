/**
 * Whether two results are the same content: by the digest of the file, or, of structured artifacts, by the digest of the payload and never by
 * that of the envelope, which holds times. A schema may mark members with `x-lily-varies: true`; payloads that differ only there are equal by
 * schema.
 */
import { canonicalJson } from "../base/canonical-json.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import { openEnvelope } from "../artifacts/envelope-seal.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import { isSchemaId } from "../contracts/ids.ts";

export type ContentVerdict = "identical" | "equal_by_schema" | "diverged" | "not_comparable";

export interface ComparedContent {
  readonly verdict: ContentVerdict;
  /** One sentence; null when the content is identical. */
  readonly reason: string | null;
}

/** Bytes of an artifact, verified; null when the store does not have them any more. */
export type ReadArtifact = (artifactId: string) => Promise<{ readonly artifact: ArtifactRef; readonly bytes: Uint8Array } | null>;
/** The schema that both runs are bound to; null when there is none. */
export type ReadSchema = (schemaId: string) => Promise<JsonObject | null>;

export interface ContentSource {
  readonly artifact: ReadArtifact;
  readonly schema: ReadSchema;
}

/** Digest of the content: `payload ` and that of the payload of an envelope, that of the file otherwise. */
export async function contentDigest(source: ContentSource, ref: ArtifactRef): Promise<string> {
  if (ref.storage_kind !== "json" || !isSchemaId(ref.artifact_type)) return ref.digest;
  const read = await source.artifact(ref.artifact_id);
  const payload = read === null ? null : payloadOf(read.artifact, read.bytes);
  return payload === null ? ref.digest : `payload ${payload.digest}`;
}

export const identical: ComparedContent = { verdict: "identical", reason: null };

export async function compareContent(source: ContentSource, a: string, b: string): Promise<ComparedContent> {
  const [left, right] = [await source.artifact(a), await source.artifact(b)];
  if (left === null || right === null) return { verdict: "not_comparable", reason: `the bytes of ${left === null ? a : b} are not in the store` };
  if (left.artifact.digest === right.artifact.digest) return identical;
  const [one, other] = [payloadOf(left.artifact, left.bytes), payloadOf(right.artifact, right.bytes)];
  if (one === null || other === null) return diverged("the files have other bytes");
  if (one.schemaId !== other.schemaId) return diverged(`one is a ${one.schemaId}, the other a ${other.schemaId}`);
  if (one.digest === other.digest) return identical;
  const schema = await source.schema(one.schemaId);
  const place = firstDifference(one.payload, other.payload, schema, schema ?? {}, "");
  return place === null
    ? { verdict: "equal_by_schema", reason: `the payloads differ only where ${one.schemaId} says that they vary` }
    : diverged(`the payloads differ at ${place === "" ? "their root" : place}`);
}

function diverged(reason: string): ComparedContent {
  return { verdict: "diverged", reason };
}

interface Payload {
  readonly schemaId: string;
  readonly digest: string;
  readonly payload: JsonValue;
}

/** Null for what is no envelope. */
function payloadOf(artifact: ArtifactRef, bytes: Uint8Array): Payload | null {
  if (artifact.storage_kind !== "json" || !isSchemaId(artifact.artifact_type)) return null;
  const { meta, payload } = openEnvelope(bytes);
  return { schemaId: meta.schema_id, digest: meta.payload_sha256, payload };
}

/** JSON pointer of the first place where two values differ and may not; null when there is none. Objects are walked in order of their keys. */
export function firstDifference(
  a: JsonValue | undefined,
  b: JsonValue | undefined,
  schema: JsonValue | null | undefined,
  root: JsonObject,
  at: string,
): string | null {
  const rule = resolved(schema, root);
  if (rule?.["x-lily-varies"] === true) return null;
  if (isJsonObject(a) && isJsonObject(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
    return firstOf(keys, (key) => firstDifference(a[key], b[key], memberRule(rule, key), root, `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`));
  }
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    return firstOf([...a.keys()], (index) => firstDifference(a[index], b[index], itemRule(rule, index), root, `${at}/${index}`));
  }
  return textOf(a) === textOf(b) ? null : at;
}

function firstOf<T>(keys: readonly T[], place: (key: T) => string | null): string | null {
  for (const key of keys) {
    const found = place(key);
    if (found !== null) return found;
  }
  return null;
}

function textOf(value: JsonValue | undefined): string | undefined {
  return value === undefined ? undefined : canonicalJson(value, { fractions: true });
}

/** Follows local references, a few at most: a schema that goes in circles says nothing. */
function resolved(schema: JsonValue | null | undefined, root: JsonObject): JsonObject | null {
  let rule = schema;
  for (let hops = 0; hops < 8; hops++) {
    if (!isJsonObject(rule)) return null;
    const reference = rule["$ref"];
    if (typeof reference !== "string" || !reference.startsWith("#/")) return rule;
    let target: JsonValue | undefined = root;
    for (const part of reference.slice(2).split("/")) target = isJsonObject(target) ? target[part.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
    rule = target;
  }
  return null;
}

function memberRule(rule: JsonObject | null, key: string): JsonValue | undefined {
  const properties = rule?.["properties"];
  if (isJsonObject(properties) && Object.hasOwn(properties, key)) return properties[key];
  return rule?.["additionalProperties"];
}

function itemRule(rule: JsonObject | null, index: number): JsonValue | undefined {
  const prefix = rule?.["prefixItems"];
  return Array.isArray(prefix) && index < prefix.length ? prefix[index] : rule?.["items"];
}
