/**
 * Owns: the end of one stream as its writer sees it, the index of its keys, and the appends that wait for their turn.
 * States: open, dead (a commit was refused, or the ledger is poisoned). A dead writer never lives again.
 * Invariants
 * - L1 Sequence and link are given when a batch is formed, from the head that the batch before left.
 * - L3 A refused commit kills the writer: whoever moved the head or took the lease leads now.
 * - L5 A key that is recorded is never appended again: same kind and data gives the stored event, anything else a conflict.
 * Not responsible for: durability (commit queue), and what an event means.
 */
import { LilyError } from "../base/lily-error.ts";
import type { EventDraft, LedgerEvent } from "../contracts/event.ts";
import type { StreamId } from "../contracts/ids.ts";
import type { CommitOutcome, CommitUnit, StreamHead } from "../ports/journal.ts";
import { AppendBatch, checkSameEvent } from "./append-batch.ts";
import { type PreparedDraft, prepareDraft } from "./prepared-draft.ts";

export interface AppendOptions {
  /** `seal`: the head behind the last event becomes a leaf of the workspace log, in the same commit. */
  readonly leaf?: "seal";
}

/** Appends to one stream. Several appends may be under way; they are recorded in the order of the calls. */
export interface StreamWriter {
  readonly stream: StreamId;
  readonly token: number;
  /** The committed end as this writer knows it. */
  readonly head: StreamHead;
  /** Events committed. */
  readonly events: number;
  /**
   * Resolves to the events once they are durable (L2), all or none. An event whose key is recorded with the same kind and data is not
   * appended again: the stored one is returned (L5). Errors: LEDGER_EVENT_INVALID, LEDGER_KEY_CONFLICT, LEDGER_TOKEN_STALE,
   * LEDGER_HEAD_MOVED, LEDGER_POISONED, and STORAGE_FULL, STORAGE_FAILED, AUTHORITY_DAMAGED of the commit itself.
   */
  append(drafts: readonly EventDraft[], options?: AppendOptions): Promise<readonly LedgerEvent[]>;
}

interface Waiting {
  readonly drafts: readonly PreparedDraft[];
  readonly seal: boolean;
  readonly resolve: (events: readonly LedgerEvent[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Answered {
  readonly waiting: Waiting;
  readonly events: readonly LedgerEvent[];
}

/** A batch of one writer on its way through a commit. */
export interface WriterBatch {
  /** Null when everything was recorded before. */
  readonly unit: CommitUnit | null;
  /** Tells the writer and its callers how the commit went. */
  settle(outcome: CommitOutcome): void;
  fail(error: unknown): void;
}

export interface StreamWriterParts {
  readonly head: StreamHead;
  readonly token: number;
  /** Key to the offset of its line, of every event up to `head`. */
  readonly keys: Map<string, number>;
  /** Asks for a commit soon. Throws when the ledger accepts no more appends. */
  readonly schedule: (writer: QueuedStreamWriter) => void;
  /** The stored event whose line starts at `offset`. */
  readonly fetch: (head: StreamHead, offset: number) => Promise<LedgerEvent>;
}

export class QueuedStreamWriter implements StreamWriter {
  readonly stream: StreamId;
  readonly token: number;
  readonly #parts: StreamWriterParts;
  #head: StreamHead;
  #waiting: Waiting[] = [];
  #dead: LilyError | null = null;

  constructor(parts: StreamWriterParts) {
    this.#parts = parts;
    this.#head = parts.head;
    this.stream = parts.head.stream;
    this.token = parts.token;
  }

  get head(): StreamHead {
    return this.#head;
  }

  get events(): number {
    return this.#head.size;
  }

  append(drafts: readonly EventDraft[], options: AppendOptions = {}): Promise<readonly LedgerEvent[]> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== null) throw this.#dead;
      this.#parts.schedule(this);
      const prepared = drafts.map(prepareDraft);
      this.#waiting.push({ drafts: prepared, seal: options.leaf === "seal", resolve, reject });
    });
  }

  /** Forms one batch of everything that waits. */
  async takeBatch(at: string): Promise<WriterBatch> {
    const batch = new AppendBatch(this.#head, this.token, at);
    const answered: Answered[] = [];
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      const events = await this.#place(each, batch);
      if (events !== null) answered.push({ waiting: each, events });
    }
    return this.#batchOf(batch, answered);
  }

  /** Refuses everything that waits, now and later. */
  kill(error: LilyError): void {
    this.#dead = error;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) each.reject(error);
  }

  /** Events of one append, new or stored; null when it was refused, and then without a trace in the batch. */
  async #place(waiting: Waiting, batch: AppendBatch): Promise<readonly LedgerEvent[] | null> {
    const before = batch.count;
    try {
      const events: LedgerEvent[] = [];
      for (const draft of waiting.drafts) {
        const found = batch.find(draft.key) ?? this.#stored(draft.key);
        const stored = found instanceof Promise ? await found : found;
        events.push(stored === undefined ? batch.add(draft) : checkSameEvent(stored, draft, this.stream));
      }
      const last = events.at(-1);
      if (waiting.seal && last !== undefined && last.seq >= this.#head.size) batch.addLeaf(last);
      return events;
    } catch (thrown) {
      batch.cutTo(before);
      waiting.reject(thrown);
      return null;
    }
  }

  #stored(key: string): Promise<LedgerEvent> | undefined {
    const offset = this.#parts.keys.get(key);
    return offset === undefined ? undefined : this.#parts.fetch(this.#head, offset);
  }

  #batchOf(batch: AppendBatch, answered: readonly Answered[]): WriterBatch {
    const finished = batch.finish();
    const rejectAll = (error: unknown): void => {
      for (const { waiting } of answered) waiting.reject(error);
    };
    return {
      unit: finished === null ? null : { appends: [finished.append], leaves: batch.leaves },
      settle: (outcome) => {
        if (outcome.outcome === "refused") {
          const error = refusal(outcome.reason, this.stream, this.token);
          this.kill(error);
          rejectAll(error);
          return;
        }
        if (finished !== null) {
          this.#head = finished.head;
          for (const [key, offset] of finished.offsets) this.#parts.keys.set(key, offset);
        }
        for (const { waiting, events } of answered) waiting.resolve(events);
      },
      fail: rejectAll,
    };
  }
}

function refusal(reason: "head_moved" | "stale_token", stream: StreamId, token: number): LilyError {
  if (reason === "head_moved") {
    return new LilyError("LEDGER_HEAD_MOVED", `another writer appended to ${stream} first`, { details: { stream } });
  }
  return new LilyError("LEDGER_TOKEN_STALE", `L3: token ${token} no longer leads ${stream}`, { details: { stream, token } });
}
