import type { Digest } from "../base/digest.ts";

/** Bytes that are read piece by piece, from the start, once. */
export interface ByteSource {
  /** Fills `into` from its start; resolves to the count, 0 at the end. */
  read(into: Uint8Array): Promise<number> | number;
  close(): Promise<void>;
}

export interface ObjectStat {
  readonly digest: Digest;
  readonly size: number;
}

/**
 * Write-once bytes under their SHA-256 (A1). Putting what is there already is a no-op after its bytes were verified.
 *
 * `put` and `putSource` are durable on return and publish the object at once: a reader sees all of it or nothing. A crash leaves at most
 * a temporary file that nothing names. Every read verifies: bytes that do not give the digest are never handed out (OBJECT_CORRUPT);
 * what is absent is OBJECT_MISSING. Errors: STORAGE_FULL, STORAGE_FAILED, INPUT_TOO_LARGE.
 */
export interface ObjectStore {
  put(bytes: Uint8Array): Promise<ObjectStat>;
  /** Streams, hashing while it writes. Does not close the source. */
  putSource(source: ByteSource, options?: { readonly bytesMax?: number }): Promise<ObjectStat>;
  get(digest: Digest, options?: { readonly bytesMax?: number }): Promise<Uint8Array>;
  /** Verified first, then readable piece by piece. */
  open(digest: Digest): Promise<ByteSource & { readonly size: number }>;
  /** Size without reading; null when absent. */
  stat(digest: Digest): Promise<ObjectStat | null>;
  /** Every object, in digest order. */
  list(): AsyncIterable<ObjectStat>;
}
