import { type Digest, isDigest } from "../../base/digest.ts";
import { LilyError } from "../../base/lily-error.ts";
import { parseStreamId, type StreamId } from "../../contracts/ids.ts";
import type { CommitOutcome, CommitUnit, Journal, JournalRow, LogLeaf, StreamAppend, StreamHead } from "../../ports/journal.ts";
import { type AuthorityDatabase, bytesOf, countOf, textOf } from "./authority-database.ts";

type Row = Readonly<Record<string, unknown>>;
type Refusal = Extract<CommitOutcome, { readonly outcome: "refused" }>;

/** L1 and L3 in one statement: the head moves only from what the writer saw, and only for the newest token. */
const advance = `UPDATE streams SET size = ?, bytes = ?, hash = ?, change = ?
  WHERE id = ? AND size = ? AND bytes = ? AND hash IS ? AND token = ?`;
const insertRow = "INSERT INTO journal (stream, from_seq, count, start, finish, bytes) VALUES (?, ?, ?, ?, ?, ?)";
const selectRows = "SELECT streams.stream, from_seq, count, start, journal.bytes FROM journal JOIN streams ON streams.id = journal.stream";
const deleteRows = "DELETE FROM journal WHERE stream = (SELECT id FROM streams WHERE stream = ?) AND finish <= ?";
const idsMax = 10_000;
/** A stream that is known but has no event yet. */
export const insertStream = "INSERT OR IGNORE INTO streams (stream, token, size, bytes, hash, change) VALUES (?, 0, 0, 0, NULL, 0)";

/** The commit point on SQLite. One transaction a call, one blob a batch; one statement checks token and head and moves the head. */
export class SqliteJournal implements Journal {
  readonly #db: AuthorityDatabase;
  /** Rows that may go. They go with the next commit, because a sync of their own would cost more than they do. */
  readonly #trims = new Map<StreamId, number>();

  /** Numbers of streams, which never change once committed; forgotten when something is taken back. */
  readonly #ids = new Map<StreamId, number>();

  constructor(db: AuthorityDatabase) {
    this.#db = db;
  }

  async commit(units: readonly CommitUnit[]): Promise<readonly CommitOutcome[]> {
    try {
      return this.#db.transaction("commit events", () => {
        this.#trimNow();
        const change = this.#change() + 1;
        return units.map((unit) => this.#commitUnit(unit, change));
      });
    } catch (thrown) {
      this.#ids.clear();
      throw thrown;
    }
  }

  async head(stream: StreamId): Promise<StreamHead | null> {
    return this.#db.read("read a head", () => this.#head(stream));
  }

  async changedSince(since: number): Promise<{ readonly heads: readonly StreamHead[]; readonly change: number }> {
    return this.#db.snapshot("read heads", () => ({
      heads: this.#db.all("SELECT * FROM streams WHERE change > ? ORDER BY change, id", since).map(headOf),
      change: this.#change(),
    }));
  }

  async rows(stream?: StreamId): Promise<readonly JournalRow[]> {
    return this.#db.read("read the journal", () => {
      const rows =
        stream === undefined
          ? this.#db.all(`${selectRows} ORDER BY streams.stream, start`)
          : this.#db.all(`${selectRows} WHERE streams.stream = ? AND finish > ? ORDER BY finish`, stream, this.#trims.get(stream) ?? -1);
      return rows.map(rowOf).filter((row) => row.offset + row.bytes.length > (this.#trims.get(row.stream) ?? -1));
    });
  }

  async trim(stream: StreamId, throughBytes: number): Promise<void> {
    this.#trims.set(stream, Math.max(throughBytes, this.#trims.get(stream) ?? 0));
  }

  async leaves(from: number): Promise<readonly LogLeaf[]> {
    return this.#db.read("read the workspace log", () => {
      const rows = this.#db.all("SELECT position, stream, size, head FROM log_leaves WHERE position >= ? ORDER BY position", from);
      return rows.map((row, index) => {
        if (countOf(row["position"]) !== from + index) throw new LilyError("AUTHORITY_DAMAGED", `leaf ${from + index} of the workspace log is missing`);
        return { stream: streamOf(row), size: countOf(row["size"]), head: digestOf(row["head"]) };
      });
    });
  }

  /** Drops the rows that wait to go. */
  flushTrims(): void {
    if (this.#trims.size > 0) this.#db.transaction("trim the journal", () => this.#trimNow());
  }

  #trimNow(): void {
    for (const [stream, through] of this.#trims) this.#db.run(deleteRows, stream, through);
    this.#trims.clear();
  }

  #commitUnit(unit: CommitUnit, change: number): CommitOutcome {
    const [only] = unit.appends;
    if (unit.appends.length === 1 && only !== undefined) {
      const refusal = this.#append(only, change);
      if (refusal !== null) return refusal;
    } else {
      const refusal = this.#appendAll(unit.appends, change);
      if (refusal !== null) return refusal;
    }
    for (const { stream, size, head } of unit.leaves) {
      this.#db.run("INSERT INTO log_leaves SELECT COALESCE(MAX(position), -1) + 1, ?, ?, ? FROM log_leaves", stream, size, head);
    }
    return { outcome: "committed" };
  }

  /** Several appends of one unit: a refused one takes the earlier ones back. */
  #appendAll(appends: readonly StreamAppend[], change: number): Refusal | null {
    this.#db.exec("SAVEPOINT unit");
    for (const append of appends) {
      const refusal = this.#append(append, change);
      if (refusal === null) continue;
      this.#db.exec("ROLLBACK TO unit; RELEASE unit");
      this.#ids.clear();
      return refusal;
    }
    this.#db.exec("RELEASE unit");
    return null;
  }

  #append(append: StreamAppend, change: number): Refusal | null {
    const { stream, token, fromSeq, prev, offset, bytes, count, hash } = append;
    const finish = offset + bytes.length;
    const id = this.#idOf(stream, fromSeq === 0);
    if (id === null) return this.#refusal(append);
    if (this.#db.run(advance, fromSeq + count, finish, hash, change, id, fromSeq, offset, prev, token) !== 1) return this.#refusal(append);
    this.#db.run(insertRow, id, fromSeq, count, offset, finish, bytes);
    return null;
  }

  /** Number of a stream; a first event makes it known. Null when there is none. */
  #idOf(stream: StreamId, make: boolean): number | null {
    const known = this.#ids.get(stream);
    if (known !== undefined) return known;
    if (make) this.#db.run(insertStream, stream);
    const row = this.#db.get("SELECT id FROM streams WHERE stream = ?", stream);
    if (row === undefined) return null;
    const id = countOf(row["id"]);
    if (this.#ids.size >= idsMax) this.#ids.clear();
    this.#ids.set(stream, id);
    return id;
  }

  #refusal({ stream, token }: StreamAppend): Refusal {
    const newest = countOf(this.#db.get("SELECT token FROM streams WHERE stream = ?", stream)?.["token"] ?? 0);
    return { outcome: "refused", reason: token === newest ? "head_moved" : "stale_token", stream };
  }

  #head(stream: StreamId): StreamHead | null {
    const row = this.#db.get("SELECT stream, size, bytes, hash FROM streams WHERE stream = ? AND size > 0", stream);
    return row === undefined ? null : headOf(row);
  }

  /** The newest change: streams are never removed, so it only grows. */
  #change(): number {
    return countOf(this.#db.get("SELECT COALESCE(MAX(change), 0) AS change FROM streams")?.["change"]);
  }
}

function headOf(row: Row): StreamHead {
  return { stream: streamOf(row), size: countOf(row["size"]), bytes: countOf(row["bytes"]), hash: row["hash"] === null ? null : digestOf(row["hash"]) };
}

function rowOf(row: Row): JournalRow {
  return {
    stream: streamOf(row),
    fromSeq: countOf(row["from_seq"]),
    count: countOf(row["count"]),
    offset: countOf(row["start"]),
    bytes: bytesOf(row["bytes"]),
  };
}

function streamOf(row: Row): StreamId {
  return parseStreamId(textOf(row["stream"]));
}

function digestOf(value: unknown): Digest {
  if (isDigest(value)) return value;
  throw new LilyError("AUTHORITY_DAMAGED", "the authority database has a digest that is none");
}
