/**
 * SHA-256 in the two forms of Lily. Objects are `sha256(bytes)`, so that `sha256sum` agrees; everything else is hashed under a
 * domain tag, `sha256("lily/<what>/v1\n" + bytes)`, so that one kind of document can never pass as another.
 * The only room and file that uses a Node built-in: `node:crypto`.
 */
import { createHash, hash } from "node:crypto";
import type { Brand } from "./brand.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { JsonValue } from "./json-value.ts";
import { LilyError } from "./lily-error.ts";

/** `sha256:` and 64 lowercase hex digits. */
export type Digest = Brand<string, "Digest">;
/** 64 lowercase hex digits, where a source contract wants them plain. */
export type Hex64 = Brand<string, "Hex64">;

/** What a domain tag may name. */
export type DigestDomain = "event" | "plan" | "policy" | "artifact" | "intent" | "bundle" | "grant" | "execution" | "fragment" | "secret" | "reuse" | "pack";

const digestPattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && digestPattern.test(text);
}

/** Parses a digest from outside. Throws ID_INVALID: other algorithms, upper case and short forms are refused. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new LilyError("ID_INVALID", `not a sha256 digest: ${text.slice(0, 80)}`);
  return text;
}

export function hexOf(digest: Digest): Hex64 {
  return digest.slice(7) as Hex64;
}

export function sha256Hex(bytes: Uint8Array | string): Hex64 {
  return hash("sha256", bytes, "hex") as Hex64;
}

/** Digest of stored bytes: plain sha256. */
export function digestBytes(bytes: Uint8Array | string): Digest {
  return `sha256:${sha256Hex(bytes)}` as Digest;
}

/** Digest under a domain tag of text or bytes. */
export function taggedDigest(domain: DigestDomain, content: Uint8Array | string): Digest {
  const tag = `lily/${domain}/v1\n`;
  if (typeof content === "string") return digestBytes(tag + content);
  return `sha256:${createHash("sha256").update(tag).update(content).digest("hex")}` as Digest;
}

/** Digest under a domain tag of the canonical form of a document. */
export function documentDigest(domain: DigestDomain, value: JsonValue): Digest {
  return taggedDigest(domain, canonicalJson(value, { fractions: true }));
}

/** Hashes a stream piece by piece; `digest()` ends it. */
export interface StreamHasher {
  update(bytes: Uint8Array): void;
  digest(): Digest;
}

export function streamHasher(): StreamHasher {
  const inner = createHash("sha256");
  return {
    update: (bytes) => void inner.update(bytes),
    digest: () => `sha256:${inner.digest("hex")}` as Digest,
  };
}

/** Raw 32 bytes of a SHA-256, for Merkle trees. */
export function sha256Raw(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}
