import { isJsonObject } from "../../base/json-value.ts";
import { LilyError } from "../../base/lily-error.ts";
import { parseJson } from "../../base/parse-json.ts";
import { type RunId, runStream } from "../../contracts/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import { isSameOwner, type LeaseGrant, type LeaseOwner, type LeaseStore } from "../../ports/lease-store.ts";
import { type AuthorityDatabase, countOf, textOf } from "./authority-database.ts";
import { insertStream } from "./sqlite-journal.ts";

export type IsOwnerAlive = (owner: LeaseOwner) => boolean;

interface LeaseRow {
  readonly token: number;
  /** Null after a release. */
  readonly owner: LeaseOwner | null;
  readonly expiresAtMs: number;
}

const ofNewestToken = "leases.stream = (SELECT id FROM streams WHERE stream = ? AND token = ?)";
const selectLease = "SELECT token, owner, expires_ms FROM leases JOIN streams ON streams.id = leases.stream WHERE streams.stream = ?";

/** Leases on SQLite. The token lies beside the head that it guards, and only grows (L3). */
export class SqliteLeaseStore implements LeaseStore {
  readonly #db: AuthorityDatabase;
  readonly #clock: Clock;
  readonly #isOwnerAlive: IsOwnerAlive;

  constructor(db: AuthorityDatabase, clock: Clock, isOwnerAlive: IsOwnerAlive) {
    this.#db = db;
    this.#clock = clock;
    this.#isOwnerAlive = isOwnerAlive;
  }

  async acquire(run: RunId, owner: LeaseOwner, ttlMs: number): Promise<LeaseGrant> {
    return this.#db.transaction("take a lease", () => {
      const lease = this.#lease(run);
      const held = lease === null ? null : this.#heldBy(lease);
      if (lease !== null && held !== null && !isSameOwner(held, owner)) return { outcome: "held", owner: held, expiresAtMs: lease.expiresAtMs };
      const stream = runStream(run);
      this.#db.run(insertStream, stream);
      const row = this.#db.get("UPDATE streams SET token = token + 1 WHERE stream = ? RETURNING id, token", stream);
      const expiresAtMs = this.#clock.nowMs() + ttlMs;
      this.#db.run("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", countOf(row?.["id"]), JSON.stringify(owner), expiresAtMs);
      return { outcome: "granted", token: countOf(row?.["token"]) };
    });
  }

  async renew(run: RunId, token: number, ttlMs: number): Promise<boolean> {
    return this.#db.transaction("renew a lease", () => {
      const sql = `UPDATE leases SET expires_ms = ? WHERE ${ofNewestToken} AND owner IS NOT NULL`;
      return this.#db.run(sql, this.#clock.nowMs() + ttlMs, runStream(run), token) === 1;
    });
  }

  async release(run: RunId, token: number): Promise<void> {
    this.#db.transaction("release a lease", () => this.#db.run(`UPDATE leases SET owner = NULL WHERE ${ofNewestToken}`, runStream(run), token));
  }

  async holder(run: RunId): Promise<{ readonly owner: LeaseOwner; readonly token: number } | null> {
    return this.#db.read("read a lease", () => {
      const lease = this.#lease(run);
      const owner = lease === null ? null : this.#heldBy(lease);
      return lease === null || owner === null ? null : { owner, token: lease.token };
    });
  }

  async requestStop(run: RunId, by: string, reason: string): Promise<void> {
    this.#db.transaction("ask a run to stop", () => this.#db.run("INSERT OR IGNORE INTO stops VALUES (?, ?, ?)", run, by, reason));
  }

  async stopRequest(run: RunId): Promise<{ readonly by: string; readonly reason: string } | null> {
    return this.#db.read("read a stop request", () => {
      const row = this.#db.get("SELECT by, reason FROM stops WHERE run = ?", run);
      return row === undefined ? null : { by: textOf(row["by"]), reason: textOf(row["reason"]) };
    });
  }

  async clearStop(run: RunId): Promise<void> {
    this.#db.transaction("clear a stop request", () => this.#db.run("DELETE FROM stops WHERE run = ?", run));
  }

  #heldBy(lease: LeaseRow): LeaseOwner | null {
    if (lease.owner === null || lease.expiresAtMs <= this.#clock.nowMs()) return null;
    return this.#isOwnerAlive(lease.owner) ? lease.owner : null;
  }

  #lease(run: RunId): LeaseRow | null {
    const row = this.#db.get(selectLease, runStream(run));
    if (row === undefined) return null;
    return { token: countOf(row["token"]), owner: row["owner"] === null ? null : ownerOf(textOf(row["owner"])), expiresAtMs: countOf(row["expires_ms"]) };
  }
}

function ownerOf(text: string): LeaseOwner {
  const owner = parseJson(text);
  if (isJsonObject(owner)) {
    const { host, bootId, pid, startTime } = owner;
    if (typeof host === "string" && typeof bootId === "string" && typeof pid === "number" && typeof startTime === "string") {
      return { host, bootId, pid, startTime };
    }
  }
  throw new LilyError("AUTHORITY_DAMAGED", "the authority database has a lease owner that is none");
}
