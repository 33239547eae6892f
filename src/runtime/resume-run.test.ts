import { describe, expect, test } from "vitest";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";
import { taggedDigest } from "../base/digest.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import { committedPlan } from "./resume-run.ts";

const artifact = { artifact_id: "plan-1" } as ArtifactRef;

/** A record that says its plan has this hash, over a store that holds these bytes. */
function planOf(text: string, options: { readonly hashOf?: string; readonly stored?: boolean } = {}): ReturnType<typeof committedPlan> {
  const stored = { kind: "ARTIFACT_STORED", data: { artifact } };
  const committed = { kind: "PLAN_COMMITTED", data: { artifact_id: "plan-1", plan_hash: taggedDigest("plan", options.hashOf ?? text) } };
  const events = [...(options.stored === false ? [] : [stored]), committed] as unknown as LedgerEvent[];
  const artifacts = { readArtifact: async () => new TextEncoder().encode(text) } as unknown as ArtifactStore;
  return committedPlan(artifacts, events);
}

describe("the plan of a record", () => {
  test("is taken when its bytes give the hash, and is none before it is committed", async () => {
    expect((await planOf('{"steps":[],"v":1}'))?.plan).toEqual({ steps: [], v: 1 });
    expect(await committedPlan({} as ArtifactStore, [])).toBeNull();
  });

  test.each([
    ["whose artifact the record does not hold", "{}", { stored: false }, /not in the record/],
    ["that gives another hash", "{}", { hashOf: "[]" }, /does not give the plan hash/],
    ["of another version", '{"steps":[],"v":2}', {}, /not a plan of version 1/],
    ["that is no JSON", "{", {}, /cannot be used/],
  ])("A1: one %s is OBJECT_CORRUPT", async (_, text, options, message) => {
    await expect(planOf(text, options)).rejects.toMatchObject({ code: "OBJECT_CORRUPT", message: expect.stringMatching(message) });
  });
});
