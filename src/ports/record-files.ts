import type { StreamId } from "../contracts/ids.ts";

/**
 * Record files at their fixed offsets. They are written from the journal, so whoever writes them writes the same bytes; a reader
 * must not look beyond the committed end. Only `sync` makes writes durable; until then the journal rows carry them.
 */
export interface RecordFiles {
  /** Writes all bytes at the offset, making file and folders when missing. A short write is a failure (STORAGE_FULL, STORAGE_FAILED). */
  writeAt(stream: StreamId, offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes earlier writes of these streams durable, and the folder entries of new files. */
  sync(streams: readonly StreamId[]): Promise<void>;
  /** Length in bytes; 0 when there is no file. */
  size(stream: StreamId): Promise<number>;
  /** Up to `length` bytes from `offset`; fewer at the end of the file. */
  read(stream: StreamId, offset: number, length: number): Promise<Uint8Array>;
  /** Copies the bytes from `fromOffset` durably into quarantine, then cuts the file there. Returns the quarantine name. */
  setAside(stream: StreamId, fromOffset: number): Promise<{ readonly name: string; readonly bytes: Uint8Array }>;
  /** Streams that have a file. */
  list(): Promise<readonly StreamId[]>;
  /** A path for people, as `runs/<id>/record.jsonl`, relative to the workspace root. */
  displayPath(stream: StreamId): string;
  close(): Promise<void>;
}
