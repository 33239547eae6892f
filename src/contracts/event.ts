import type { Digest } from "../base/digest.ts";
import type { EventData, EventKind } from "./events.ts";
import type { StreamId } from "./ids.ts";

/** What happened, before anybody signs for it. */
export type EventBody = {
  readonly [K in EventKind]: {
    readonly kind: K;
    /** Idempotency within the stream (L5), as `STEP_STARTED/<step>/<attempt>`. */
    readonly key: string;
    readonly data: EventData[K];
  };
}[EventKind];

/** What a writer asks to append; the ledger gives it `seq`, `prev`, `at`, `token` and the hash. */
export type EventDraft = EventBody & {
  /** The acting principal, as `user:ada`. */
  readonly by: string;
  /** RFC 3339 time; the ledger's clock when absent. A writer that folds before it appends gives it, so that both folds agree (L6). */
  readonly at?: string;
};

/** As much of an event as a fold needs; a `LedgerEvent` is one. */
export type FoldedEvent = EventBody & { readonly at: string };

export type EventBodyOf<K extends EventKind> = Extract<EventBody, { readonly kind: K }>;

/** An event of the record, version 1; its line and hash: docs/formats/record.md. */
export type LedgerEvent = {
  readonly [K in EventKind]: {
    readonly v: 1;
    readonly stream: StreamId;
    readonly seq: number;
    readonly prev: Digest | null;
    readonly token: number;
    readonly at: string;
    readonly by: string;
    readonly kind: K;
    readonly key: string;
    readonly data: EventData[K];
    readonly hash: Digest;
  };
}[EventKind];

export type EventOf<K extends EventKind> = Extract<LedgerEvent, { readonly kind: K }>;
