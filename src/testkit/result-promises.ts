import { describe, expect, it } from "vitest";
import { digestBytes } from "../base/digest.ts";
import type { EventBody } from "../contracts/event.ts";
import { type RunId, runOfStream, runStream } from "../contracts/ids.ts";
import type { RunIndex } from "../ports/run-index.ts";
import { artifactId, batchOf, created, planned, started, stored } from "./indexed-events.ts";

const one = runStream("one" as RunId);

/** What every run index promises about results of pure steps. `open` makes a fresh, empty one for each case. */
export function resultPromises(open: () => Promise<{ readonly index: RunIndex }>): void {
  describe("results of pure steps", () => {
    const two = runStream("two" as RunId);
    const key = digestBytes("key");
    const done = (n: number, attempt = 1): readonly EventBody[] => [
      stored(n, "one", { type: "step_materials.v1", inline: `materials ${n}` }),
      {
        kind: "STEP_COMPLETED",
        key: `c${n}`,
        data: {
          step_id: "clean",
          attempt,
          outputs: {},
          artifacts: [],
          logs: [],
          duration_ms: 1,
          executor: { kind: "process" },
          materials: { key, artifact_id: artifactId(n) },
        },
      },
    ];
    const startedStep = (attempt: number): EventBody => ({
      kind: "STEP_STARTED",
      key: `s${attempt}`,
      data: { step_id: "clean", attempt, cause: "ready", inputs: [] },
    });
    const gate = (kind: "GATE_PASSED" | "GATE_FAILED" | "GATE_ERROR", more: { readonly required?: boolean; readonly dry_run?: boolean } = {}): EventBody => ({
      kind,
      key: kind,
      data: {
        gate_id: "g",
        step_id: "clean",
        attempt: 1,
        required: true,
        reason: null,
        result_artifact_id: artifactId(90),
        log_artifact_ids: [],
        duration_ms: 1,
        ...more,
      },
    });
    const reused: EventBody = {
      kind: "STEP_REUSED",
      key: "reused",
      data: {
        step_id: "clean",
        attempt: 0,
        cause: "pure",
        from: { run_id: runOfStream(one) ?? ("" as RunId), step_id: "clean", attempt: 1, event: digestBytes("e") },
        outputs: {},
        artifacts: [],
        why_artifact_id: artifactId(91),
      },
    };
    const replacedOutput: EventBody = {
      kind: "ARTIFACT_REPLACED",
      key: "replaced",
      data: {
        original_artifact_id: artifactId(1),
        replacement_artifact_id: artifactId(2),
        artifact_id: artifactId(3),
        step_id: "clean",
        name: "o",
        reason: "r",
      },
    };
    const violation: EventBody = {
      kind: "POLICY_VIOLATION",
      key: "violation",
      data: { step_id: "clean", attempt: 1, violation_type: "write_denied", details: "d", artifact_id: artifactId(5) },
    };
    const begin = [created(null), planned, started, startedStep(1)];
    const runsOf = async (index: RunIndex, filter: Parameters<RunIndex["results"]>[0]): Promise<readonly string[]> =>
      (await index.results(filter, 10)).map((row) => `${row.run_id}/${row.attempt}`);

    it("are found by key and by step of a workflow, with their materials", async () => {
      const { index } = await open();
      await index.apply([batchOf(one, 0, [...begin, ...done(1)])], 1);
      const [row] = await index.results({ key }, 10);
      expect(row).toMatchObject({ workflow: "weather", step_id: "clean", attempt: 1, seq: 5, event: digestBytes(`${one}5`), key, materials: null });
      const [compared] = await index.results({ workflow: "weather", step_id: "clean" }, 10);
      expect([compared?.materials?.artifact_id, compared?.inline]).toEqual([artifactId(1), "materials 1"]);
      expect(await index.results({ key: digestBytes("other") }, 10)).toEqual([]);
      expect(await runsOf(index, { workflow: "weather", step_id: "clean" })).toEqual(["one/1"]);
      expect(await runsOf(index, { workflow: "weather", step_id: "other" })).toEqual([]);
      expect(await runsOf(index, { workflow: "other", step_id: "clean" })).toEqual([]);
    });

    it.each([
      ["a required gate that failed", [gate("GATE_FAILED")]],
      ["a required gate that erred", [gate("GATE_ERROR")]],
      ["a required gate that failed when it was judged again", [gate("GATE_PASSED"), gate("GATE_FAILED", { dry_run: true })]],
      ["a violation", [violation]],
      ["a replaced output", [replacedOutput]],
      ["another attempt", [startedStep(2)]],
      ["a run left incomplete", [{ kind: "RUN_INCOMPLETE", key: "i", data: { reason: "r" } }]],
    ] satisfies [string, EventBody[]][])("E4: %s speaks against a result", async (_, bodies) => {
      const { index } = await open();
      await index.apply([batchOf(one, 0, [...begin, ...done(1), ...bodies])], 1);
      expect(await runsOf(index, { key })).toEqual([]);
    });

    it("E4: a result that something speaks against is listed apart, with the first event that does", async () => {
      const { index } = await open();
      await index.apply([batchOf(one, 0, [...begin, ...done(1), gate("GATE_PASSED"), gate("GATE_FAILED", { dry_run: true }), replacedOutput])], 1);
      for (const filter of [{ key }, { workflow: "weather", step_id: "clean" }]) {
        expect(await index.results(filter, 10)).toEqual([]);
        expect((await index.results({ ...filter, spoiled: true }, 10)).map((row) => [row.run_id, row.against])).toEqual([["one", { run_id: "one", seq: 7 }]]);
      }
      await index.apply([batchOf(two, 0, [created(null), planned, started, startedStep(1), ...done(2)], 2)], 2);
      expect((await index.results({ key }, 10)).map((row) => [row.run_id, row.against])).toEqual([["two", null]]);
    });

    it.each([
      ["a gate that failed when it was judged again", gate("GATE_FAILED", { dry_run: true }), true],
      ["a gate that erred when it was judged again", gate("GATE_ERROR", { dry_run: true }), true],
      ["a replaced output", replacedOutput, true],
      ["an optional gate that failed", gate("GATE_FAILED", { dry_run: true, required: false }), false],
      ["that the run was left incomplete", { kind: "RUN_INCOMPLETE", key: "i", data: { reason: "r" } }, false],
    ] satisfies [string, EventBody, boolean][])(
      "E4, L6: %s in a run that stands on a result, in whatever order streams are folded",
      async (_, body, isAgainst) => {
        const made = batchOf(one, 0, [...begin, ...done(1)], 1);
        const fork: EventBody = reused.kind === "STEP_REUSED" ? { ...reused, data: { ...reused.data, cause: "fork" } } : reused;
        const users = [
          ["three", reused],
          ["four", fork],
        ] as const;
        for (const [name, use] of users) {
          const user = batchOf(runStream(name as RunId), 0, [created(null), planned, started, use, body, { ...body, key: "again" }], 2);
          for (const batches of [
            [made, user],
            [user, made],
          ]) {
            const { index } = await open();
            await index.apply(batches, 1);
            expect(await runsOf(index, { key })).toEqual(isAgainst ? [] : ["one/1"]);
            const spoiled = await index.results({ key, spoiled: true }, 10);
            expect(spoiled.map(({ against }) => against)).toEqual(isAgainst ? [{ run_id: name, seq: 4 }] : []);
          }
        }
      },
    );

    it("E4, L6: of several runs that speak against a result the first by id is named, and a row comes once", async () => {
      const made = batchOf(one, 0, [...begin, ...done(1)], 1);
      const users = ["three", "four"].map((name) => batchOf(runStream(name as RunId), 0, [created(null), planned, started, reused, replacedOutput], 2));
      for (const batches of [
        [made, ...users],
        [...users.toReversed(), made],
      ]) {
        const { index } = await open();
        await index.apply(batches, 1);
        expect((await index.results({ key, spoiled: true }, 10)).map(({ against }) => against)).toEqual([{ run_id: "four", seq: 4 }]);
      }
    });

    it("E4: what an attempt of its own does in a run that stood on a result says nothing about that", async () => {
      const { index } = await open();
      const user = batchOf(runStream("three" as RunId), 0, [created(null), planned, started, reused, startedStep(1), gate("GATE_FAILED")], 2);
      await index.apply([batchOf(one, 0, [...begin, ...done(1)], 1), user], 1);
      expect(await runsOf(index, { key })).toEqual(["one/1"]);
    });

    it("L6: cleared, nothing of what spoke against results is left", async () => {
      const { index } = await open();
      const made = batchOf(one, 0, [...begin, ...done(1)], 1);
      await index.apply([made, batchOf(runStream("three" as RunId), 0, [created(null), planned, started, reused, replacedOutput], 2)], 1);
      await index.clear();
      await index.apply([made, batchOf(runStream("three" as RunId), 0, [created(null), planned, started, replacedOutput], 2)], 1);
      expect(await runsOf(index, { key })).toEqual(["one/1"]);
    });

    it.each([
      ["a gate that passed", gate("GATE_PASSED")],
      ["an optional gate that failed", gate("GATE_FAILED", { required: false })],
    ])("E4: %s does not", async (_, body) => {
      const { index } = await open();
      await index.apply([batchOf(one, 0, [...begin, ...done(1), body])], 1);
      expect(await runsOf(index, { key })).toEqual(["one/1"]);
    });

    it("the last attempt of a step is its result", async () => {
      const { index } = await open();
      await index.apply([batchOf(one, 0, [...begin, ...done(1), startedStep(2), ...done(2, 2)])], 1);
      expect(await runsOf(index, { key })).toEqual(["one/2"]);
    });

    it("L6: what was used last comes first, in whatever order streams are folded", async () => {
      const older = batchOf(one, 0, [...begin, ...done(1)], 1);
      const newer = batchOf(two, 0, [created(null), planned, started, startedStep(1), ...done(2)], 2);
      const use = batchOf(runStream("three" as RunId), 0, [created(null), reused], 3);
      for (const batches of [
        [older, newer, use],
        [use, newer, older],
      ]) {
        const { index } = await open();
        await index.apply(batches, 1);
        expect(await runsOf(index, { workflow: "weather", step_id: "clean" })).toEqual(["one/1", "two/1"]);
        expect((await index.results({ key }, 1)).map((row) => row.used_at.slice(0, 10))).toEqual(["2026-01-03"]);
      }
    });

    it("A3: an artifact that another run records again stays where it was made", async () => {
      const made = batchOf(one, 0, [created(null), stored(1, "one")]);
      const again = batchOf(two, 0, [created(null), started, stored(1, "one")]);
      for (const batches of [
        [made, again],
        [again, made],
      ]) {
        const { index } = await open();
        await index.apply(batches, 1);
        expect((await index.artifacts({})).map(({ stream, seq }) => [stream, seq])).toEqual([[one, 1]]);
      }
    });
  });
}
