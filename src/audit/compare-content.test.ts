import { describe, expect, it } from "vitest";
import { sealEnvelope } from "../artifacts/envelope-seal.ts";
import { digestBytes } from "../base/digest.ts";
import type { JsonObject, JsonValue } from "../base/json-value.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { RunId } from "../contracts/ids.ts";
import { artifact, timeOf } from "./audit.test-support.ts";
import { compareContent, contentDigest, type ContentSource, firstDifference } from "./compare-content.ts";

interface Stored {
  readonly artifact: ArtifactRef;
  readonly bytes: Uint8Array;
}

function stored(name: string, bytes: Uint8Array, type: string, kind: ArtifactRef["storage_kind"]): Stored {
  const ref: ArtifactRef = {
    artifact_id: artifact(name),
    run_id: "run-a" as RunId,
    artifact_type: type,
    storage_kind: kind,
    digest: digestBytes(bytes),
    size: bytes.length,
    media_type: "application/json",
    producer_id: "a",
    producer_kind: "tool",
    created_at: timeOf(0),
    inputs: [],
  };
  return { artifact: ref, bytes };
}

function envelope(name: string, payload: JsonValue, second: number, schema_id = "table.v1"): Stored {
  const { bytes } = sealEnvelope({ schema_id, producer_id: "a", producer_kind: "tool", created_at: timeOf(second), inputs: [], payload });
  return stored(name, bytes, schema_id, "json");
}

function sourceOf(all: readonly Stored[], schema: JsonObject | null = null): ContentSource {
  return { artifact: async (id) => all.find((one) => one.artifact.artifact_id === id) ?? null, schema: async () => schema };
}

async function compared(a: Stored, b: Stored, schema: JsonObject | null = null): ReturnType<typeof compareContent> {
  return compareContent(sourceOf([a, b], schema), a.artifact.artifact_id, b.artifact.artifact_id);
}

const file = (name: string, text: string): Stored => stored(name, new TextEncoder().encode(text), "file", "file");

describe("content", () => {
  it("B5: of structured artifacts is their payload, never their envelope", async () => {
    const [a, b] = [envelope("a", { rows: 3 }, 1), envelope("b", { rows: 3 }, 2)];
    expect(a.artifact.digest).not.toBe(b.artifact.digest);
    expect(await compared(a, b)).toEqual({ verdict: "identical", reason: null });
    expect(await contentDigest(sourceOf([a, b]), a.artifact)).toBe(await contentDigest(sourceOf([a, b]), b.artifact));
    expect(await compared(a, envelope("c", { rows: 4 }, 1))).toEqual({ verdict: "diverged", reason: "the payloads differ at /rows" });
    expect(await compared(a, envelope("d", [3], 1))).toEqual({ verdict: "diverged", reason: "the payloads differ at their root" });
    expect(await compared(a, envelope("e", { rows: 3 }, 1, "table.v2"))).toEqual({ verdict: "diverged", reason: "one is a table.v1, the other a table.v2" });
  });

  it("B5: of files is their bytes", async () => {
    expect(await compared(file("a", "x"), file("b", "x"))).toEqual({ verdict: "identical", reason: null });
    expect(await compared(file("a", "x"), file("b", "y"))).toEqual({ verdict: "diverged", reason: "the files have other bytes" });
    expect(await compared(file("a", "x"), envelope("b", {}, 1))).toMatchObject({ verdict: "diverged" });
    expect(await contentDigest(sourceOf([]), file("a", "x").artifact)).toBe(digestBytes("x"));
    const gone = envelope("gone", {}, 1);
    expect(await contentDigest(sourceOf([]), gone.artifact)).toBe(gone.artifact.digest);
  });

  it("B5: that the store does not have any more is not compared", async () => {
    const one = file("a", "x");
    expect(await compareContent(sourceOf([one]), one.artifact.artifact_id, artifact("b"))).toMatchObject({
      verdict: "not_comparable",
      reason: expect.stringContaining(artifact("b")),
    });
    expect(await compareContent(sourceOf([one]), artifact("b"), one.artifact.artifact_id)).toMatchObject({ verdict: "not_comparable" });
  });

  const varies = { "x-lily-varies": true };
  it.each<readonly [what: string, schema: JsonObject, a: JsonValue, b: JsonValue, place: string | null]>([
    ["a member", { properties: { at: varies } }, { at: 1, n: 2 }, { at: 9, n: 2 }, null],
    ["a member that only one has", { properties: { at: varies } }, { at: 1 }, {}, null],
    ["another member", { properties: { at: varies } }, { at: 1, n: 2 }, { at: 9, n: 3 }, "/n"],
    ["every other member", { additionalProperties: varies, properties: { n: {} } }, { x: 1, n: 2 }, { x: 3, n: 2 }, null],
    ["an item", { items: { properties: { at: varies } } }, [{ at: 1 }, { at: 2 }], [{ at: 3 }, { at: 4 }], null],
    ["the first of a tuple", { prefixItems: [varies], items: {} }, [1, 2], [5, 2], null],
    ["behind a tuple", { prefixItems: [varies], items: {} }, [1, 2], [5, 3], "/1"],
    ["lists of other lengths", { items: varies }, [1], [1, 2], ""],
    ["a reference", { $defs: { time: varies }, properties: { at: { $ref: "#/$defs/time" } } }, { at: 1 }, { at: 2 }, null],
    ["a reference to nothing", { properties: { at: { $ref: "#/$defs/none" } } }, { at: 1 }, { at: 2 }, "/at"],
    ["a reference in a circle", { $defs: { a: { $ref: "#/$defs/a" } }, properties: { at: { $ref: "#/$defs/a" } } }, { at: 1 }, { at: 2 }, "/at"],
    ["a name with a slash", {}, { "a/b~c": 1 }, { "a/b~c": 2 }, "/a~1b~0c"],
    ["the whole", varies, 1, "x", null],
    ["numbers that print alike", {}, { n: 1 }, { n: 1.0 }, null],
  ])("B5: %s may differ as the schema says", (_what, schema, a, b, place) => {
    expect(firstDifference(a, b, schema, schema, "")).toBe(place);
    expect(firstDifference(b, a, schema, schema, "")).toBe(place);
  });

  it("B5: is equal by schema when nothing but what varies differs", async () => {
    const schema: JsonObject = { properties: { at: varies } };
    expect(await compared(envelope("a", { at: 1, n: 2 }, 1), envelope("b", { at: 2, n: 2 }, 1), schema)).toMatchObject({ verdict: "equal_by_schema" });
    expect(await compared(envelope("a", { at: 1, n: 2 }, 1), envelope("b", { at: 2, n: 2 }, 1), null)).toMatchObject({ verdict: "diverged" });
  });
});
