/**
 * Owns: `index.db`, lookup tables over runs and artifacts.
 * States: closed -> open at the first call -> closed. Damaged is found by SQLite at any call; `clear` gets out of it.
 * Invariants
 * - L6 Everything here folds from records: events of a stream are applied once and in order, whoever applies them, and the cursor moves
 *   in the same transaction. A layout of another version is dropped and filled again.
 * Not responsible for: durability (synchronous is OFF on purpose: what a power cut damages is rebuilt), and truth.
 */
import { lstatSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { Digest } from "../../base/digest.ts";
import { LilyError, messageOf } from "../../base/lily-error.ts";
import type { artifactRefSchema } from "../../contracts/artifact-ref.ts";
import type { LedgerEvent } from "../../contracts/event.ts";
import { type ArtifactId, runOfStream, type RunId, type StreamId } from "../../contracts/ids.ts";
import { statusAfter } from "../../contracts/status-after.ts";
import type { StreamHead } from "../../ports/journal.ts";
import type { ArtifactFilter, ArtifactRow, ResultFilter, ResultRow, RunIndex, RunRow } from "../../ports/run-index.ts";
import { foldResult } from "./fold-result.ts";
import { isOutOfSpace } from "./sqlite-error.ts";
import { createIndexTables, dropIndexTables, indexLayout } from "./run-index-tables.ts";

/** Nothing is opened before the first call. `path` is the index's own database file. */
export function openSqliteRunIndex(path: string): RunIndex {
  return new SqliteRunIndex(path);
}

type Row = Readonly<Record<string, unknown>>;
type Batch = { readonly head: StreamHead; readonly events: readonly LedgerEvent[] };

/** Sorts behind every character of an id. */
const afterAll = "\u{10ffff}";

class SqliteRunIndex implements RunIndex {
  readonly #path: string;
  #database: DatabaseSync | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  async cursor(): Promise<number> {
    return this.#run((database) => numberOf(prepared(database, "SELECT value FROM meta WHERE name = 'cursor'").get(), "value"));
  }

  async folded(stream: StreamId): Promise<number> {
    return this.#run((database) => foldedOf(database, stream));
  }

  async apply(batches: readonly Batch[], cursor: number): Promise<void> {
    this.#transaction((database) => {
      for (const batch of batches) applyBatch(database, batch);
      prepared(database, "INSERT INTO meta VALUES ('cursor', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)").run(cursor);
    });
  }

  async runs(filter: { readonly status?: string; readonly idPrefix?: string; readonly limit?: number }): Promise<readonly RunRow[]> {
    const where = new Where();
    where.equals("status", filter.status);
    where.startsWith("run_id", filter.idPrefix);
    return this.#run((database) => {
      const rows = prepared(database, `SELECT * FROM runs ${where.text} ORDER BY created_at DESC, run_id DESC LIMIT ?`).all(
        ...where.values,
        filter.limit ?? -1,
      );
      return rows.map(runRowOf);
    });
  }

  async artifacts(filter: ArtifactFilter): Promise<readonly ArtifactRow[]> {
    const where = new Where();
    where.equals("run_id", filter.run_id);
    where.equals("artifact_type", filter.artifact_type);
    where.equals("producer_id", filter.producer_id);
    where.equals("artifact_name", filter.artifact_name);
    where.equals("digest", filter.digest);
    return this.#artifactRows(where, filter.limit);
  }

  async artifact(idPrefix: string): Promise<readonly ArtifactRow[]> {
    const where = new Where();
    where.startsWith("artifact_id", idPrefix);
    return this.#artifactRows(where);
  }

  async consumers(id: ArtifactId): Promise<readonly ArtifactRow[]> {
    const where = new Where();
    where.add("artifact_id IN (SELECT consumer FROM inputs WHERE input = ?)", id);
    return this.#artifactRows(where);
  }

  async results(filter: ResultFilter, limit: number): Promise<readonly ResultRow[]> {
    const where = new Where();
    where.add(`${filter.spoiled === true ? "" : "NOT "}(against IS NOT NULL OR by_run IS NOT NULL)`);
    const byKey = "key" in filter;
    if (byKey) where.equals("key", filter.key);
    else {
      where.equals("results.step_id", filter.step_id);
      where.equals("workflow", filter.workflow);
    }
    const materials = byKey ? "" : "CROSS JOIN materials ON artifact_id = materials";
    const { artifactRefSchema: schema } = await import("../../contracts/artifact-ref.ts");
    return this.#run((database) => {
      // From left to right: only the few rows of a key or a step are joined with anything.
      const rows = prepared(
        database,
        `SELECT results.*, workflow, ${byKey ? "NULL AS ref, NULL AS inline" : "ref, inline"}, coalesce(used_at, at) AS last, by_run, by_seq FROM results CROSS JOIN runs USING (run_id)
         ${materials} LEFT JOIN uses USING (run_id, step_id, attempt)
         LEFT JOIN objections AS o ON o.run_id = results.run_id AND o.step_id = results.step_id AND o.attempt = results.attempt
           AND by_run = (SELECT min(by_run) FROM objections AS p WHERE p.run_id = o.run_id AND p.step_id = o.step_id AND p.attempt = o.attempt)
         ${where.text} ORDER BY last DESC, results.run_id DESC, seq DESC LIMIT ?`,
      ).all(...where.values, limit);
      return rows.map((row) => resultRowOf(row, schema));
    });
  }

  async clear(): Promise<void> {
    try {
      this.#transaction((database) => {
        for (const table of ["meta", "streams", "runs", "artifacts", "inputs", "results", "uses", "materials", "standing", "objections"])
          database.exec(`DELETE FROM ${table}`);
      });
    } catch (thrown) {
      if (!(thrown instanceof LilyError) || thrown.code !== "INDEX_DAMAGED") throw thrown;
      this.#closeNow();
      for (const suffix of ["", "-wal", "-shm"]) rmSync(this.#path + suffix, { force: true, recursive: true });
      this.#run(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#closeNow();
  }

  async #artifactRows(where: Where, limit = -1): Promise<readonly ArtifactRow[]> {
    // Loaded here, so that listing runs does not load the schema library.
    const { artifactRefSchema: schema } = await import("../../contracts/artifact-ref.ts");
    return this.#run((database) => {
      const rows = prepared(database, `SELECT stream, seq, inline, ref FROM artifacts ${where.text} ORDER BY created_at, stream, seq LIMIT ?`).all(
        ...where.values,
        limit,
      );
      return rows.map((row) => artifactRowOf(row, schema));
    });
  }

  #transaction(act: (database: DatabaseSync) => void): void {
    this.#run((database) => {
      database.exec("BEGIN IMMEDIATE");
      try {
        act(database);
        database.exec("COMMIT");
      } catch (thrown) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw thrown;
      }
    });
  }

  #run<T>(act: (database: DatabaseSync) => T): T {
    try {
      this.#database ??= openDatabase(this.#path);
      return act(this.#database);
    } catch (thrown) {
      throw indexError(thrown, this.#path);
    }
  }

  #closeNow(): void {
    try {
      this.#database?.close();
    } catch {
      // A damaged file may refuse to close cleanly; its content is derived.
    }
    this.#database = null;
  }
}

const statements = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

/** Preparing costs as much as running; a rebuild runs the same few statements a hundred thousand times. */
function prepared(database: DatabaseSync, sql: string): StatementSync {
  const known = statements.get(database) ?? new Map<string, StatementSync>();
  statements.set(database, known);
  const statement = known.get(sql) ?? database.prepare(sql);
  known.set(sql, statement);
  return statement;
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 10_000 });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -65536;");
    if (layoutOf(database) !== indexLayout) makeTables(database);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** Another process may make them at the same time, so the layout is looked at again inside the transaction. */
function makeTables(database: DatabaseSync): void {
  database.exec("BEGIN IMMEDIATE");
  if (layoutOf(database) !== indexLayout) database.exec(`${dropIndexTables} ${createIndexTables} PRAGMA user_version = ${indexLayout};`);
  database.exec("COMMIT");
}

function layoutOf(database: DatabaseSync): number {
  return numberOf(prepared(database, "PRAGMA user_version").get(), "user_version");
}

function foldedOf(database: DatabaseSync, stream: StreamId): number {
  return numberOf(prepared(database, "SELECT folded FROM streams WHERE stream = ?").get(stream), "folded");
}

function applyBatch(database: DatabaseSync, { head, events }: Batch): void {
  let next = foldedOf(database, head.stream);
  const run = runOfStream(head.stream);
  let last: LedgerEvent | null = null;
  for (const event of events) {
    if (event.seq < next) continue;
    if (event.seq > next) throw new LilyError("INDEX_DAMAGED", `the index holds ${next} events of ${head.stream} and was given event ${event.seq}; rebuild it`);
    if (run !== null) foldRun(database, run, event);
    if (event.kind === "ARTIFACT_STORED") insertArtifact(database, event);
    if (run !== null) foldResult((sql) => prepared(database, sql), run, event);
    next++;
    last = event;
  }
  if (last === null) return;
  prepared(database, "INSERT INTO streams VALUES (?, ?) ON CONFLICT DO UPDATE SET folded = excluded.folded").run(head.stream, next);
  if (run !== null) prepared(database, "UPDATE runs SET updated_at = ?, events = ? WHERE run_id = ?").run(last.at, next, run);
}

function foldRun(database: DatabaseSync, run: RunId, event: LedgerEvent): void {
  const status = statusAfter[event.kind];
  if (status === undefined) return;
  if (event.kind === "RUN_CREATED") {
    prepared(database, "INSERT OR REPLACE INTO runs VALUES (?, ?, NULL, ?, ?, ?, ?, 1)").run(
      run,
      event.data.kind,
      event.data.title ?? null,
      status,
      event.at,
      event.at,
    );
    return;
  }
  if (event.kind === "PLAN_COMMITTED") prepared(database, "UPDATE runs SET workflow = ? WHERE run_id = ?").run(event.data.workflow, run);
  prepared(database, "UPDATE runs SET status = ? WHERE run_id = ?").run(status, run);
}

/** A run that reuses a result records its artifacts again; where they were made is what counts, in whatever order streams are read. */
const insertArtifactText = `INSERT INTO artifacts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
  SET stream = excluded.stream, seq = excluded.seq WHERE excluded.stream = 'run/' || run_id AND stream <> excluded.stream`;

function insertArtifact(database: DatabaseSync, event: Extract<LedgerEvent, { readonly kind: "ARTIFACT_STORED" }>): void {
  const { artifact, inline } = event.data;
  prepared(database, insertArtifactText).run(
    artifact.artifact_id,
    event.stream,
    event.seq,
    inline === undefined ? 0 : 1,
    artifact.run_id,
    artifact.artifact_type,
    artifact.artifact_name ?? null,
    artifact.producer_id,
    artifact.digest,
    artifact.created_at,
    JSON.stringify(artifact),
  );
  const insert = prepared(database, "INSERT OR IGNORE INTO inputs VALUES (?, ?)");
  for (const input of artifact.inputs) insert.run(input, artifact.artifact_id);
}

class Where {
  readonly #parts: string[] = [];
  readonly values: SQLInputValue[] = [];

  get text(): string {
    return this.#parts.length === 0 ? "" : `WHERE ${this.#parts.join(" AND ")}`;
  }

  add(part: string, ...values: readonly SQLInputValue[]): void {
    this.#parts.push(part);
    this.values.push(...values);
  }

  equals(column: string, value: string | undefined): void {
    if (value !== undefined) this.add(`${column} = ?`, value);
  }

  startsWith(column: string, prefix: string | undefined): void {
    if (prefix !== undefined && prefix !== "") this.add(`${column} >= ? AND ${column} < ?`, prefix, prefix + afterAll);
  }
}

function runRowOf(row: Row): RunRow {
  return {
    run_id: text(row, "run_id") as RunId,
    kind: text(row, "kind"),
    workflow: textOrNull(row, "workflow"),
    title: textOrNull(row, "title"),
    status: text(row, "status"),
    created_at: text(row, "created_at"),
    updated_at: text(row, "updated_at"),
    events: numberOf(row, "events"),
  };
}

function artifactRowOf(row: Row, schema: typeof artifactRefSchema): ArtifactRow {
  const artifact = schema.parse(JSON.parse(text(row, "ref")));
  return { artifact, stream: text(row, "stream") as StreamId, seq: numberOf(row, "seq"), inline: row["inline"] === 1 };
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw new LilyError("INDEX_DAMAGED", `column ${column} of the index holds no text; rebuild it`);
}

function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

/** 0 for an absent row. */
function numberOf(row: Row | undefined, column: string): number {
  const value = row?.[column];
  return typeof value === "number" ? value : 0;
}

function resultRowOf(row: Row, schema: typeof artifactRefSchema): ResultRow {
  return {
    run_id: text(row, "run_id") as RunId,
    workflow: textOrNull(row, "workflow"),
    step_id: text(row, "step_id"),
    attempt: numberOf(row, "attempt"),
    seq: numberOf(row, "seq"),
    event: text(row, "event") as Digest,
    at: text(row, "at"),
    used_at: text(row, "last"),
    key: text(row, "key") as Digest,
    materials: row["ref"] === null ? null : schema.parse(JSON.parse(text(row, "ref"))),
    inline: textOrNull(row, "inline"),
    against: againstOf(row),
  };
}

/** What its own record says comes first. */
function againstOf(row: Row): ResultRow["against"] {
  if (row["against"] !== null) return { run_id: text(row, "run_id") as RunId, seq: numberOf(row, "against") };
  return row["by_run"] === null ? null : { run_id: text(row, "by_run") as RunId, seq: numberOf(row, "by_seq") };
}

/** SQLITE_CORRUPT and SQLITE_NOTADB, and tables that are not what this version made. */
const damageCodes = new Set([1, 11, 26]);
const fullCodes = new Set([13]);

/** Something else than a file in the place of the index is damage: the index is derived, and is made again. */
function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function indexError(thrown: unknown, path: string): LilyError {
  if (thrown instanceof LilyError) return thrown;
  const result = thrown instanceof Error && "errcode" in thrown && typeof thrown.errcode === "number" ? thrown.errcode & 0xff : null;
  const isSyntax = thrown instanceof SyntaxError || (thrown instanceof Error && thrown.name === "ZodError");
  if (isSyntax || (result !== null && damageCodes.has(result)) || isFolder(path)) {
    return new LilyError("INDEX_DAMAGED", `the index ${path} is damaged (${messageOf(thrown)}); run lily doctor --rebuild`, { cause: thrown });
  }
  const isFull = result !== null && (fullCodes.has(result) || isOutOfSpace(result, dirname(path)));
  const code = isFull ? "STORAGE_FULL" : "STORAGE_FAILED";
  return new LilyError(code, `the index ${path} cannot be used: ${messageOf(thrown)}`, { cause: thrown });
}
