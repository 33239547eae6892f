import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Digest, digestBytes } from "../base/digest.ts";
import { parseRunId, runStream, type StreamId, workspaceStream } from "../contracts/ids.ts";
import type { AuthorityStore } from "../ports/authority-store.ts";
import type { CommitUnit, StreamAppend, StreamHead } from "../ports/journal.ts";

/** An authority store under test. */
export interface AuthoritySubject {
  readonly authority: AuthorityStore;
  /** Another process's store over the same state. */
  another(): Promise<AuthorityStore>;
  /** Moves the store's clock. */
  advance(ms: number): void;
  /** Says that processes with this pid are dead from now on. */
  endProcess(pid: number): void;
  end(): Promise<void>;
}

const stream = runStream(parseRunId("run-a"));
const other = runStream(parseRunId("run-b"));
const owner = { host: "here", bootId: "boot", pid: 7, startTime: "1" };

/** `count` lines of filler behind `head`. */
export function fillerAppend(head: StreamHead, text: string, token = 0, count = 1): StreamAppend {
  const bytes = new TextEncoder().encode(`${text}\n`.repeat(count));
  return { stream: head.stream, token, fromSeq: head.size, prev: head.hash, offset: head.bytes, bytes, count, hash: digestBytes(bytes) };
}

export function emptyHead(of: StreamId): StreamHead {
  return { stream: of, size: 0, bytes: 0, hash: null };
}

function behind(append: StreamAppend): StreamHead {
  return { stream: append.stream, size: append.fromSeq + append.count, bytes: append.offset + append.bytes.length, hash: append.hash };
}

const unit = (...appends: StreamAppend[]): CommitUnit => ({ appends, leaves: [] });
const committed = { outcome: "committed" };

/** What every Journal must do. */
export function journalConformance(name: string, make: () => Promise<AuthoritySubject>): void {
  describe(`Journal: ${name}`, () => {
    let subject: AuthoritySubject;
    beforeEach(async () => {
      subject = await make();
    });
    afterEach(() => subject.end());

    it("has no head for a stream without events", async () => {
      expect(await subject.authority.journal.head(stream)).toBeNull();
      expect(await subject.authority.journal.rows(stream)).toEqual([]);
    });

    it("L1: moves the head and keeps the exact bytes", async () => {
      const { journal } = subject.authority;
      const first = fillerAppend(emptyHead(stream), "first é", 0, 2);
      const second = fillerAppend(behind(first), "second");
      expect(await journal.commit([unit(first)])).toEqual([committed]);
      expect(await journal.commit([unit(second)])).toEqual([committed]);
      expect(await journal.head(stream)).toEqual(behind(second));
      const rows = await journal.rows(stream);
      expect(rows.map(({ fromSeq, count, offset }) => ({ fromSeq, count, offset }))).toEqual([
        { fromSeq: 0, count: 2, offset: 0 },
        { fromSeq: 2, count: 1, offset: first.bytes.length },
      ]);
      expect(rows.map((row) => [...row.bytes])).toEqual([[...first.bytes], [...second.bytes]]);
    });

    it("L1: refuses an append that does not start at the head", async () => {
      const { journal } = subject.authority;
      const first = fillerAppend(emptyHead(stream), "first");
      await journal.commit([unit(first)]);
      const head = behind(first);
      const wrong: StreamAppend[] = [
        fillerAppend(emptyHead(stream), "again"),
        fillerAppend({ ...head, size: 2 }, "seq"),
        fillerAppend({ ...head, bytes: 1 }, "offset"),
        fillerAppend({ ...head, hash: digestBytes("other") }, "prev"),
        fillerAppend({ ...emptyHead(other), size: 1, hash: digestBytes("x") }, "no such stream"),
      ];
      for (const append of wrong) {
        expect(await journal.commit([unit(append)])).toEqual([{ outcome: "refused", reason: "head_moved", stream: append.stream }]);
      }
      expect(await journal.head(stream)).toEqual(head);
      expect(await journal.rows()).toHaveLength(1);
    });

    it("L3: refuses a stale token, and one that was never granted", async () => {
      const { journal, leases } = subject.authority;
      const run = parseRunId("run-a");
      expect(await journal.commit([unit(fillerAppend(emptyHead(stream), "x", 1))])).toMatchObject([{ reason: "stale_token" }]);
      await leases.acquire(run, owner, 1_000);
      subject.advance(2_000);
      await leases.acquire(run, { ...owner, pid: 8 }, 1_000);
      for (const token of [0, 1, 3]) {
        expect(await journal.commit([unit(fillerAppend(emptyHead(stream), "x", token))])).toEqual([{ outcome: "refused", reason: "stale_token", stream }]);
      }
      expect(await journal.head(stream)).toBeNull();
      expect(await journal.commit([unit(fillerAppend(emptyHead(stream), "x", 2))])).toEqual([committed]);
    });

    it("L3: takes no lease into account for the workspace stream", async () => {
      const { journal } = subject.authority;
      expect(await journal.commit([unit(fillerAppend(emptyHead(workspaceStream), "x"))])).toEqual([committed]);
    });

    it("leaves no trace of a refused unit and commits the others", async () => {
      const { journal } = subject.authority;
      const good = fillerAppend(emptyHead(stream), "good");
      const bad = fillerAppend({ ...emptyHead(other), size: 4, hash: digestBytes("x") }, "bad");
      const refused: CommitUnit = { appends: [fillerAppend(emptyHead(workspaceStream), "first half"), bad], leaves: [leaf(1)] };
      expect(await journal.commit([unit(good), refused])).toEqual([committed, { outcome: "refused", reason: "head_moved", stream: other }]);
      expect(await journal.head(workspaceStream)).toBeNull();
      expect(await journal.leaves(0)).toEqual([]);
      expect((await journal.rows()).map((row) => row.stream)).toEqual([stream]);
    });

    it("lets a unit see the heads that earlier units of the call left", async () => {
      const { journal } = subject.authority;
      const first = fillerAppend(emptyHead(stream), "first");
      const second = fillerAppend(behind(first), "second");
      const late = fillerAppend(behind(first), "late");
      expect(await journal.commit([unit(first), unit(second), unit(late)])).toMatchObject([committed, committed, { reason: "head_moved" }]);
    });

    it("commits several streams in one unit", async () => {
      const { journal } = subject.authority;
      const appends = [fillerAppend(emptyHead(stream), "a"), fillerAppend(emptyHead(other), "b")];
      expect(await journal.commit([unit(...appends)])).toEqual([committed]);
      expect((await journal.rows()).map((row) => row.stream)).toEqual([stream, other]);
    });

    it("L2: another process sees what was committed, and its late append is refused", async () => {
      const another = await subject.another();
      const first = fillerAppend(emptyHead(stream), "first");
      await subject.authority.journal.commit([unit(first)]);
      expect(await another.journal.head(stream)).toEqual(behind(first));
      expect(await another.journal.commit([unit(fillerAppend(emptyHead(stream), "rival"))])).toMatchObject([{ reason: "head_moved" }]);
      expect(another.identity).toEqual(subject.authority.identity);
    });

    it("tells which heads changed since a change number", async () => {
      const { journal } = subject.authority;
      const first = fillerAppend(emptyHead(stream), "first");
      await journal.commit([unit(first), unit(fillerAppend(emptyHead(other), "x"))]);
      const all = await journal.changedSince(0);
      expect(all.heads.map((head) => head.stream).sort()).toEqual([stream, other]);
      expect((await journal.changedSince(all.change)).heads).toEqual([]);
      await journal.commit([unit(fillerAppend(behind(first), "second"))]);
      const later = await journal.changedSince(all.change);
      expect(later.heads.map(({ stream: of, size }) => ({ of, size }))).toEqual([{ of: stream, size: 2 }]);
      expect(later.change).toBeGreaterThan(all.change);
    });

    it("trims only rows that end at or before the given byte", async () => {
      const { journal } = subject.authority;
      const first = fillerAppend(emptyHead(stream), "first");
      const second = fillerAppend(behind(first), "second");
      await journal.commit([unit(first), unit(second), unit(fillerAppend(emptyHead(other), "x"))]);
      await journal.trim(stream, first.bytes.length + 1);
      expect((await journal.rows(stream)).map((row) => row.fromSeq)).toEqual([1]);
      expect(await journal.rows()).toHaveLength(2);
      await journal.trim(stream, behind(second).bytes);
      expect(await journal.rows(stream)).toEqual([]);
      await journal.commit([unit(fillerAppend(behind(second), "third"))]);
      expect((await journal.rows(stream)).map((row) => row.fromSeq)).toEqual([2]);
      expect((await journal.head(stream))?.size).toBe(3);
    });

    it("keeps leaves in order, behind those that are there", async () => {
      const { journal } = subject.authority;
      const first = fillerAppend(emptyHead(stream), "first");
      await journal.commit([{ appends: [first], leaves: [leaf(1), leaf(2)] }]);
      await journal.commit([{ appends: [fillerAppend(behind(first), "second")], leaves: [leaf(3)] }]);
      expect(await journal.leaves(0)).toEqual([leaf(1), leaf(2), leaf(3)]);
      expect(await journal.leaves(2)).toEqual([leaf(3)]);
      expect(await journal.leaves(3)).toEqual([]);
    });

    it("finds itself sound", async () => {
      expect(await subject.authority.check()).toEqual([]);
    });
  });
}

function leaf(size: number): { readonly stream: StreamId; readonly size: number; readonly head: Digest } {
  return { stream, size, head: digestBytes(`head ${size}`) };
}
