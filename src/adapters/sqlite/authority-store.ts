/**
 * Owns: the authority database `authority.db` of a workspace: identity, heads, journal, leases, stop requests, log leaves.
 * States: open, closed.
 * Invariants
 * - L2 WAL with synchronous=FULL, read back on this connection: a commit that returned is durable.
 * - L3 The transaction that moves a head checks the lease token.
 * Not responsible for: record files, and what lines mean.
 */
import type { AuthorityStore, WorkspaceIdentity } from "../../ports/authority-store.ts";
import type { Clock } from "../../ports/clock.ts";
import { AuthorityDatabase, textOf } from "./authority-database.ts";
import { SqliteJournal } from "./sqlite-journal.ts";
import { type IsOwnerAlive, SqliteLeaseStore } from "./sqlite-lease-store.ts";

export interface SqliteAuthorityOptions {
  /** Absolute folder of the workspace; it exists. */
  readonly dir: string;
  readonly clock: Clock;
  /** False only when the owner is provably dead: another boot of this host, or its process is gone. */
  readonly isOwnerAlive: IsOwnerAlive;
}

/** Opens the authority store; in a folder that cannot be written for reading only (`isReadOnly`). AUTHORITY_DAMAGED, AUTHORITY_UNSAFE, WORKSPACE_NEWER, WORKSPACE_READ_ONLY, STORAGE_FAILED. */
export async function openSqliteAuthority(options: SqliteAuthorityOptions): Promise<AuthorityStore> {
  return storeOver(AuthorityDatabase.open(options.dir), options);
}

/** Makes the authority store of a new workspace, durably. One that is there is opened, and keeps its identity. */
export async function createSqliteAuthority(options: SqliteAuthorityOptions & { readonly identity: WorkspaceIdentity }): Promise<AuthorityStore> {
  return storeOver(AuthorityDatabase.create(options.dir, options.identity), options);
}

/** A database that does not say who it is, is closed again: a caller that is refused holds no descriptor. */
function storeOver(database: AuthorityDatabase, options: SqliteAuthorityOptions): AuthorityStore {
  try {
    return new SqliteAuthorityStore(database, options);
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

class SqliteAuthorityStore implements AuthorityStore {
  readonly capabilities = { groupCommit: true, sharedBetweenProcesses: true };
  readonly isReadOnly: boolean;
  readonly identity: WorkspaceIdentity;
  readonly journal: SqliteJournal;
  readonly leases: SqliteLeaseStore;
  readonly #db: AuthorityDatabase;
  #closed = false;

  constructor(db: AuthorityDatabase, options: SqliteAuthorityOptions) {
    this.#db = db;
    this.isReadOnly = db.isReadOnly;
    this.identity = db.read("read the identity of the workspace", () => db.identity());
    this.journal = new SqliteJournal(db);
    this.leases = new SqliteLeaseStore(db, options.clock, options.isOwnerAlive);
  }

  async check(): Promise<readonly string[]> {
    return this.#db.read("check the authority database", () => {
      const found = this.#db.all("PRAGMA integrity_check").map((row) => textOf(Object.values(row)[0]));
      return found.filter((line) => line !== "ok");
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.journal.flushTrims();
    } finally {
      this.#db.close();
    }
  }
}
