import { describe, expect, test } from "vitest";
import { taggedDigest } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import type { Material } from "../contracts/materials.ts";
import { parseRunId } from "../contracts/ids.ts";
import type { StepState } from "../graph/run-state.ts";
import { planOf, step, ToldRun } from "../graph/scheduler.test-support.ts";
import type { ResultRow } from "../ports/run-index.ts";
import { type LookedUp, lookUp, type LookupParts } from "./reuse-lookup.ts";

const key = taggedDigest("event", "key");
const one = taggedDigest("event", "one");
const two = taggedDigest("event", "two");
const now: readonly Material[] = [{ kind: "code", name: "a.sh", digest: two }];
const before: readonly Material[] = [{ kind: "code", name: "a.sh", digest: one }];
const listOf = (materials: readonly Material[]): string => JSON.stringify({ payload: { step_id: "a", key, materials } });
const row = (run: string, more: object = {}): ResultRow =>
  ({ run_id: parseRunId(run), step_id: "a", attempt: 1, materials: { artifact_id: "m" }, inline: listOf(before), ...more }) as unknown as ResultRow;

interface Setting {
  readonly sameKey?: readonly ResultRow[];
  readonly spoiledKey?: readonly ResultRow[];
  readonly ofStep?: readonly ResultRow[];
  readonly spoiledStep?: readonly ResultRow[];
  readonly find?: (row: ResultRow) => unknown;
  readonly bytesProblem?: string | null;
  readonly objection?: string | null;
  readonly read?: () => Promise<unknown>;
}

/** What is said of step a, and whether it is reused. */
async function lookedUp(setting: Setting): Promise<{ readonly kind: LookedUp["kind"]; readonly because: string; readonly comparedWith: string | null }> {
  const whys: { because: string; compared_with: { run_id: string } | null }[] = [];
  const results = async (filter: object): Promise<readonly ResultRow[]> => {
    const isSpoiled = "spoiled" in filter;
    if ("key" in filter) return (isSpoiled ? setting.spoiledKey : setting.sameKey) ?? [];
    return (isSpoiled ? setting.spoiledStep : setting.ofStep) ?? [];
  };
  const artifacts = {
    prepareJson: async ({ value }: { value: (typeof whys)[number] }) => {
      whys.push(value);
      return { artifact: { artifact_id: "why" } };
    },
    readArtifact: async () => new Uint8Array(),
    payloadOf: () => ({ step_id: "a", key, materials: before }),
  };
  const plan = planOf([step("a")]);
  const [state] = new ToldRun(plan).state.steps;
  const run = { runId: "run-z", plan, deps: { artifacts, clock: { nowMs: () => 0 }, index: async () => ({ results }) } };
  const sources = {
    find: async (found: ResultRow) => setting.find?.(found) ?? { problem: "it is gone" },
    bytesProblem: async () => setting.bytesProblem ?? null,
    objection: async () => setting.objection ?? null,
  };
  const materials = { read: setting.read ?? (async () => ({ kind: "known", key, materials: now })) };
  const { kind } = await lookUp({ run, sources, materials } as unknown as LookupParts, state as StepState);
  const [why] = whys;
  return { kind, because: why?.because ?? "", comparedWith: why?.compared_with?.run_id ?? null };
}

const done = (run: string, more: object = {}): object => ({
  event: { stream: `run/${run}`, hash: one, data: { step_id: "a", attempt: 1, outputs: {}, artifacts: [], ...more } },
  artifacts: [{ ref: { artifact_id: "o" }, inline: null }],
  materialsArtifact: { ref: { artifact_id: "m" }, inline: "text" },
  materials: before,
});

describe("a lookup", () => {
  test("takes the newest result that counts", async () => {
    const found = await lookedUp({ sameKey: [row("run-c"), row("run-b")], find: ({ run_id }) => (run_id === "run-b" ? done("run-b") : { problem: "no" }) });
    expect(found).toMatchObject({ kind: "reuse", comparedWith: "run-b" });
  });

  test("names the newest result of its key that cannot be used, and what is wrong with it", async () => {
    const lost = await lookedUp({ sameKey: [row("run-c"), row("run-b")], find: () => done("run-c"), bytesProblem: "bytes are gone" });
    expect(lost).toMatchObject({ kind: "start", comparedWith: "run-c", because: expect.stringContaining("run-c, attempt 1 cannot be used (bytes are gone)") });
    const spoiled = await lookedUp({ spoiledKey: [row("run-b")], objection: "it broke a rule" });
    expect(spoiled).toMatchObject({ comparedWith: "run-b", because: expect.stringContaining("cannot be used (it broke a rule)") });
  });

  test.each([
    ["in its event", {}],
    ["in the store", { inline: null }],
  ])("compares with the closest result whose materials are %s, as its record tells them", async (_, more) => {
    const found = await lookedUp({ ofStep: [row("run-b", more)], find: () => done("run-b") });
    expect(found).toMatchObject({ kind: "start", comparedWith: "run-b", because: expect.stringContaining("a.sh") });
  });

  test.each([
    ["has no materials", { materials: null }],
    ["has materials that are none", { inline: "[]" }],
    ["has materials of another form", { inline: "7" }],
    ["has materials that are no JSON", { inline: "{" }],
  ])("compares with no result that %s", async (_, more) => {
    const found = await lookedUp({ ofStep: [row("run-b", more)], find: () => done("run-b") });
    expect(found).toEqual({ kind: "start", comparedWith: null, because: "step a ran: there is no earlier result of it to compare with" });
  });

  test("says what speaks against the results of a step when none of them counts", async () => {
    const found = await lookedUp({ ofStep: [row("run-b")], spoiledStep: [row("run-b")], objection: "it broke a rule" });
    expect(found.because).toBe("step a ran: no earlier result of it counts (of run run-b, attempt 1: it broke a rule)");
  });

  test("that cannot be done makes the step run and says why, and a mistake of Lily's own is none of these", async () => {
    expect((await lookedUp({ read: async () => ({ kind: "unknown", reason: "no tool" }) })).because).toBe(
      "step a ran: what it depends on cannot be told, because no tool",
    );
    expect((await lookedUp({ read: () => Promise.reject(new LilyError("STORAGE_FAILED", "disk")) })).because).toBe(
      "step a ran: earlier results could not be looked up (STORAGE_FAILED: disk)",
    );
    await expect(lookedUp({ read: () => Promise.reject(new TypeError("x")) })).rejects.toThrow(TypeError);
  });
});
