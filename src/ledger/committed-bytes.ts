import { LilyError } from "../base/lily-error.ts";
import type { Journal, JournalRow, StreamHead } from "../ports/journal.ts";
import type { RecordFiles } from "../ports/record-files.ts";

/** Where committed bytes are: record files, and journal rows for what the files do not durably hold yet. */
export interface RecordParts {
  readonly journal: Journal;
  readonly files: RecordFiles;
}

const pieceBytes = 256 * 1024;

/**
 * The committed bytes of a stream from `from` up to `head.bytes`, in pieces. `head` must have been read before the call: rows are
 * trimmed only after the file holds them, so whatever the rows do not carry now is in the file. What a file holds beyond the first
 * row is not looked at: the row is the truth. Throws LEDGER_DAMAGED when the file ends before the rows begin.
 */
export async function* committedBytes(parts: RecordParts, head: StreamHead, from: number): AsyncGenerator<Uint8Array, void, void> {
  if (from >= head.bytes) return;
  const rows = await parts.journal.rows(head.stream);
  const rowsFrom = Math.min(head.bytes, rows[0]?.offset ?? head.bytes);
  yield* fileBytes(parts.files, head, from, rowsFrom);
  yield* rowBytes(rows, head, Math.max(from, rowsFrom));
}

async function* fileBytes(files: RecordFiles, head: StreamHead, from: number, to: number): AsyncGenerator<Uint8Array, void, void> {
  for (let at = from; at < to; ) {
    const piece = await files.read(head.stream, at, Math.min(pieceBytes, to - at));
    if (piece.length === 0) {
      throw new LilyError("LEDGER_DAMAGED", `${files.displayPath(head.stream)} ends at byte ${at}, before its committed end ${head.bytes}`, {
        details: { stream: head.stream, offset: at, expected: head.bytes },
      });
    }
    yield piece;
    at += piece.length;
  }
}

function* rowBytes(rows: readonly JournalRow[], head: StreamHead, from: number): Generator<Uint8Array, void, void> {
  let at = from;
  for (const row of rows) {
    const end = Math.min(row.offset + row.bytes.length, head.bytes);
    if (end <= at) continue;
    if (row.offset > at) break;
    yield row.bytes.subarray(at - row.offset, end - row.offset);
    at = end;
  }
  if (at < head.bytes) {
    throw new LilyError("AUTHORITY_DAMAGED", `the journal has no row for byte ${at} of ${head.stream}, whose committed end is ${head.bytes}`, {
      details: { stream: head.stream, offset: at },
    });
  }
}
