import { describe, expect, it } from "vitest";
import type { EventDraft, LedgerEvent } from "../contracts/event.ts";
import { parseRunId, runStream, workspaceStream } from "../contracts/ids.ts";
import { allEvents, MemoryWorkspace, testDraft, testStream } from "../testkit/memory-workspace.ts";
import { openLedger } from "./ledger.ts";
import { verifyStream } from "./verify-stream.ts";

const run = parseRunId("run-a");
const owner = { host: "here", bootId: "boot", pid: 7, startTime: "1" };
const keysOf = (events: readonly LedgerEvent[]): readonly string[] => events.map((event) => event.key);
const key = (mark: string): string => `RUN_RESUMED/${mark}`;

describe("ledger", () => {
  it("L1: numbers events without gap and links each to the one before", async () => {
    const { ledger } = await new MemoryWorkspace().open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    const first = await writer.append([testDraft("a"), testDraft("b")]);
    const second = await writer.append([testDraft("c")]);
    const events = await allEvents(ledger.readStream(testStream));
    expect(events).toEqual([...first, ...second]);
    expect(events.map((event) => event.seq)).toEqual([0, 1, 2]);
    expect(events.map((event) => event.prev)).toEqual([null, events[0]?.hash, events[1]?.hash]);
    expect(writer.events).toBe(3);
    expect(writer.head).toEqual(await ledger.head(testStream));
  });

  it("reads from any event on, again and again", async () => {
    const { ledger } = await new MemoryWorkspace().open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    expect(await allEvents(ledger.readStream(testStream))).toEqual([]);
    await writer.append(["a", "b", "c"].map(testDraft));
    for (const fromSeq of [3, 1, 0, 2]) {
      expect((await allEvents(ledger.readStream(testStream, { fromSeq }))).map((event) => event.seq)).toEqual([0, 1, 2].slice(fromSeq));
    }
    await writer.append([testDraft("d")]);
    await ledger.settle();
    expect(keysOf(await allEvents(ledger.readStream(testStream, { fromSeq: 2 })))).toEqual([key("c"), key("d")]);
  });

  it("L2: joins the appends of all writers that wait into one commit", async () => {
    const workspace = new MemoryWorkspace();
    const { ledger } = await workspace.open();
    const streams = ["a", "b", "c"].map((id) => runStream(parseRunId(id)));
    const writers = await Promise.all(streams.map((stream) => ledger.openWriter(stream, { token: 0 })));
    const before = workspace.state.change;
    await Promise.all(writers.flatMap((writer) => ["1", "2", "3"].map((mark) => writer.append([testDraft(mark)]))));
    expect(workspace.state.change).toBe(before + 1);
    for (const stream of streams) expect(keysOf(await allEvents(ledger.readStream(stream)))).toEqual(["1", "2", "3"].map(key));
  });

  it("L2: what was acknowledged survives a crash that loses every unsynced write", async () => {
    const workspace = new MemoryWorkspace();
    const { ledger } = await workspace.open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    for (const mark of ["a", "b", "c"]) await writer.append([testDraft(mark)]);
    workspace.powerCut(() => 0);
    const after = await workspace.open();
    expect(keysOf(await allEvents(after.ledger.readStream(testStream)))).toEqual(["a", "b", "c"].map(key));
    await after.ledger.settle();
    expect(workspace.state.rows).toEqual([]);
    workspace.powerCut(() => 0);
    expect(keysOf(await allEvents((await workspace.open()).ledger.readStream(testStream)))).toEqual(["a", "b", "c"].map(key));
  });

  it("L2: a failed commit acknowledges nothing and poisons the ledger, committed or not", async () => {
    for (const committed of [false, true]) {
      const workspace = new MemoryWorkspace();
      const { ledger, authority } = await workspace.open();
      const writer = await ledger.openWriter(testStream, { token: 0 });
      const idle = await ledger.openWriter(runStream(parseRunId("run-b")), { token: 0 });
      await writer.append([testDraft("a")]);
      authority.journal.failNextCommit("STORAGE_FULL", committed);
      await expect(writer.append([testDraft("b")])).rejects.toMatchObject({ code: "STORAGE_FULL" });
      await expect(writer.append([testDraft("c")])).rejects.toMatchObject({ code: "LEDGER_POISONED" });
      await expect(idle.append([testDraft("d")])).rejects.toMatchObject({ code: "LEDGER_POISONED" });
      await expect(ledger.settle()).rejects.toMatchObject({ code: "LEDGER_POISONED" });
      await ledger.close();
      const after = await workspace.open();
      expect(keysOf(await allEvents(after.ledger.readStream(testStream)))).toEqual((committed ? ["a", "b"] : ["a"]).map(key));
    }
  });

  it("L2: a failed write or sync of a record file poisons the ledger and trims nothing", async () => {
    const workspace = new MemoryWorkspace();
    const { ledger } = await workspace.open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    await writer.append([testDraft("a")]);
    workspace.disk.failNext("STORAGE_FAILED");
    await expect(ledger.settle()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(writer.append([testDraft("b")])).rejects.toMatchObject({ code: "LEDGER_POISONED" });
    expect(workspace.state.rows).toHaveLength(1);
    expect(keysOf(await allEvents((await workspace.open()).ledger.readStream(testStream)))).toEqual([key("a")]);
  });

  it("L2: a failed write in a quiet moment poisons the ledger", async () => {
    const workspace = new MemoryWorkspace();
    const { ledger } = await workspace.open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    await writer.append([testDraft("a")]);
    workspace.disk.failNext("STORAGE_FULL");
    for (let turn = 0; turn < 20; turn++) await workspace.clock.nextTurn();
    await expect(writer.append([testDraft("b")])).rejects.toMatchObject({ code: "LEDGER_POISONED" });
  });

  it("L3: refuses a stale token; the stale writer is dead, others go on", async () => {
    const workspace = new MemoryWorkspace();
    const [mine, theirs] = [await workspace.open(), await workspace.open()];
    await mine.authority.leases.acquire(run, owner, 1_000);
    const stale = await mine.ledger.openWriter(testStream, { token: 1 });
    const bystander = await mine.ledger.openWriter(runStream(parseRunId("run-b")), { token: 0 });
    await stale.append([testDraft("a")]);
    workspace.clock.advance(2_000);
    await theirs.authority.leases.acquire(run, { ...owner, pid: 8 }, 1_000);
    const leader = await theirs.ledger.openWriter(testStream, { token: 2 });
    const late = [stale.append([testDraft("b")]), stale.append([testDraft("c")]), bystander.append([testDraft("d")])];
    await expect(late[0]).rejects.toMatchObject({ code: "LEDGER_TOKEN_STALE" });
    await expect(late[1]).rejects.toMatchObject({ code: "LEDGER_TOKEN_STALE" });
    await late[2];
    await expect(stale.append([testDraft("e")])).rejects.toMatchObject({ code: "LEDGER_TOKEN_STALE" });
    await leader.append([testDraft("f")]);
    expect(keysOf(await allEvents(theirs.ledger.readStream(testStream)))).toEqual([key("a"), key("f")]);
  });

  it("L3: a new leader carries what the old one committed but did not write", async () => {
    const workspace = new MemoryWorkspace();
    const [mine, theirs] = [await workspace.open(), await workspace.open()];
    const old = await mine.ledger.openWriter(testStream, { token: 0 });
    await old.append([testDraft("a")]);
    workspace.disk.edit(testStream, () => new Uint8Array(0));
    const leader = await theirs.ledger.openWriter(testStream, { token: 0 });
    await leader.append([testDraft("b")]);
    await theirs.ledger.settle();
    expect(workspace.state.rows).toEqual([]);
    expect(keysOf(await allEvents(theirs.ledger.readStream(testStream)))).toEqual([key("a"), key("b")]);
    await expect(old.append([testDraft("c")])).rejects.toMatchObject({ code: "LEDGER_HEAD_MOVED" });
  });

  it("L4: sets bytes beyond the committed end aside and records it", async () => {
    const workspace = new MemoryWorkspace();
    const first = await workspace.open();
    const writer = await first.ledger.openWriter(testStream, { token: 0 });
    await writer.append([testDraft("a")]);
    await first.ledger.close();
    const torn = new TextEncoder().encode('{"at":"torn');
    workspace.disk.edit(testStream, (bytes) => Uint8Array.from([...bytes, ...torn]));
    const { ledger } = await workspace.open();
    expect((await verifyStream(ledger, testStream)).problems).toMatchObject([{ code: "LEDGER_DAMAGED", line: 2 }]);
    const again = await ledger.openWriter(testStream, { token: 0 });
    await again.append([testDraft("b")]);
    expect((await verifyStream(ledger, testStream)).problems).toEqual([]);
    const [report] = await allEvents(ledger.readStream(workspaceStream));
    expect(report).toMatchObject({ kind: "RECORD_RECOVERED", data: { stream: testStream, bytes: torn.length } });
    expect([...workspace.disk.quarantine.values()]).toEqual([torn]);
  });

  it("L4: recovers the workspace stream the same way, with the next append", async () => {
    const workspace = new MemoryWorkspace();
    const first = await workspace.open();
    await first.ledger.appendWorkspace(() => [testDraft("a")]);
    await first.ledger.close();
    workspace.disk.edit(workspaceStream, (bytes) => Uint8Array.from([...bytes, 0x7b]));
    const { ledger } = await workspace.open();
    await ledger.appendWorkspace(() => [testDraft("b")]);
    expect((await allEvents(ledger.readStream(workspaceStream))).map((event) => event.kind)).toEqual(["RUN_RESUMED", "RECORD_RECOVERED", "RUN_RESUMED"]);
  });

  it.each([
    ["a changed byte", (bytes: Uint8Array) => bytes.map((byte, at) => (at === 20 ? byte ^ 1 : byte))],
    ["a missing end", (bytes: Uint8Array) => bytes.slice(0, -10)],
    ["no file", () => new Uint8Array(0)],
    ["a missing first line", (bytes: Uint8Array) => Uint8Array.from([...bytes.slice(bytes.indexOf(0x0a) + 1), ...bytes.slice(0, bytes.indexOf(0x0a) + 1)])],
  ])("L4: stops writing on damage before the committed end, and names the place: %s", async (_, damage) => {
    const workspace = new MemoryWorkspace();
    const first = await workspace.open();
    const writer = await first.ledger.openWriter(testStream, { token: 0 });
    await writer.append(["a", "b", "c"].map(testDraft));
    await first.ledger.close();
    workspace.disk.edit(testStream, damage);
    const { ledger } = await workspace.open();
    await expect(ledger.openWriter(testStream, { token: 0 })).rejects.toMatchObject({ code: "LEDGER_DAMAGED", details: { stream: testStream } });
    await expect(allEvents(ledger.readStream(testStream))).rejects.toMatchObject({ name: "LilyError" });
    expect((await verifyStream(ledger, testStream)).problems.length).toBeGreaterThan(0);
  });

  it("L4: a record that belongs to another stream is damage", async () => {
    const workspace = new MemoryWorkspace();
    const { ledger } = await workspace.open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    await writer.append([testDraft("a")]);
    const stolen = runStream(parseRunId("run-b"));
    const [row] = workspace.state.rows;
    if (row === undefined) throw new Error("no row");
    workspace.state.rows.push({ ...row, stream: stolen });
    workspace.state.heads.set(stolen, { head: { ...writer.head, stream: stolen }, change: 9 });
    await expect(ledger.openWriter(stolen, { token: 0 })).rejects.toMatchObject({ code: "LEDGER_DAMAGED" });
  });

  it("L4: a gap in the journal is damage of the authority store", async () => {
    const workspace = new MemoryWorkspace();
    const { ledger } = await workspace.open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    for (const mark of ["a", "b", "c"]) await writer.append([testDraft(mark)]);
    workspace.state.rows = workspace.state.rows.filter((row) => row.fromSeq !== 1);
    await expect(ledger.openWriter(testStream, { token: 0 })).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
    await expect(verifyStream(ledger, testStream)).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
  });

  it("L5: the same key and data gives the stored event, from this writer or an earlier one", async () => {
    const workspace = new MemoryWorkspace();
    const { ledger } = await workspace.open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    const [stored] = await writer.append([testDraft("a")]);
    expect(await writer.append([testDraft("a")])).toEqual([stored]);
    const twice = await Promise.all([writer.append([testDraft("b")]), writer.append([testDraft("b"), testDraft("c")])]);
    expect(twice[1][0]).toEqual(twice[0][0]);
    await ledger.close();
    const later = await (await workspace.open()).ledger.openWriter(testStream, { token: 0 });
    expect(await later.append([testDraft("a"), testDraft("d")])).toMatchObject([stored, { seq: 3 }]);
    expect(later.events).toBe(4);
  });

  it("L5: the same key with other data is a conflict and leaves no trace", async () => {
    const { ledger } = await new MemoryWorkspace().open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    await writer.append([testDraft("a")]);
    const other: EventDraft = { kind: "RUN_RESUMED", key: key("a"), by: "user:ada", data: { reason: "other" } };
    const otherKind: EventDraft = { kind: "CANCEL_REQUESTED", key: key("a"), by: "user:ada", data: { reason: "a" } };
    const results = await Promise.allSettled([
      writer.append([testDraft("b"), other]),
      writer.append([testDraft("c")]),
      writer.append([testDraft("c"), { ...other, key: key("c") }]),
      writer.append([otherKind]),
      writer.append([testDraft("d")]),
    ]);
    expect(results.map((result) => result.status)).toEqual(["rejected", "fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(results[0]).toMatchObject({ reason: { code: "LEDGER_KEY_CONFLICT", details: { key: key("a"), seq: 0 } } });
    expect(keysOf(await allEvents(ledger.readStream(testStream)))).toEqual(["a", "c", "d"].map(key));
    expect((await verifyStream(ledger, testStream)).problems).toEqual([]);
  });

  it("L5: a key whose line is gone is damage, not a second event", async () => {
    const workspace = new MemoryWorkspace();
    const { ledger } = await workspace.open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    await writer.append([testDraft("a")]);
    await ledger.settle();
    workspace.disk.edit(testStream, (bytes) => bytes.fill(0x20));
    await expect(writer.append([testDraft("a")])).rejects.toMatchObject({ code: "LEDGER_DAMAGED" });
    await writer.append([testDraft("b")]);
  });

  it("refuses drafts that do not fit their kind, and the whole append with them", async () => {
    const { ledger } = await new MemoryWorkspace().open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    const good = testDraft("a");
    const bad = [
      { ...good, data: { reason: "x", more: 1 } },
      { ...good, data: {} },
      { ...good, kind: "RUN_TELEPORTED" },
      { ...good, key: "" },
      { ...good, key: "\ud800" },
      { ...good, by: "x".repeat(2_000) },
      { ...good, data: { reason: "\ud800" } },
    ] as unknown as EventDraft[];
    for (const draft of bad) await expect(writer.append([good, draft])).rejects.toMatchObject({ code: "LEDGER_EVENT_INVALID" });
    expect(await writer.append([])).toEqual([]);
    expect(writer.events).toBe(0);
  });

  it("takes the writer's own time where a draft gives one, and only in the form of the record", async () => {
    const { ledger } = await new MemoryWorkspace().open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    const at = "2026-02-03T04:05:06.789Z";
    expect(await writer.append([{ ...testDraft("a"), at }])).toMatchObject([{ at }]);
    for (const wrong of ["2026-02-03", "2026-02-03T04:05:06Z", "2026-02-03T04:05:06.789+01:00", ""]) {
      await expect(writer.append([{ ...testDraft("b"), at: wrong }])).rejects.toMatchObject({ code: "LEDGER_EVENT_INVALID" });
    }
  });

  it("keeps its own copy of a draft's data", async () => {
    const { ledger } = await new MemoryWorkspace().open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    const data = { reason: "before" };
    const appended = writer.append([{ kind: "RUN_RESUMED", key: "k", by: "user:ada", data }]);
    data.reason = "after";
    expect(await appended).toMatchObject([{ data: { reason: "before" } }]);
  });

  it("makes the head behind a seal a leaf of the workspace log, in the same commit, once", async () => {
    const { ledger } = await new MemoryWorkspace().open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    const seal: EventDraft = { kind: "RUN_SEALED", key: "RUN_SEALED/1", by: "user:ada", data: { outcome: "succeeded", events: 1, counts: {} } };
    await writer.append([testDraft("a"), seal], { leaf: "seal" });
    await writer.append([seal], { leaf: "seal" });
    expect(await ledger.journal.leaves(0)).toEqual([{ stream: testStream, size: 2, head: writer.head.hash }]);
  });

  it("hands stored events to a fold while it opens a writer", async () => {
    const { ledger } = await new MemoryWorkspace().open();
    await (await ledger.openWriter(testStream, { token: 0 })).append(["a", "b"].map(testDraft));
    const seen: string[] = [];
    await ledger.openWriter(testStream, { token: 0, onEvent: (event) => void seen.push(event.key) });
    expect(seen).toEqual(["a", "b"].map(key));
  });

  it("lets several processes append to the workspace stream, and asks the builder again when it was late", async () => {
    const workspace = new MemoryWorkspace();
    const first = await workspace.open();
    const processes = [first, await workspace.open(), await workspace.open()];
    const marks = Array.from({ length: 12 }, (_, index) => `${index}`);
    await Promise.all(marks.map((mark, index) => (processes[index % 3] ?? first).ledger.appendWorkspace(() => [testDraft(mark)])));
    const counted = await first.ledger.appendWorkspace((view) => [
      testDraft(`after ${view.head.size} ${view.newest("RUN_RESUMED")?.seq} ${view.newest("RUN_FAILED")?.seq}`),
    ]);
    expect(counted).toMatchObject([{ data: { reason: "after 12 11 undefined" } }]);
    expect(await processes[1]?.ledger.appendWorkspace(() => null)).toEqual([]);
    for (const each of processes) await each.ledger.close();
    const { ledger } = await workspace.open();
    const events = await allEvents(ledger.readStream(workspaceStream));
    expect(keysOf(events).slice(0, 12).sort()).toEqual(marks.map(key).sort());
    expect(workspace.state.rows).toEqual([]);
  });

  it("gives up on the workspace stream only after many tries", async () => {
    const workspace = new MemoryWorkspace();
    const [mine, theirs] = [await workspace.open(), await workspace.open()];
    let rivals = 0;
    const late = mine.ledger.appendWorkspace(async () => {
      await theirs.ledger.appendWorkspace(() => [testDraft(`rival ${rivals++}`)]);
      return [testDraft("mine")];
    });
    await expect(late).rejects.toMatchObject({ code: "LEDGER_HEAD_MOVED" });
    expect(rivals).toBeGreaterThan(10);
  });

  it("settles by itself when much is outstanding, and on closing", async () => {
    const workspace = new MemoryWorkspace();
    const { ledger } = await workspace.open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    const large = (mark: string): EventDraft => ({ kind: "RUN_RESUMED", key: mark, by: "user:ada", data: { reason: "x".repeat(4_000) } });
    for (let batch = 0; batch < 5; batch++) await writer.append(Array.from({ length: 300 }, (_, index) => large(`${batch}/${index}`)));
    for (let turn = 0; turn < 60; turn++) await workspace.clock.nextTurn();
    expect(workspace.disk.syncs.length).toBeGreaterThan(0);
    await ledger.close();
    await ledger.close();
    expect(workspace.state.rows).toEqual([]);
    await expect(writer.append([testDraft("late")])).rejects.toMatchObject({ code: "LEDGER_POISONED" });
    expect((await verifyStream(ledger, testStream)).problems).toEqual([]);
  });

  it("L2: a failed write between many commits poisons the ledger", async () => {
    const workspace = new MemoryWorkspace();
    const { ledger } = await workspace.open();
    const writer = await ledger.openWriter(testStream, { token: 0 });
    const large = (mark: string): EventDraft => ({ kind: "RUN_RESUMED", key: mark, by: "user:ada", data: { reason: "x".repeat(4_000) } });
    workspace.disk.failNext("STORAGE_FULL");
    await writer.append(Array.from({ length: 300 }, (_, index) => large(`${index}`)));
    for (let turn = 0; turn < 20; turn++) await workspace.clock.nextTurn();
    await expect(writer.append([testDraft("late")])).rejects.toMatchObject({ code: "LEDGER_POISONED" });
    expect(await allEvents(ledger.readStream(testStream))).toHaveLength(300);
  });

  it("opens a workspace that cannot be written for reading", async () => {
    const workspace = new MemoryWorkspace();
    const first = await workspace.open();
    await (await first.ledger.openWriter(testStream, { token: 0 })).append([testDraft("a")]);
    const readOnly = { ...first.files, read: first.files.read.bind(first.files), size: first.files.size.bind(first.files) };
    const refuse = async (): Promise<void> => {
      throw new (await import("../base/lily-error.ts")).LilyError("WORKSPACE_READ_ONLY", "read-only");
    };
    const files = Object.assign(Object.create(Object.getPrototypeOf(first.files)), readOnly, { writeAt: refuse, read: readOnly.read, size: readOnly.size });
    const ledger = await openLedger({ authority: first.authority, files, clock: workspace.clock });
    expect(keysOf(await allEvents(ledger.readStream(testStream)))).toEqual([key("a")]);
    const broken = Object.assign(Object.create(files), { writeAt: async () => Promise.reject(new Error("odd")) });
    await expect(openLedger({ authority: first.authority, files: broken, clock: workspace.clock })).rejects.toThrow("odd");
  });
});
