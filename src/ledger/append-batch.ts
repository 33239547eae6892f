import type { Digest } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { StreamId } from "../contracts/ids.ts";
import type { LogLeaf, StreamAppend, StreamHead } from "../ports/journal.ts";
import { encodeLine, eventDataText, ledgerEvent } from "./event-line.ts";
import type { PreparedDraft } from "./prepared-draft.ts";

/** Events of one stream that will be committed together, behind `from`. */
export class AppendBatch {
  readonly #from: StreamHead;
  readonly #token: number;
  readonly #at: string;
  readonly #lines: string[] = [];
  readonly #events: LedgerEvent[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #leaves: LogLeaf[] = [];
  #hash: Digest | null;

  constructor(from: StreamHead, token: number, at: string) {
    this.#from = from;
    this.#token = token;
    this.#at = at;
    this.#hash = from.hash;
  }

  get count(): number {
    return this.#lines.length;
  }

  get leaves(): readonly LogLeaf[] {
    return this.#leaves;
  }

  /** The event of this batch with this key. */
  find(key: string): LedgerEvent | undefined {
    const index = this.#byKey.get(key);
    return index === undefined ? undefined : this.#events[index];
  }

  add(draft: PreparedDraft): LedgerEvent {
    const { kind, key, by, data, text } = draft;
    const { stream } = this.#from;
    const envelope = {
      v: 1,
      stream,
      seq: this.#from.size + this.count,
      prev: this.#hash,
      token: this.#token,
      at: draft.at ?? this.#at,
      by,
      kind,
      key,
      data,
    } as const;
    const { line, hash } = encodeLine(envelope, text);
    const event = ledgerEvent(envelope, kind, data, hash);
    this.#byKey.set(key, this.count);
    this.#lines.push(line);
    this.#events.push(event);
    this.#hash = hash;
    return event;
  }

  /** Makes the head behind the last event a leaf of the workspace log. */
  addLeaf(event: LedgerEvent): void {
    this.#leaves.push({ stream: event.stream, size: event.seq + 1, head: event.hash });
  }

  /** Drops events from number `count` on: their append was refused whole. */
  cutTo(count: number): void {
    for (const event of this.#events.splice(count)) this.#byKey.delete(event.key);
    this.#lines.length = count;
    this.#hash = this.#events.at(-1)?.hash ?? this.#from.hash;
  }

  /** What to commit; null when there is nothing new. `offsets` has where each key's line starts. */
  finish(): { readonly append: StreamAppend; readonly head: StreamHead; readonly offsets: ReadonlyMap<string, number> } | null {
    if (this.#hash === null || this.count === 0) return null;
    const { stream, size, hash: prev, bytes: offset } = this.#from;
    const bytes = new TextEncoder().encode(this.#lines.join(""));
    const append = { stream, token: this.#token, fromSeq: size, prev, offset, bytes, count: this.count, hash: this.#hash };
    const head = { stream, size: size + this.count, bytes: offset + bytes.length, hash: this.#hash };
    return { append, head, offsets: this.#offsets(bytes) };
  }

  #offsets(bytes: Uint8Array): ReadonlyMap<string, number> {
    const offsets = new Map<string, number>();
    let at = 0;
    for (const event of this.#events) {
      offsets.set(event.key, this.#from.bytes + at);
      at = bytes.indexOf(0x0a, at) + 1;
    }
    return offsets;
  }
}

/** L5: the same key may come again with the same kind and data only. */
export function checkSameEvent(stored: LedgerEvent, draft: PreparedDraft, stream: StreamId): LedgerEvent {
  if (stored.kind === draft.kind && eventDataText(stored) === draft.text) return stored;
  throw new LilyError("LEDGER_KEY_CONFLICT", `${stream} has event ${stored.seq} with the key ${draft.key} and other data`, {
    details: { stream, key: draft.key, seq: stored.seq },
  });
}
