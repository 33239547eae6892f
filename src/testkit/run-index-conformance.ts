import { describe, expect, it } from "vitest";
import { type Digest, digestBytes } from "../base/digest.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { EventBody, LedgerEvent } from "../contracts/event.ts";
import { type ArtifactId, type RunId, runOfStream, runStream, type StreamId, workspaceStream } from "../contracts/ids.ts";
import type { StreamHead } from "../ports/journal.ts";
import type { RunIndex } from "../ports/run-index.ts";

type Batch = { readonly head: StreamHead; readonly events: readonly LedgerEvent[] };

function batchOf(stream: StreamId, fromSeq: number, bodies: readonly EventBody[], day = 1): Batch {
  const events = bodies.map((body, i): LedgerEvent => {
    const seq = fromSeq + i;
    return {
      ...body,
      v: 1,
      stream,
      seq,
      prev: null,
      token: 1,
      at: `2026-01-0${day}T00:00:0${seq % 10}.000Z`,
      by: "user:ada",
      hash: digestBytes(`${stream}${seq}`),
    };
  });
  return { head: { stream, size: fromSeq + bodies.length, bytes: 0, hash: null }, events };
}

function created(title: string | null): EventBody {
  const shared = { workspace_id: "w", format: 1, kernel_version: "0", kind: "workflow" } as const;
  return { kind: "RUN_CREATED", key: "RUN_CREATED", data: title === null ? shared : { ...shared, title } };
}

const started: EventBody = { kind: "RUN_STARTED", key: "RUN_STARTED", data: { inputs: {}, parallel: 1 } };
const planned: EventBody = {
  kind: "PLAN_COMMITTED",
  key: "PLAN_COMMITTED",
  data: { plan_hash: digestBytes("p"), artifact_id: artifactId(99), workflow: "weather", source_dir: "/x" },
};
const ended = (kind: "RUN_SUCCEEDED" | "RUN_FAILED" | "RUN_BLOCKED" | "RUN_CANCELED"): EventBody => ({ kind, key: kind, data: { reason: "because" } });

function artifactId(n: number): ArtifactId {
  return `art_${String(n).padStart(32, "0")}` as ArtifactId;
}

function stored(n: number, run: string, options: { readonly inputs?: readonly number[]; readonly inline?: string; readonly type?: string } = {}): EventBody {
  const artifact: ArtifactRef = {
    artifact_id: artifactId(n),
    run_id: run as RunId,
    artifact_type: options.type ?? "file",
    storage_kind: "file",
    digest: digestBytes(String(n)) as Digest,
    size: 1,
    media_type: "text/plain",
    artifact_name: `name-${n}`,
    producer_id: "clean",
    producer_kind: "tool",
    created_at: "2026-01-01T00:00:00.000Z",
    inputs: (options.inputs ?? []).map(artifactId),
  };
  return { kind: "ARTIFACT_STORED", key: `ARTIFACT_STORED/${n}`, data: options.inline === undefined ? { artifact } : { artifact, inline: options.inline } };
}

const one = runStream("one" as RunId);

/** What every run index promises. `open` makes a fresh, empty one for each case; `reopen` opens the same again when it can be kept. */
export function runIndexConformance(open: () => Promise<{ readonly index: RunIndex; readonly reopen: (() => Promise<RunIndex>) | null }>): void {
  it("is empty at first", async () => {
    const { index } = await open();
    expect([await index.cursor(), await index.folded(one), await index.runs({}), await index.artifacts({})]).toEqual([0, 0, [], []]);
  });

  it("L6: folds a run from its events", async () => {
    const { index } = await open();
    await index.apply([batchOf(one, 0, [created("Daily"), planned, started])], 7);
    expect(await index.runs({})).toEqual([
      {
        run_id: runOfStream(one),
        kind: "workflow",
        workflow: "weather",
        title: "Daily",
        status: "running",
        created_at: "2026-01-01T00:00:00.000Z",
        updated_at: "2026-01-01T00:00:02.000Z",
        events: 3,
      },
    ]);
    expect([await index.cursor(), await index.folded(one)]).toEqual([7, 3]);
  });

  it.each([
    ["created", []],
    ["planned", [planned]],
    ["running", [planned, started]],
    ["succeeded", [started, ended("RUN_SUCCEEDED")]],
    ["failed", [started, ended("RUN_FAILED")]],
    ["blocked", [started, ended("RUN_BLOCKED")]],
    ["canceled", [started, ended("RUN_CANCELED")]],
    ["running", [started, ended("RUN_BLOCKED"), { kind: "RUN_UNBLOCKED", key: "u", data: { reason: "ok" } }]],
    ["running", [started, ended("RUN_FAILED"), { kind: "RUN_REOPENED", key: "r", data: { reason: "rerun" } }]],
    ["failed", [started, ended("RUN_FAILED"), stored(1, "one")]],
  ] satisfies [string, EventBody[]][])("L6: status is %s after its events", async (status, bodies) => {
    const { index } = await open();
    await index.apply([batchOf(one, 0, [created(null), ...bodies])], 1);
    expect((await index.runs({})).map((row) => [row.status, row.title])).toEqual([[status, null]]);
    expect(await index.runs({ status })).toHaveLength(1);
    expect(await index.runs({ status: "other" })).toEqual([]);
  });

  it("L6: events that were folded before are ignored, so two writers do no harm", async () => {
    const { index } = await open();
    const all = [created(null), started, stored(1, "one"), ended("RUN_SUCCEEDED")];
    await index.apply([batchOf(one, 0, all.slice(0, 2))], 1);
    await index.apply([batchOf(one, 0, all)], 2);
    await index.apply([batchOf(one, 1, all.slice(1, 3))], 1);
    expect([await index.folded(one), await index.cursor()]).toEqual([4, 2]);
    expect((await index.runs({}))[0]).toMatchObject({ status: "succeeded", events: 4, updated_at: "2026-01-01T00:00:03.000Z" });
    expect(await index.artifacts({})).toHaveLength(1);
  });

  it("INDEX_DAMAGED: a gap is refused whole", async () => {
    const { index } = await open();
    await expect(index.apply([batchOf(workspaceStream, 0, [stored(5, "workspace")]), batchOf(one, 1, [started])], 3)).rejects.toMatchObject({
      code: "INDEX_DAMAGED",
    });
    expect([await index.cursor(), await index.artifacts({})]).toEqual([0, []]);
  });

  it("lists the newest run first, by prefix and up to a limit", async () => {
    const { index } = await open();
    await index.apply(
      ["aa1", "aa2", "b_c", "b%c"].map((id, i) => batchOf(runStream(id as RunId), 0, [created(id)], i + 1)),
      1,
    );
    const ids = async (filter: Parameters<RunIndex["runs"]>[0]): Promise<readonly string[]> => (await index.runs(filter)).map((row) => row.run_id);
    expect(await ids({})).toEqual(["b%c", "b_c", "aa2", "aa1"]);
    expect(await ids({ idPrefix: "aa" })).toEqual(["aa2", "aa1"]);
    expect(await ids({ idPrefix: "b_" })).toEqual(["b_c"]);
    expect(await ids({ idPrefix: "" })).toHaveLength(4);
    expect(await ids({ limit: 1 })).toEqual(["b%c"]);
  });

  it("A3: finds artifacts by every member and by id prefix, and who used them", async () => {
    const { index } = await open();
    await index.apply(
      [
        batchOf(one, 0, [
          created(null),
          stored(1, "one"),
          stored(2, "one", { inputs: [1], inline: "text", type: "report.v1" }),
          stored(3, "one", { inputs: [1, 2] }),
        ]),
      ],
      1,
    );
    const names = (rows: Awaited<ReturnType<RunIndex["artifacts"]>>): readonly (string | undefined)[] => rows.map((row) => row.artifact.artifact_name);
    expect(names(await index.artifacts({ run_id: "one" }))).toEqual(["name-1", "name-2", "name-3"]);
    expect(names(await index.artifacts({ artifact_type: "report.v1" }))).toEqual(["name-2"]);
    expect(names(await index.artifacts({ artifact_name: "name-3", producer_id: "clean" }))).toEqual(["name-3"]);
    expect(names(await index.artifacts({ digest: digestBytes("1") }))).toEqual(["name-1"]);
    expect(names(await index.artifacts({ limit: 2 }))).toEqual(["name-1", "name-2"]);
    expect(names(await index.artifacts({ run_id: "two" }))).toEqual([]);
    expect(names(await index.artifact(artifactId(2)))).toEqual(["name-2"]);
    expect(await index.artifact("art_0000")).toHaveLength(3);
    expect(names(await index.consumers(artifactId(1)))).toEqual(["name-2", "name-3"]);
    expect((await index.artifact(artifactId(2)))[0]).toMatchObject({ stream: one, seq: 2, inline: true });
    expect((await index.artifact(artifactId(1)))[0]).toMatchObject({ inline: false, artifact: { inputs: [], size: 1 } });
  });

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

  it("L6: cleared and folded again it answers the same", async () => {
    const { index } = await open();
    const batches = [
      batchOf(one, 0, [created("t"), planned, started, stored(1, "one"), stored(2, "one", { inputs: [1] })]),
      batchOf(workspaceStream, 0, [stored(7, "workspace")]),
    ];
    await index.apply(batches, 4);
    const views = async (): Promise<unknown> => [await index.runs({}), await index.artifacts({}), await index.consumers(artifactId(1)), await index.cursor()];
    const before = await views();
    await index.clear();
    expect(await views()).toEqual([[], [], [], 0]);
    await index.apply(batches.toReversed(), 4);
    expect(await views()).toEqual(before);
  });

  it("is the same after it was closed and opened again", async () => {
    const { index, reopen } = await open();
    await index.apply([batchOf(one, 0, [created("t")])], 4);
    if (reopen === null) return;
    await index.close();
    const again = await reopen();
    expect([await again.cursor(), (await again.runs({})).length]).toEqual([4, 1]);
    await again.close();
  });
}
