/**
 * Owns: committed bytes on their way from the journal into record files, and which journal rows may be trimmed.
 * States: queued (in memory), written (in the file, not durable), settled (durable, rows trimmed).
 * Invariants
 * - L2 Rows are trimmed only after a sync that covers the bytes of every row that is trimmed.
 * - L2 A failed write or sync is never tried again and then trusted: it is thrown, every later call fails with it, and rows stay.
 * Not responsible for: whether bytes are committed; callers add only what is.
 */
import type { StreamId } from "../contracts/ids.ts";
import type { RecordParts } from "./committed-bytes.ts";

interface Segment {
  readonly offset: number;
  readonly pieces: Uint8Array[];
  bytes: number;
}

/** Queued bytes at which they are written without waiting for a quiet moment. */
const queuedBytesMax = 1024 * 1024;

export class RecordFileQueue {
  readonly #parts: RecordParts;
  readonly #shared: (stream: StreamId) => boolean;
  #queued = new Map<StreamId, Segment[]>();
  #queuedBytes = 0;
  readonly #unsynced = new Map<StreamId, number>();
  #unsyncedBytes = 0;
  #work: Promise<void> = Promise.resolve();

  /** `shared` names streams to which other live processes may append: their rows are written here, too, before they are trimmed. */
  constructor(parts: RecordParts, shared: (stream: StreamId) => boolean) {
    this.#parts = parts;
    this.#shared = shared;
  }

  /** Bytes that only journal rows carry durably. */
  get outstandingBytes(): number {
    return this.#unsyncedBytes;
  }

  get mustFlush(): boolean {
    return this.#queuedBytes >= queuedBytesMax;
  }

  get isEmpty(): boolean {
    return this.#queuedBytes === 0;
  }

  add(stream: StreamId, offset: number, bytes: Uint8Array): void {
    const segments = this.#queued.get(stream) ?? [];
    if (segments.length === 0) this.#queued.set(stream, segments);
    const last = segments.at(-1);
    if (last !== undefined && last.offset + last.bytes === offset) {
      last.pieces.push(bytes);
      last.bytes += bytes.length;
    } else {
      segments.push({ offset, pieces: [bytes], bytes: bytes.length });
    }
    this.#queuedBytes += bytes.length;
    this.#unsyncedBytes += bytes.length;
    this.#unsynced.set(stream, Math.max(this.#unsynced.get(stream) ?? 0, offset + bytes.length));
  }

  /** Writes what is queued; not durable. */
  flush(): Promise<void> {
    return this.#next(() => this.#flush());
  }

  /** Writes rows that another process may not have written yet; all streams without `stream`. */
  replay(stream?: StreamId): Promise<void> {
    return this.#next(() => this.#replay(stream));
  }

  /** Makes everything added so far durable in the files and trims its rows. */
  settle(): Promise<void> {
    return this.#next(() => this.#settle());
  }

  /** One piece of work after the other, so that a sync covers every write before it. */
  #next(work: () => Promise<void>): Promise<void> {
    // A rejected chain stays rejected: after one failure nothing is written, synced or trimmed any more.
    this.#work = this.#work.then(work);
    this.#work.catch(() => undefined);
    return this.#work;
  }

  async #flush(): Promise<void> {
    const queued = this.#queued;
    this.#queued = new Map();
    this.#queuedBytes = 0;
    for (const [stream, segments] of queued) {
      for (const segment of segments) await this.#parts.files.writeAt(stream, segment.offset, joinedPieces(segment));
    }
  }

  async #replay(stream: StreamId | undefined): Promise<void> {
    for (const row of await this.#parts.journal.rows(stream)) this.add(row.stream, row.offset, row.bytes);
    await this.#flush();
  }

  async #settle(): Promise<void> {
    for (const stream of this.#unsynced.keys()) if (this.#shared(stream)) await this.#replay(stream);
    // Taken before the write starts: what is added while it is under way is not in the file yet, and must not be trimmed.
    const ends = new Map(this.#unsynced);
    const settledBytes = this.#unsyncedBytes;
    await this.#flush();
    if (ends.size === 0) return;
    await this.#parts.files.sync([...ends.keys()]);
    for (const [stream, end] of ends) {
      await this.#parts.journal.trim(stream, end);
      if (this.#unsynced.get(stream) === end) this.#unsynced.delete(stream);
    }
    this.#unsyncedBytes -= settledBytes;
  }
}

function joinedPieces(segment: Segment): Uint8Array {
  const [only] = segment.pieces;
  if (segment.pieces.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(segment.bytes);
  let at = 0;
  for (const piece of segment.pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
