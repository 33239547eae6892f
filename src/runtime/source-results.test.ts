import { describe, expect, test } from "vitest";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";
import { taggedDigest } from "../base/digest.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { LilyError } from "../base/lily-error.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { Material } from "../contracts/materials.ts";
import { parseRunId } from "../contracts/ids.ts";
import { gate, planOf, step } from "../graph/scheduler.test-support.ts";
import { reuseKey } from "../judge/why.ts";
import type { ResultRow } from "../ports/run-index.ts";
import { type SourceResult, SourceResults } from "./source-results.ts";

const digest = taggedDigest("event", "x");
const materials: readonly Material[] = [{ kind: "code", name: "a.mjs", digest }];
const key = reuseKey(materials);
const plan = canonicalJson(JSON.parse(JSON.stringify(planOf([step("a", [], { gates: [gate("g"), gate("soft", false)] }), step("b")]))));
const list = JSON.stringify({ step_id: "a", key, materials });

interface Told {
  readonly kind: string;
  readonly data: object;
  readonly hash?: string;
}

const stored = (id: string): Told => ({ kind: "ARTIFACT_STORED", data: { artifact: { artifact_id: id, digest } } });
const committed: Told = { kind: "PLAN_COMMITTED", data: { artifact_id: "plan", plan_hash: taggedDigest("plan", plan) } };
const started = (id = "a", attempt = 1): Told => ({ kind: "STEP_STARTED", data: { step_id: id, attempt } });
const completed = (more: object = {}, id = "a"): Told => ({
  kind: "STEP_COMPLETED",
  hash: digest,
  data: { step_id: id, attempt: 1, outputs: { o: digest }, artifacts: ["o"], materials: { artifact_id: "m", key }, ...more },
});
const judged = (kind: string, gateId: string, more: object = {}): Told => ({
  kind,
  data: { step_id: "a", gate_id: gateId, required: gateId === "g", ...more },
});
const passed = [judged("GATE_PASSED", "g"), judged("GATE_FAILED", "soft")];
const ended: Told = { kind: "RUN_SUCCEEDED", data: {} };
const whole = [stored("plan"), committed, stored("m"), stored("o"), started(), completed(), ...passed, ended];
const without = (kind: string): readonly Told[] => whole.filter((one) => one.kind !== kind);

const row = { run_id: parseRunId("run-a"), step_id: "a", attempt: 1, event: digest, key, against: null } as unknown as ResultRow;

/** Results of a run with this record; its list of materials is this text. */
function resultsOf(record: readonly Told[], text = list): SourceResults {
  const events = record.map((one, seq) => ({ ...one, seq })) as unknown as readonly LedgerEvent[];
  const ledger = {
    readStream: async function* (_: unknown, { fromSeq = 0 } = {}) {
      yield* events.slice(fromSeq);
    },
  };
  const artifacts = {
    readArtifact: async (ref: ArtifactRef) => new TextEncoder().encode(String(ref.artifact_id) === "plan" ? plan : text),
    payloadOf: (_: ArtifactRef, bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes)),
  } as unknown as ArtifactStore;
  const objects = { open: () => Promise.reject(new LilyError("OBJECT_MISSING", "gone")) };
  return new SourceResults({ ledger, artifacts, objects } as unknown as ConstructorParameters<typeof SourceResults>[0]);
}

describe("an earlier result", () => {
  test("counts when its record holds it, it passed its gates and its run came to rest", async () => {
    const results = resultsOf(whole);
    const found = (await results.find(row)) as SourceResult;
    expect([found.event.hash, found.materials, found.artifacts.length]).toEqual([digest, materials, 1]);
    expect(await results.bytesProblem(found)).toBe("OBJECT_MISSING: gone");
    expect(await results.bytesProblem({ ...found, artifacts: found.artifacts.map((one) => ({ ...one, inline: "text" })) })).toBe(null);
  });

  test.each<readonly [string, readonly Told[], string]>([
    ["without a plan", without("PLAN_COMMITTED"), "run run-a has no plan"],
    ["without its end", without("RUN_SUCCEEDED"), "its run is planned"],
    ["without verdicts", without("GATE_PASSED"), "gate g did not pass"],
    ["where an optional gate was not judged", without("GATE_FAILED"), "gate soft did not pass"],
    ["where a gate passed only when it was judged again", [...without("GATE_PASSED"), judged("GATE_PASSED", "g", { dry_run: true })], "gate g did not pass"],
    ["where a gate of the run is called the same", [...without("GATE_PASSED"), judged("GATE_PASSED", "g", { step_id: undefined })], "gate g did not pass"],
    [
      "where it failed when it was judged again",
      [...whole, judged("GATE_FAILED", "g", { dry_run: true })],
      "required gate g did not pass when it was judged again",
    ],
    ["of an attempt that is not the last", [...whole, started("a", 2)], "the record does not hold what the index says"],
    ["without its start", without("STEP_STARTED"), "the record does not hold what the index says"],
    ["of something that it changed beside", [...whole, { kind: "SIDE_EFFECT_OBSERVED", data: { step_id: "a" } }], "it changed something beside its outputs"],
    ["without materials", [...without("STEP_COMPLETED"), completed({ materials: undefined })], "its record holds no materials"],
    ["whose materials are not stored", [...without("STEP_COMPLETED"), completed({ materials: { artifact_id: "x", key } })], "its record holds no materials"],
    ["of another key", [...without("STEP_COMPLETED"), completed({ materials: { artifact_id: "m", key: digest } })], "its materials do not give its key"],
    ["whose artifact is not stored", [...without("STEP_COMPLETED"), completed({ artifacts: ["x"] })], "its record does not hold the artifacts that it names"],
    ["with another digest", [...without("STEP_COMPLETED"), completed({ outputs: { o: key } })], "its record does not hold the artifacts that it names"],
  ])("does not count in a record %s", async (_, record, problem) => {
    expect(await resultsOf(record).find(row)).toEqual({ problem });
  });

  test("does not count when its plan has no such step, and what is said of other steps changes nothing", async () => {
    const other = { ...row, step_id: "z" };
    const record = [...whole, { kind: "SIDE_EFFECT_OBSERVED", data: { step_id: "y" } }, completed({}, "y"), started("z"), completed({}, "z")];
    expect(await resultsOf(record).find(other)).toEqual({ problem: "the plan of its run has no step z" });
    expect(await resultsOf(record).find(row)).toMatchObject({ event: { hash: digest } });
  });

  test("does not count when its materials are no list of materials, or do not give its key", async () => {
    expect(await resultsOf(whole, "{}").find(row)).toEqual({ problem: "its materials are no list of materials" });
    expect(await resultsOf(whole, JSON.stringify({ step_id: "a", key, materials: [] })).find(row)).toEqual({ problem: "its materials do not give its key" });
    await expect(resultsOf(whole, "{").find(row)).rejects.toThrow(SyntaxError);
  });
});

describe("what speaks against a result", () => {
  const violated = [...whole, { kind: "POLICY_VIOLATION", data: { step_id: "a" } }];
  const against = (seq: number, run = "run-a") => ({ ...row, against: { run_id: parseRunId(run), seq } });

  test("is told as its event tells it, with the run when it is another", async () => {
    const results = resultsOf(violated);
    expect(await results.objection(against(whole.length))).toBe("it was found to break the policy");
    expect(await results.objection(against(whole.length, "run-b"))).toBe("it was found to break the policy, in run run-b, which stands on it");
  });

  test("is nothing when nothing is named, or what is named does not say so", async () => {
    const results = resultsOf(violated);
    expect([
      await results.objection(row),
      await results.objection(against(5)),
      await results.objection(against(0)),
      await results.objection(against(99)),
    ]).toEqual([null, null, null, null]);
  });
});
