/**
 * Owns: group commit. Appends of all writers that wait at one turn become one transaction of the authority store.
 * States: open, poisoned (a commit or a record file failed), closed.
 * Invariants
 * - L2 A caller is answered only after the commit that holds its events returned. When the outcome of a commit is not known, nothing is
 *   acknowledged, and this process commits nothing more: only reading the heads again, in a new process or ledger, tells.
 * Not responsible for: sequence and keys (writers), and when rows are trimmed (record file queue).
 */
import { LilyError, messageOf } from "../base/lily-error.ts";
import { timeText } from "../base/time-text.ts";
import type { Clock } from "../ports/clock.ts";
import type { CommitOutcome, CommitUnit, Journal } from "../ports/journal.ts";
import type { RecordFileQueue } from "./record-file-queue.ts";
import type { QueuedStreamWriter, WriterBatch } from "./stream-writer.ts";

/** Bytes carried by journal rows alone at which files are synced and rows trimmed, behind the commits. */
const settleAtBytes = 4 * 1024 * 1024;
/** Bytes at which commits wait for that. */
const waitAtBytes = 64 * 1024 * 1024;

export class CommitQueue {
  readonly #journal: Journal;
  readonly #files: RecordFileQueue;
  readonly #clock: Clock;
  #ready = new Set<QueuedStreamWriter>();
  #draining: Promise<void> | null = null;
  #settling: Promise<void> | null = null;
  #stopped: LilyError | null = null;

  constructor(journal: Journal, files: RecordFileQueue, clock: Clock) {
    this.#journal = journal;
    this.#files = files;
    this.#clock = clock;
  }

  /** Puts a writer into the next commit. Throws LEDGER_POISONED when there will be none. */
  schedule(writer: QueuedStreamWriter): void {
    if (this.#stopped !== null) throw this.#stopped;
    this.#ready.add(writer);
    this.#draining ??= this.#drain();
  }

  /** Resolves when no commit is under way. */
  async idle(): Promise<void> {
    while (this.#draining !== null) await this.#draining;
  }

  /** Files durable, rows trimmed. Throws what failed. */
  async settle(): Promise<void> {
    await this.idle();
    await this.#settled();
  }

  /** Commits what waits, settles, and refuses everything later. */
  async close(): Promise<void> {
    await this.idle();
    if (this.#stopped !== null) return;
    this.#stopped = new LilyError("LEDGER_POISONED", "the ledger is closed");
    await this.#files.settle();
  }

  async #drain(): Promise<void> {
    while (this.#ready.size > 0) {
      await this.#clock.nextTurn();
      const writers = this.#ready;
      this.#ready = new Set();
      await this.#commit(writers);
    }
    this.#draining = null;
    if (!this.#files.isEmpty) void this.#flushWhenQuiet();
  }

  async #commit(writers: ReadonlySet<QueuedStreamWriter>): Promise<void> {
    const at = timeText(this.#clock.nowMs());
    const batches: WriterBatch[] = [];
    const units: CommitUnit[] = [];
    for (const writer of writers) {
      const batch = await writer.takeBatch(at);
      if (batch.unit === null) batch.settle({ outcome: "committed" });
      else {
        batches.push(batch);
        units.push(batch.unit);
      }
    }
    if (units.length === 0) return;
    const outcomes = await this.#commitUnits(units, batches, writers);
    outcomes.forEach((outcome, index) => this.#accept(outcome, units[index], batches[index]));
    await this.#afterCommit();
  }

  async #commitUnits(
    units: readonly CommitUnit[],
    batches: readonly WriterBatch[],
    writers: ReadonlySet<QueuedStreamWriter>,
  ): Promise<readonly CommitOutcome[]> {
    try {
      if (this.#stopped !== null) throw this.#stopped;
      return await this.#journal.commit(units);
    } catch (thrown) {
      const poison = this.#poison(thrown, "a commit failed");
      for (const batch of batches) batch.fail(thrown);
      for (const writer of [...writers, ...this.#ready]) writer.kill(poison);
      this.#ready.clear();
      return [];
    }
  }

  #accept(outcome: CommitOutcome, unit: CommitUnit | undefined, batch: WriterBatch | undefined): void {
    if (outcome.outcome === "committed" && unit !== undefined) {
      for (const { stream, offset, bytes } of unit.appends) this.#files.add(stream, offset, bytes);
    }
    batch?.settle(outcome);
  }

  async #afterCommit(): Promise<void> {
    if (this.#files.outstandingBytes > settleAtBytes && this.#stopped === null) {
      this.#settling ??= this.#settled()
        .catch(() => undefined)
        .finally(() => {
          this.#settling = null;
        });
      if (this.#files.outstandingBytes > waitAtBytes) await this.#settling;
    } else if (this.#files.mustFlush) {
      await this.#files.flush().catch((thrown: unknown) => this.#poison(thrown, "a record file could not be written"));
    }
  }

  /** Several commits in a row share one write a file; a person who looks at the file between them sees it soon. */
  async #flushWhenQuiet(): Promise<void> {
    await this.#clock.nextTurn();
    if (this.#draining !== null || this.#stopped !== null) return;
    await this.#files.flush().catch((thrown: unknown) => this.#poison(thrown, "a record file could not be written"));
  }

  async #settled(): Promise<void> {
    if (this.#stopped !== null) throw this.#stopped;
    try {
      await this.#files.settle();
    } catch (thrown) {
      this.#poison(thrown, "record files could not be made durable");
      throw thrown;
    }
  }

  #poison(thrown: unknown, what: string): LilyError {
    this.#stopped ??= new LilyError("LEDGER_POISONED", `${what}, so this process stopped writing: ${messageOf(thrown)}`, { cause: thrown });
    return this.#stopped;
  }
}
