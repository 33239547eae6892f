import { randomBytes } from "node:crypto";
import { accessSync, closeSync, constants, existsSync, fsyncSync, linkSync, openSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { LilyError, messageOf } from "../../base/lily-error.ts";
import type { WorkspaceIdentity } from "../../ports/authority-store.ts";
import { type AuthorityCopy, copyAuthority } from "./authority-copy.ts";
import { sqliteError } from "./sqlite-error.ts";

export const authorityFileName = "authority.db";
export const authorityFormat = 1;

const busyTimeoutMs = 15_000;
/** `LiAu`: says to `file` and to us that this is Lily's authority database. */
const applicationId = 0x4c694175;

const schema = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE streams (
  id INTEGER PRIMARY KEY, stream TEXT NOT NULL UNIQUE, token INTEGER NOT NULL, size INTEGER NOT NULL, bytes INTEGER NOT NULL, hash TEXT,
  change INTEGER NOT NULL
) STRICT;
CREATE INDEX streams_change ON streams (change);
CREATE TABLE journal (
  id INTEGER PRIMARY KEY, stream INTEGER NOT NULL REFERENCES streams (id), from_seq INTEGER NOT NULL, count INTEGER NOT NULL, start INTEGER NOT NULL,
  finish INTEGER NOT NULL, bytes BLOB NOT NULL
) STRICT;
CREATE INDEX journal_stream ON journal (stream, finish);
CREATE TABLE leases (
  stream INTEGER PRIMARY KEY REFERENCES streams (id), owner TEXT, expires_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE stops (run TEXT PRIMARY KEY, by TEXT NOT NULL, reason TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE log_leaves (position INTEGER PRIMARY KEY, stream TEXT NOT NULL, size INTEGER NOT NULL, head TEXT NOT NULL) STRICT;
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${authorityFormat};
`;

/**
 * Pages of the write-ahead log after which SQLite copies it into the database (16 MiB). Journal rows live for a few commits only, so
 * copying seldom means that most of them are never copied.
 */
const checkpointPages = 4_000;

/** SQLite says only that it cannot open the file; the folder tells when that is because nothing can be written there. */
function readOnlyProblem(path: string, thrown: unknown): LilyError | null {
  try {
    accessSync(dirname(path), constants.W_OK);
    return null;
  } catch (cause) {
    return new LilyError("WORKSPACE_READ_ONLY", `cannot open ${path}: ${messageOf(thrown)}; ${messageOf(cause)}`, { cause });
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * One connection to the authority database with the settings that acknowledgement needs, read back (reliability rule 6), statements
 * prepared once, and errors as LilyErrors.
 */
export class AuthorityDatabase {
  readonly #db: DatabaseSync;
  readonly #dir: string;
  readonly #statements = new Map<string, StatementSync>();
  /** The private copy that stands in for a database in a folder that cannot be written; removed on close. */
  #copy: AuthorityCopy | null = null;

  private constructor(db: DatabaseSync, dir: string) {
    this.#db = db;
    this.#dir = dir;
  }

  /** True when this is a copy of a database in a folder that cannot be written: reading works, every write is WORKSPACE_READ_ONLY. */
  get isReadOnly(): boolean {
    return this.#copy !== null;
  }

  /** Opens an existing database. AUTHORITY_DAMAGED when it is missing or not one, WORKSPACE_NEWER for a later format. */
  static open(dir: string): AuthorityDatabase {
    const path = join(dir, authorityFileName);
    if (!existsSync(path)) throw new LilyError("AUTHORITY_DAMAGED", `${path} is missing`);
    const database = AuthorityDatabase.#connectOrCopy(path);
    try {
      database.#checkFormat(path);
      return database;
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  }

  /**
   * Makes the database, or opens it when another process made it first. It gets its name when it is whole and durable: a workspace exists
   * once the name does, so a crash on the way must leave none.
   */
  static create(dir: string, identity: WorkspaceIdentity): AuthorityDatabase {
    if (!existsSync(join(dir, authorityFileName))) AuthorityDatabase.#publish(dir, identity);
    return AuthorityDatabase.open(dir);
  }

  static #publish(dir: string, identity: WorkspaceIdentity): void {
    const draft = join(dir, `.${authorityFileName}-${randomBytes(8).toString("hex")}`);
    try {
      AuthorityDatabase.#fill(draft, identity);
      linkOnce(draft, join(dir, authorityFileName));
    } catch (thrown) {
      throw sqliteError(thrown, "cannot create the authority database", dir);
    } finally {
      for (const end of ["", "-wal", "-shm"]) rmSync(draft + end, { force: true });
    }
    syncFolder(dir);
  }

  /** Everything goes into the file itself: closing the only connection copies the write-ahead log and syncs. */
  static #fill(path: string, identity: WorkspaceIdentity): void {
    const database = AuthorityDatabase.#connect(path);
    try {
      database.transaction("create the authority database", () => {
        database.exec(schema);
        for (const [name, value] of Object.entries(identity)) database.run("INSERT INTO meta VALUES (?, ?)", name, String(value));
      });
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      database.close();
    }
  }

  /**
   * SQLite cannot even read a write-ahead log in a folder that it cannot write, unless its shared memory is left from before, which may be of
   * another moment: so a copy is read instead.
   */
  static #connectOrCopy(path: string): AuthorityDatabase {
    if (isWritable(path) && isWritable(dirname(path))) return AuthorityDatabase.#connect(path);
    const copy = copyAuthority(path);
    try {
      const database = AuthorityDatabase.#connect(copy.path, true);
      database.#copy = copy;
      return database;
    } catch (thrown) {
      copy.remove();
      throw thrown;
    }
  }

  static #connect(path: string, readOnly = false): AuthorityDatabase {
    let db: DatabaseSync | null = null;
    try {
      db = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true, readOnly });
      const database = new AuthorityDatabase(db, dirname(path));
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON");
      database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY`);
      database.#checkSettings(path);
      return database;
    } catch (thrown) {
      if (db?.isOpen === true) db.close();
      throw readOnlyProblem(path, thrown) ?? sqliteError(thrown, `cannot open ${path}`, dirname(path));
    }
  }

  identity(): WorkspaceIdentity {
    const meta = new Map(this.all("SELECT name, value FROM meta").map((row) => [textOf(row["name"]), textOf(row["value"])]));
    const read = (name: keyof WorkspaceIdentity): string => {
      const value = meta.get(name);
      if (value === undefined) throw new LilyError("AUTHORITY_DAMAGED", `the authority database does not say ${name}`);
      return value;
    };
    return { workspaceId: read("workspaceId"), format: 1, kernelVersion: read("kernelVersion"), createdAt: read("createdAt") };
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** Rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepared(sql).run(...values).changes);
  }

  all(sql: string, ...values: SQLInputValue[]): readonly Readonly<Record<string, unknown>>[] {
    return this.#prepared(sql).all(...values);
  }

  get(sql: string, ...values: SQLInputValue[]): Readonly<Record<string, unknown>> | undefined {
    return this.#prepared(sql).get(...values);
  }

  pragma(name: string): unknown {
    const row = this.#db.prepare(`PRAGMA ${name}`).get();
    return row === undefined ? undefined : Object.values(row)[0];
  }

  /** Runs `work` in one write transaction: committed on return, rolled back on a throw. */
  transaction<T>(what: string, work: () => T): T {
    return this.#within("BEGIN IMMEDIATE", what, work);
  }

  /** Reads that must agree with each other, in one snapshot. */
  snapshot<T>(what: string, work: () => T): T {
    return this.#within("BEGIN", what, work);
  }

  #within<T>(begin: "BEGIN" | "BEGIN IMMEDIATE", what: string, work: () => T): T {
    try {
      this.run(begin);
      const result = work();
      this.run("COMMIT");
      return result;
    } catch (thrown) {
      this.#rollback();
      throw sqliteError(thrown, `cannot ${what}`, this.#dir);
    }
  }

  /** One statement outside a transaction, with errors as LilyErrors. */
  read<T>(what: string, work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw sqliteError(thrown, `cannot ${what}`, this.#dir);
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
    this.#copy?.remove();
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #rollback(): void {
    try {
      if (this.#db.isTransaction) this.exec("ROLLBACK");
    } catch {
      // The first error says what happened; SQLite rolls back by itself when the connection closes.
    }
  }

  #checkSettings(path: string): void {
    const wanted: readonly (readonly [string, unknown])[] = [
      ["journal_mode", "wal"],
      ["synchronous", 2],
      ["trusted_schema", 0],
      ["foreign_keys", 1],
    ];
    for (const [name, value] of wanted) {
      const seen = this.pragma(name);
      if (seen !== value) {
        throw new LilyError("AUTHORITY_UNSAFE", `${path} runs with ${name} = ${String(seen)}, where acknowledgement needs ${String(value)}`);
      }
    }
  }

  #checkFormat(path: string): void {
    const [application, version] = this.read(`read ${path}`, () => [this.pragma("application_id"), this.pragma("user_version")]);
    if (application !== applicationId) throw new LilyError("AUTHORITY_DAMAGED", `${path} is not an authority database of Lily`);
    if (typeof version === "number" && version > authorityFormat) {
      throw new LilyError("WORKSPACE_NEWER", `${path} has format ${version}; this version of Lily knows ${authorityFormat}`, { details: { format: version } });
    }
  }
}

/** Another process may have been first: its database is then the one. */
function linkOnce(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST")) throw thrown;
  }
}

function syncFolder(dir: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(dir, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw new LilyError("AUTHORITY_DAMAGED", "the authority database has a column of the wrong type (text expected)");
}

export function countOf(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new LilyError("AUTHORITY_DAMAGED", "the authority database has a column of the wrong type (whole number expected)");
}

export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new LilyError("AUTHORITY_DAMAGED", "the authority database has a column of the wrong type (bytes expected)");
}
