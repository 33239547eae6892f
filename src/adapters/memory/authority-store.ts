/**
 * Owns: an authority store in memory, for tests. `MemoryAuthorityState` is what a database file would hold: several stores over one
 * state are several processes, and a store that is dropped is a crash.
 * Invariants: L2, L3 as the port says. Hostile: calls take a seeded number of turns before and after their effect.
 */
import { LilyError } from "../../base/lily-error.ts";
import { type RunId, runStream, type StreamId } from "../../contracts/ids.ts";
import type { AuthorityStore, WorkspaceIdentity } from "../../ports/authority-store.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CommitOutcome, CommitUnit, Journal, JournalRow, LogLeaf, StreamAppend, StreamHead } from "../../ports/journal.ts";
import { isSameOwner, type LeaseGrant, type LeaseOwner, type LeaseStore } from "../../ports/lease-store.ts";
import { SeededTurns } from "./seeded-turns.ts";

interface MemoryLease {
  readonly token: number;
  readonly owner: LeaseOwner | null;
  readonly expiresAtMs: number;
}

interface Refused {
  readonly outcome: "refused";
  readonly reason: "head_moved" | "stale_token";
  readonly stream: StreamId;
}

/** Everything durable. */
export class MemoryAuthorityState {
  readonly identity: WorkspaceIdentity;
  heads = new Map<StreamId, { readonly head: StreamHead; readonly change: number }>();
  rows: JournalRow[] = [];
  leaves: LogLeaf[] = [];
  change = 0;
  /** Power cuts so far: stores that were opened before the last one are dead. */
  cuts = 0;
  readonly leases = new Map<RunId, MemoryLease>();
  readonly stops = new Map<RunId, { readonly by: string; readonly reason: string }>();

  constructor(identity: WorkspaceIdentity) {
    this.identity = identity;
  }
}

export interface MemoryAuthorityOptions {
  readonly state: MemoryAuthorityState;
  readonly clock: Clock;
  readonly isOwnerAlive: (owner: LeaseOwner) => boolean;
  readonly seed: number;
}

export function openMemoryAuthority(options: MemoryAuthorityOptions): MemoryAuthorityStore {
  return new MemoryAuthorityStore(options);
}

export class MemoryAuthorityStore implements AuthorityStore {
  readonly capabilities = { groupCommit: true, sharedBetweenProcesses: true };
  readonly identity: WorkspaceIdentity;
  readonly journal: MemoryJournal;
  readonly leases: LeaseStore;

  constructor(options: MemoryAuthorityOptions) {
    const turns = new LivingTurns(options);
    this.identity = options.state.identity;
    this.journal = new MemoryJournal(options.state, turns);
    this.leases = new MemoryLeaseStore(options, turns);
  }

  async check(): Promise<readonly string[]> {
    return [];
  }

  async close(): Promise<void> {
    // Nothing is held.
  }
}

/** Turns of a process that dies with the power. */
class LivingTurns extends SeededTurns {
  readonly #state: MemoryAuthorityState;
  readonly #cuts: number;

  constructor(options: MemoryAuthorityOptions) {
    super(options.clock, options.seed);
    this.#state = options.state;
    this.#cuts = options.state.cuts;
  }

  override async pause(): Promise<void> {
    await super.pause();
    if (this.#state.cuts !== this.#cuts) throw new LilyError("STORAGE_FAILED", "the power was cut");
  }
}

export class MemoryJournal implements Journal {
  readonly #state: MemoryAuthorityState;
  readonly #turns: LivingTurns;
  #failure: { readonly code: "STORAGE_FULL" | "STORAGE_FAILED"; readonly committed: boolean } | null = null;

  constructor(state: MemoryAuthorityState, turns: LivingTurns) {
    this.#state = state;
    this.#turns = turns;
  }

  /** The next commit fails; `committed` says whether its effect happens all the same, which a caller cannot know. */
  failNextCommit(code: "STORAGE_FULL" | "STORAGE_FAILED", committed: boolean): void {
    this.#failure = { code, committed };
  }

  async commit(units: readonly CommitUnit[]): Promise<readonly CommitOutcome[]> {
    await this.#turns.pause();
    const failure = this.#failure;
    this.#failure = null;
    const outcomes = failure === null || failure.committed ? this.#commitNow(units) : [];
    if (failure !== null) throw new LilyError(failure.code, "the commit failed as the test asked");
    await this.#turns.pause();
    return outcomes;
  }

  async head(stream: StreamId): Promise<StreamHead | null> {
    await this.#turns.pause();
    return this.#state.heads.get(stream)?.head ?? null;
  }

  async changedSince(since: number): Promise<{ readonly heads: readonly StreamHead[]; readonly change: number }> {
    await this.#turns.pause();
    const changed = [...this.#state.heads.values()].filter((each) => each.change > since).sort((one, other) => one.change - other.change);
    return { heads: changed.map(({ head }) => head), change: this.#state.change };
  }

  async rows(stream?: StreamId): Promise<readonly JournalRow[]> {
    await this.#turns.pause();
    const rows = stream === undefined ? [...this.#state.rows] : this.#state.rows.filter((row) => row.stream === stream);
    return rows.sort((one, other) => (one.stream === other.stream ? one.offset - other.offset : one.stream < other.stream ? -1 : 1));
  }

  async trim(stream: StreamId, throughBytes: number): Promise<void> {
    await this.#turns.pause();
    this.#state.rows = this.#state.rows.filter((row) => row.stream !== stream || row.offset + row.bytes.length > throughBytes);
  }

  async leaves(from: number): Promise<readonly LogLeaf[]> {
    await this.#turns.pause();
    return this.#state.leaves.slice(from);
  }

  #commitNow(units: readonly CommitUnit[]): readonly CommitOutcome[] {
    this.#state.change++;
    return units.map((unit) => this.#commitUnit(unit));
  }

  #commitUnit(unit: CommitUnit): CommitOutcome {
    const heads = new Map(this.#state.heads);
    const rows: JournalRow[] = [];
    for (const append of unit.appends) {
      const refused = this.#refusal(append, heads);
      if (refused !== null) return refused;
      const { stream, fromSeq, count, offset, bytes, hash } = append;
      heads.set(stream, { head: { stream, size: fromSeq + count, bytes: offset + bytes.length, hash }, change: this.#state.change });
      rows.push({ stream, fromSeq, count, offset, bytes: bytes.slice() });
    }
    this.#state.heads = heads;
    this.#state.rows.push(...rows);
    this.#state.leaves.push(...unit.leaves);
    return { outcome: "committed" };
  }

  #refusal({ stream, token, fromSeq, prev, offset }: StreamAppend, heads: MemoryAuthorityState["heads"]): Refused | null {
    if (token !== newestToken(this.#state, stream)) return { outcome: "refused", reason: "stale_token", stream };
    const head = heads.get(stream)?.head ?? { size: 0, bytes: 0, hash: null };
    const fits = head.size === fromSeq && head.hash === prev && head.bytes === offset;
    return fits ? null : { outcome: "refused", reason: "head_moved", stream };
  }
}

function newestToken(state: MemoryAuthorityState, stream: StreamId): number {
  for (const [run, { token }] of state.leases) if (runStream(run) === stream) return token;
  return 0;
}

class MemoryLeaseStore implements LeaseStore {
  readonly #options: MemoryAuthorityOptions;
  readonly #turns: LivingTurns;

  constructor(options: MemoryAuthorityOptions, turns: LivingTurns) {
    this.#options = options;
    this.#turns = turns;
  }

  async acquire(run: RunId, owner: LeaseOwner, ttlMs: number): Promise<LeaseGrant> {
    await this.#turns.pause();
    const lease = this.#leases.get(run);
    const held = lease === undefined ? null : this.#heldBy(lease);
    if (lease !== undefined && held !== null && !isSameOwner(held, owner)) return { outcome: "held", owner: held, expiresAtMs: lease.expiresAtMs };
    const token = (lease?.token ?? 0) + 1;
    this.#leases.set(run, { token, owner, expiresAtMs: this.#options.clock.nowMs() + ttlMs });
    await this.#turns.pause();
    return { outcome: "granted", token };
  }

  async renew(run: RunId, token: number, ttlMs: number): Promise<boolean> {
    await this.#turns.pause();
    const lease = this.#leases.get(run);
    if (lease === undefined || lease.token !== token || lease.owner === null) return false;
    this.#leases.set(run, { ...lease, expiresAtMs: this.#options.clock.nowMs() + ttlMs });
    return true;
  }

  async release(run: RunId, token: number): Promise<void> {
    await this.#turns.pause();
    const lease = this.#leases.get(run);
    if (lease !== undefined && lease.token === token) this.#leases.set(run, { ...lease, owner: null });
  }

  async holder(run: RunId): Promise<{ readonly owner: LeaseOwner; readonly token: number } | null> {
    await this.#turns.pause();
    const lease = this.#leases.get(run);
    const owner = lease === undefined ? null : this.#heldBy(lease);
    return lease === undefined || owner === null ? null : { owner, token: lease.token };
  }

  async requestStop(run: RunId, by: string, reason: string): Promise<void> {
    await this.#turns.pause();
    if (!this.#options.state.stops.has(run)) this.#options.state.stops.set(run, { by, reason });
  }

  async stopRequest(run: RunId): Promise<{ readonly by: string; readonly reason: string } | null> {
    await this.#turns.pause();
    return this.#options.state.stops.get(run) ?? null;
  }

  async clearStop(run: RunId): Promise<void> {
    await this.#turns.pause();
    this.#options.state.stops.delete(run);
  }

  get #leases(): Map<RunId, MemoryLease> {
    return this.#options.state.leases;
  }

  #heldBy(lease: MemoryLease): LeaseOwner | null {
    if (lease.owner === null || lease.expiresAtMs <= this.#options.clock.nowMs()) return null;
    return this.#options.isOwnerAlive(lease.owner) ? lease.owner : null;
  }
}
