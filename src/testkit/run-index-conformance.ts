import { expect, it } from "vitest";
import { digestBytes } from "../base/digest.ts";
import type { EventBody } from "../contracts/event.ts";
import { type RunId, runOfStream, runStream, workspaceStream } from "../contracts/ids.ts";
import type { RunIndex } from "../ports/run-index.ts";
import { artifactId, batchOf, created, planned, started, stored } from "./indexed-events.ts";
import { resultPromises } from "./result-promises.ts";

const ended = (kind: "RUN_SUCCEEDED" | "RUN_FAILED" | "RUN_BLOCKED" | "RUN_CANCELED"): EventBody => ({ kind, key: kind, data: { reason: "because" } });

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

  resultPromises(open);

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
