import { describe, expect, it } from "vitest";
import { digestBytes } from "../base/digest.ts";
import type { JsonValue } from "../base/json-value.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { Clock } from "../ports/clock.ts";
import { createMemoryObjectStore } from "../adapters/memory/object-store.ts";
import { artifactIdOf } from "./artifact-id.ts";
import { createArtifactStore, inlineBytesMax } from "./artifact-store.ts";

const clock: Clock = { nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5), monotonicMs: () => 0, sleep: async () => {}, nextTurn: async () => {} };
const input = `art_${"1".repeat(32)}` as ArtifactId;
const origin = { run_id: "run-1", artifact_type: "file", name: "report", producer_id: "clean", producer_kind: "tool", attempt: 2, inputs: [input] } as const;

function setup() {
  const objects = createMemoryObjectStore({ seed: 7 });
  return { objects, artifacts: createArtifactStore({ objects, clock }) };
}

function source(bytes: Uint8Array) {
  let at = 0;
  return {
    read: (into: Uint8Array) => {
      const count = Math.min(into.length, bytes.length - at);
      into.set(bytes.subarray(at, at + count));
      at += count;
      return count;
    },
    close: async () => {},
  };
}

describe("artifact store", () => {
  it("A3: a ref says who made the bytes, when and from what, and its id commits to them", async () => {
    const { artifacts } = setup();
    const { artifact, inline } = await artifacts.prepareText({ ...origin, text: "hello\n" });
    expect(inline).toBe("hello\n");
    expect(artifact).toEqual({
      artifact_id: artifactIdOf({ run_id: "run-1", producer_id: "clean", attempt: 2, name: "report", digest: digestBytes("hello\n") }),
      run_id: "run-1",
      artifact_type: "file",
      storage_kind: "text",
      digest: digestBytes("hello\n"),
      size: 6,
      media_type: "text/plain",
      artifact_name: "report",
      producer_id: "clean",
      producer_kind: "tool",
      created_at: "2026-01-02T03:04:05.000Z",
      inputs: [input],
    });
  });

  it("text up to the limit in bytes rides inline, one byte more is an object", async () => {
    const { artifacts, objects } = setup();
    const fits = await artifacts.prepareText({ ...origin, text: "\u00e9".repeat(inlineBytesMax / 2) });
    expect(fits.inline).toHaveLength(inlineBytesMax / 2);
    expect(await objects.stat(fits.artifact.digest)).toBeNull();
    const over = await artifacts.prepareText({ ...origin, text: `${"\u00e9".repeat(inlineBytesMax / 2)}x`, media_type: "text/csv" });
    expect([over.inline, over.artifact.media_type]).toEqual([undefined, "text/csv"]);
    expect(await objects.stat(over.artifact.digest)).toMatchObject({ size: inlineBytesMax + 1 });
    expect(await artifacts.readArtifact(over.artifact, undefined)).toHaveLength(inlineBytesMax + 1);
  });

  it("a file is always an object, however small", async () => {
    const { artifacts, objects } = setup();
    const { artifact, inline } = await artifacts.prepareSource({ ...origin, source: source(new Uint8Array([0xff, 0])), media_type: "image/png" });
    expect([inline, artifact.storage_kind, artifact.size]).toEqual([undefined, "file", 2]);
    expect(await objects.get(artifact.digest)).toEqual(new Uint8Array([0xff, 0]));
    await expect(artifacts.prepareSource({ ...origin, source: source(new Uint8Array(9)), media_type: "x/y", bytesMax: 8 })).rejects.toMatchObject({
      code: "INPUT_TOO_LARGE",
    });
  });

  it("A2: a value with a schema is sealed and comes out of its envelope again", async () => {
    const { artifacts } = setup();
    const value = { b: 1.5, a: [null, "x"] };
    const { artifact, inline } = await artifacts.prepareJson({ ...origin, artifact_type: "report.v1", schema_id: "report.v1", value });
    const bytes = await artifacts.readArtifact(artifact, inline);
    expect(artifacts.payloadOf(artifact, bytes)).toEqual(value);
    expect(JSON.parse(inline ?? "")).toMatchObject({
      meta: { schema_id: "report.v1", producer_id: "clean", created_at: "2026-01-02T03:04:05.000Z", inputs: [input] },
    });
  });

  it("a value without a schema is stored in canonical form, large ones as objects", async () => {
    const { artifacts } = setup();
    const small = await artifacts.prepareJson({ ...origin, artifact_type: "plan", value: { b: 1, a: 2 } });
    expect(small.inline).toBe('{"a":2,"b":1}');
    expect(artifacts.payloadOf(small.artifact, await artifacts.readArtifact(small.artifact, small.inline))).toEqual({ a: 2, b: 1 });
    const value: JsonValue = Array.from({ length: 3_000 }, (_, i) => i);
    const large = await artifacts.prepareJson({ ...origin, artifact_type: "plan", value });
    expect(large.inline).toBeUndefined();
    expect(artifacts.payloadOf(large.artifact, await artifacts.readArtifact(large.artifact, undefined))).toEqual(value);
  });

  it("A2: a schema id as type without a seal, or a seal under another type, is a mistake of the program", async () => {
    const { artifacts } = setup();
    await expect(artifacts.prepareJson({ ...origin, artifact_type: "report.v1", value: 1 })).rejects.toMatchObject({ code: "INTERNAL_INVARIANT" });
    await expect(artifacts.prepareJson({ ...origin, artifact_type: "plan", schema_id: "report.v1", value: 1 })).rejects.toMatchObject({
      code: "INTERNAL_INVARIANT",
    });
  });

  it("A1: bytes that do not fit the ref are never handed out, inline or not", async () => {
    const { artifacts, objects } = setup();
    const { artifact } = await artifacts.prepareText({ ...origin, text: "hello" });
    await expect(artifacts.readArtifact(artifact, "hellO")).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
    await expect(artifacts.readArtifact(artifact, "hell")).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
    await expect(artifacts.readArtifact(artifact, undefined)).rejects.toMatchObject({ code: "OBJECT_MISSING" });
    const stored = await artifacts.prepareText({ ...origin, text: "x".repeat(5_000) });
    await expect(artifacts.readArtifact({ ...stored.artifact, size: 4_999 }, undefined)).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
    objects.corrupt(stored.artifact.digest);
    await expect(artifacts.readArtifact(stored.artifact, undefined)).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
  });

  it("INPUT_TOO_LARGE: a reader's limit is kept before anything is read", async () => {
    const { artifacts } = setup();
    const { artifact, inline } = await artifacts.prepareText({ ...origin, text: "hello" });
    await expect(artifacts.readArtifact(artifact, inline, { bytesMax: 4 })).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
    expect(await artifacts.readArtifact(artifact, inline, { bytesMax: 5 })).toHaveLength(5);
  });

  it("a payload comes from JSON artifacts only, and from an envelope that says what the ref says", async () => {
    const { artifacts } = setup();
    const text = await artifacts.prepareText({ ...origin, text: "1" });
    expect(() => artifacts.payloadOf(text.artifact, new TextEncoder().encode("1"))).toThrow(expect.objectContaining({ code: "JSON_INVALID" }));
    const sealed = await artifacts.prepareJson({ ...origin, artifact_type: "report.v1", schema_id: "report.v1", value: 1 });
    expect(() => artifacts.payloadOf({ ...sealed.artifact, artifact_type: "other.v1" }, new TextEncoder().encode(sealed.inline))).toThrow(
      expect.objectContaining({ code: "ENVELOPE_INVALID" }),
    );
  });

  it("refuses text and values that no record can carry", async () => {
    const { artifacts } = setup();
    await expect(artifacts.prepareText({ ...origin, text: "\ud800" })).rejects.toMatchObject({ code: "INPUT_NOT_UTF8" });
    await expect(artifacts.prepareJson({ ...origin, artifact_type: "plan", value: Number.NaN })).rejects.toMatchObject({ code: "JSON_NOT_CANONICAL" });
  });
});
