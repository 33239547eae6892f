import { afterEach, beforeEach, expect, test } from "vitest";
import { isOwnerAlive } from "../../src/adapters/process/owner-liveness.ts";
import { openSqliteAuthority } from "../../src/adapters/sqlite/authority-store.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { digestBytes } from "../../src/base/digest.ts";
import type { EventDraft, LedgerEvent } from "../../src/contracts/event.ts";
import { parseRunId, runStream } from "../../src/contracts/ids.ts";
import { openLedger } from "../../src/ledger/ledger.ts";
import { localParts, localTrust } from "../../src/presets/local-parts.ts";
import { Bed, flow, sh } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

type Change = (draft: EventDraft) => readonly EventDraft[];

/** Writes a record of its own, sound in itself, that says what the fork says but for a change. */
async function forge(into: Bed, name: string, events: readonly LedgerEvent[], change: Change): Promise<void> {
  await into.close();
  const authority = await openSqliteAuthority({ dir: into.workspaceDir, clock: systemClock, isOwnerAlive });
  const parts = await localParts(into.workspaceDir, authority, localTrust(into.workspaceDir, into.dataHome), into.dataHome);
  const ledger = await openLedger({ authority, files: parts.files, clock: systemClock });
  const writer = await ledger.openWriter(runStream(parseRunId(name)), { token: 0 });
  const drafts = events.map(({ kind, key, data, by, at }) => ({ kind, key, data, by, at }) as EventDraft);
  await writer.append(drafts.flatMap(change));
  await ledger.close();
  await parts.index.close();
  await parts.files.close();
  await authority.close();
}

test("B5 S5: a claim that does not hold makes the fork corrupt, and says what does not", async () => {
  const steps = {
    a: sh("echo 1 > a.txt", { outputs: { o: { path: "a.txt" } } }),
    b: sh("echo 2 > b.txt", { needs: ["a"], outputs: { o: { path: "b.txt" } } }),
    c: sh("true", { needs: ["b"] }),
  };
  const source = await bed.run(flow(steps));
  const kernel = await bed.kernel();
  const { view, events } = await bed.finish(await kernel.runs.fork(source.view.run_id, { from: ["c"], reason: "again" }));
  const other = digestBytes("other");
  const claim = (
    change: (data: Extract<EventDraft, { readonly kind: "RUN_FORKED" }>["data"]) => Extract<EventDraft, { readonly kind: "RUN_FORKED" }>["data"],
  ): Change => {
    return (draft) => [draft.kind === "RUN_FORKED" ? { ...draft, data: change(draft.data) } : draft];
  };
  const kept = (
    change: (data: Extract<EventDraft, { readonly kind: "STEP_REUSED" }>["data"]) => Extract<EventDraft, { readonly kind: "STEP_REUSED" }>["data"],
  ): Change => {
    return (draft) => [draft.kind === "STEP_REUSED" && draft.data.step_id === "b" ? { ...draft, data: change(draft.data) } : draft];
  };
  const forgeries: readonly (readonly [name: string, problem: string, change: Change])[] = [
    ["root", "roots of the proof", claim((data) => ({ ...data, prefix: { ...data.prefix, root: other } }))],
    ["head", "prefix: event", claim((data) => ({ ...data, prefix: { ...data.prefix, head: other } }))],
    ["count", "the proof is about", claim((data) => ({ ...data, prefix: { ...data.prefix, events: data.prefix.events - 1 } }))],
    ["steps", "it shares", claim((data) => ({ ...data, step_ids: ["b"] }))],
    ["unknown-step", "cannot be used", claim((data) => ({ ...data, step_ids: ["z"] }))],
    [
      "no-proof",
      "its proof is not in the record",
      (draft) => (draft.kind === "ARTIFACT_STORED" && draft.data.artifact.artifact_type === "fork_proof.v1" ? [] : [draft]),
    ],
    ["event", "what stands in for step b", kept((data) => ({ ...data, from: { ...data.from, event: other } }))],
    ["digest", "what stands in for step b", kept((data) => ({ ...data, outputs: { o: other } }))],
    [
      "not-kept",
      "step b had succeeded in the events that it shares, and was not kept",
      (draft) => (draft.kind === "STEP_REUSED" && draft.data.step_id === "b" ? [] : [draft]),
    ],
    [
      "too-much",
      "step c had not succeeded",
      (draft) =>
        draft.kind === "STEP_REUSED" && draft.data.step_id === "b" ? [draft, { ...draft, key: "more", data: { ...draft.data, step_id: "c" } }] : [draft],
    ],
  ];
  for (const [name, problem, change] of forgeries) {
    await forge(bed, name, events, change);
    expect(await (await bed.kernel()).records.verify(name), name).toMatchObject({
      result: "corrupt",
      anchor: null,
      problems: expect.arrayContaining([expect.stringContaining(problem)]),
    });
  }
  await forge(
    bed,
    "elsewhere",
    events,
    claim((data) => ({ ...data, from: { ...data.from, run_id: parseRunId("gone") } })),
  );
  expect(await (await bed.kernel()).records.verify("elsewhere")).toMatchObject({ result: "corrupt" });
  expect(await (await bed.kernel()).records.verify(view.run_id)).toMatchObject({ result: "anchored", problems: [] });
});

test("S5: a fork whose source is not in the workspace says so, and is checked by its proof alone", async () => {
  const source = await bed.run(flow({ a: sh("true"), b: sh("true", { needs: ["a"] }) }));
  const fork = await bed.finish(await (await bed.kernel()).runs.fork(source.view.run_id, { from: ["b"], reason: "again" }));
  const far = new Bed();
  try {
    const { workspaceId } = await far.kernel();
    // Such a record comes from a backup: it is whole, and the run that it is a fork of was not kept.
    await forge(far, "copied", fork.events, (draft) => [
      draft.kind === "RUN_CREATED" ? { ...draft, data: { ...draft.data, workspace_id: workspaceId } } : draft,
    ]);
    const view = await (await far.kernel()).records.verify("copied");
    expect(view).toMatchObject({ result: "unanchored", notes: [expect.stringContaining("is not in this workspace, so only its proof was checked")] });
  } finally {
    await far.remove();
  }
});
