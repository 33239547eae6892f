import type { Digest } from "../base/digest.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { StreamHead } from "./journal.ts";
import type { ArtifactId, RunId, StreamId } from "../contracts/ids.ts";

export interface RunRow {
  readonly run_id: RunId;
  readonly kind: string;
  readonly workflow: string | null;
  readonly title: string | null;
  readonly status: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly events: number;
}

/** Where the bytes of an artifact are: in the object store, or riding in an event. */
export interface ArtifactRow {
  readonly artifact: ArtifactRef;
  readonly stream: StreamId;
  readonly seq: number;
  readonly inline: boolean;
}

/** An attempt of a pure step that completed, with the materials it recorded. */
export interface ResultRow {
  readonly run_id: RunId;
  readonly workflow: string | null;
  readonly step_id: string;
  readonly attempt: number;
  /** Of its STEP_COMPLETED. */
  readonly seq: number;
  readonly event: Digest;
  readonly at: string;
  /** When it was made, or stood in for the step in another run last. */
  readonly used_at: string;
  readonly key: Digest;
  /** Null where results were asked for by key: whoever uses one of those reads its record. */
  readonly materials: ArtifactRef | null;
  /** The stored text of the materials where it rode in its event. */
  readonly inline: string | null;
  /** The event that speaks against it, in its own record or in that of a run which stands on it; null for a result that counts. */
  readonly against: ResultAgainst | null;
}

interface ResultAgainst {
  readonly run_id: RunId;
  readonly seq: number;
}

/** By reuse key, or by the step of a workflow; those that count, or those that something speaks against. */
export type ResultFilter = ({ readonly key: Digest } | { readonly workflow: string; readonly step_id: string }) & { readonly spoiled?: boolean };

export interface ArtifactFilter {
  readonly run_id?: string;
  readonly artifact_type?: string;
  readonly producer_id?: string;
  readonly artifact_name?: string;
  readonly digest?: string;
  readonly limit?: number;
}

/**
 * Derived lookup tables, rebuilt from records at any time (L6). Not durable on return; a crash loses at most what the cursor shows.
 * Errors: INDEX_DAMAGED.
 */
export interface RunIndex {
  /** Change number of the journal up to which the index has folded, and how many events of each stream it holds. */
  cursor(): Promise<number>;
  folded(stream: StreamId): Promise<number>;
  /** Applies the next events of streams and moves the cursor, in one transaction. Events below `folded` are ignored. */
  apply(batches: readonly { readonly head: StreamHead; readonly events: readonly LedgerEvent[] }[], cursor: number): Promise<void>;
  runs(filter: { readonly status?: string; readonly idPrefix?: string; readonly limit?: number }): Promise<readonly RunRow[]>;
  artifacts(filter: ArtifactFilter): Promise<readonly ArtifactRow[]>;
  artifact(idPrefix: string): Promise<readonly ArtifactRow[]>;
  /** Artifacts that name this one as an input. */
  consumers(id: ArtifactId): Promise<readonly ArtifactRow[]>;
  /**
   * Attempts of pure steps, those that were made or reused last first. Without `spoiled`, only those that nothing recorded later speaks
   * against: another attempt of the step in the same run, a required gate that did not pass, a violation, a replaced output, a run left
   * incomplete; nor, in any run that stands on the result (by reuse or fork), such a gate or replacement. A hint, never the word:
   * whoever uses a result looks into the record.
   */
  results(filter: ResultFilter, limit: number): Promise<readonly ResultRow[]>;
  clear(): Promise<void>;
  close(): Promise<void>;
}
