import type { Digest } from "../base/digest.ts";
import type { StreamId } from "../contracts/ids.ts";

/** The committed end of a stream. */
export interface StreamHead {
  readonly stream: StreamId;
  /** Events committed. */
  readonly size: number;
  /** Length in bytes of the record file that holds exactly these events. */
  readonly bytes: number;
  /** Hash of the last event, null for an empty stream. */
  readonly hash: Digest | null;
}

/** Consecutive events of one stream as exact line bytes, each line ending in LF. */
export interface StreamAppend {
  readonly stream: StreamId;
  /** Lease token of the writer (invariant L3); 0 for streams that no lease guards (workspace), where only the head decides. */
  readonly token: number;
  /** Sequence of the first event; must equal the head's `size`. */
  readonly fromSeq: number;
  /** Must equal the head's `hash`. */
  readonly prev: Digest | null;
  /** Must equal the head's `bytes`. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Hash of the last event of this append. */
  readonly hash: Digest;
}

/** A leaf of the workspace log: the head of a sealed stream. */
export interface LogLeaf {
  readonly stream: StreamId;
  readonly size: number;
  readonly head: Digest;
}

/** Committed whole or refused whole. */
export interface CommitUnit {
  readonly appends: readonly StreamAppend[];
  /** Added to the workspace log behind the leaves that are there. */
  readonly leaves: readonly LogLeaf[];
}

export type CommitOutcome =
  | { readonly outcome: "committed" }
  | { readonly outcome: "refused"; readonly reason: "head_moved" | "stale_token"; readonly stream: StreamId };

/** One batch of a stream as it was committed, kept until the record file holds it durably. */
export interface JournalRow {
  readonly stream: StreamId;
  readonly fromSeq: number;
  readonly count: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * The commit point (design section 4). Owns heads, journal rows and log leaves.
 *
 * `commit` puts all units into one transaction, in order: a refused unit leaves no trace and does not stop the others; a unit sees
 * the heads that earlier units of the call left. On return every committed unit is durable (L2). A crash before the return leaves
 * all or none of the transaction. Errors: STORAGE_FULL, STORAGE_FAILED, AUTHORITY_DAMAGED: nothing of the call is then
 * acknowledged, and the outcome is unknown until heads are read again.
 */
export interface Journal {
  commit(units: readonly CommitUnit[]): Promise<readonly CommitOutcome[]>;
  head(stream: StreamId): Promise<StreamHead | null>;
  /** Heads of streams that changed after change number `since`, and the number to ask with next time. 0 gives all. */
  changedSince(since: number): Promise<{ readonly heads: readonly StreamHead[]; readonly change: number }>;
  /** Rows not yet trimmed, by stream and sequence; of one stream or of all. */
  rows(stream?: StreamId): Promise<readonly JournalRow[]>;
  /** Drops rows that end at or before `throughBytes`. Call only after the record file holds them durably. */
  trim(stream: StreamId, throughBytes: number): Promise<void>;
  /** Leaves of the workspace log from index `from`, in order. */
  leaves(from: number): Promise<readonly LogLeaf[]>;
}
