import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { artifactIdOf } from "../../src/artifacts/artifact-id.ts";
import { openEnvelope, sealEnvelope } from "../../src/artifacts/envelope-seal.ts";
import { digestBytes, parseDigest, taggedDigest } from "../../src/base/digest.ts";

/** The example of a page that carries `id=NAME`. */
function example(page: string, name: string): string {
  const text = readFileSync(join(import.meta.dirname, "../../docs/formats", page), "utf8");
  for (const match of text.matchAll(/^```\w+ id=([\w-]+)\n([\s\S]*?)\n```$/gm)) if (match[1] === name) return match[2] ?? "";
  throw new Error(`${page} has no example ${name}`);
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("docs/formats/objects.md", () => {
  it("gives digest and path of its content", () => {
    const digest = example("objects.md", "digest");
    expect(`sha256:${sha256(`${example("objects.md", "content")}\n`)}`).toBe(digest);
    expect(example("objects.md", "path")).toBe(`objects/${digest.slice(7, 9)}/${digest.slice(9)}`);
  });
});

describe("docs/formats/envelope.md", () => {
  it("gives the payload digest, the bytes and the digest of its envelope", () => {
    const bytes = new TextEncoder().encode(example("envelope.md", "envelope"));
    const { meta, payload } = openEnvelope(bytes);
    expect(sha256(example("envelope.md", "payload"))).toBe(example("envelope.md", "payload-sha256"));
    expect(meta.payload_sha256).toBe(example("envelope.md", "payload-sha256"));
    expect(payload).toEqual(JSON.parse(example("envelope.md", "payload")));
    const { payload_sha256: _, ...content } = meta;
    expect(sealEnvelope({ ...content, payload }).bytes).toEqual(bytes);
    expect(digestBytes(bytes)).toBe(example("envelope.md", "digest"));
  });
});

describe("docs/formats/artifact.md", () => {
  it("gives the id of its identity, whose digest is that of the example envelope", () => {
    const identity = JSON.parse(example("artifact.md", "identity"));
    expect(identity.digest).toBe(example("envelope.md", "digest"));
    expect(artifactIdOf({ ...identity, digest: parseDigest(identity.digest) })).toBe(example("artifact.md", "artifact-id"));
    expect(`art_${taggedDigest("artifact", example("artifact.md", "identity")).slice(7, 39)}`).toBe(example("artifact.md", "artifact-id"));
  });
});
