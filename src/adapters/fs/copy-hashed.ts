import { streamHasher } from "../../base/digest.ts";
import { LilyError } from "../../base/lily-error.ts";
import type { ByteSource, ObjectStat } from "../../ports/object-store.ts";
import { syncFile, writeAll, writeAllAsync } from "./durable-folder.ts";

/** Small inputs are the many: they cost one small buffer. */
const firstPieceBytes = 1 << 16;
const pieceBytes = 1 << 21;
/** Bytes after which the file is synced beside the copy, so that the last sync does not wait for everything. */
const syncEveryBytes = 128 << 20;

/**
 * Copies a source into an open file and hashes it on the way. Two buffers: while one piece is written and the next is read by the thread
 * pool, this thread hashes, so that the copy runs near the speed of SHA-256 alone. Throws INPUT_TOO_LARGE before writing beyond `bytesMax`.
 */
export async function copyHashed(source: ByteSource, fd: number, bytesMax: number): Promise<ObjectStat> {
  const hasher = streamHasher();
  let size = 0;
  let synced = 0;
  let sync = Promise.resolve();
  let current = new Uint8Array(firstPieceBytes);
  let spare = new Uint8Array(0);
  let count = await fill(source, current);
  while (count > 0) {
    const piece = current.subarray(0, count);
    size += count;
    if (size > bytesMax) throw new LilyError("INPUT_TOO_LARGE", `the input is larger than ${bytesMax} bytes`, { details: { bytesMax } });
    if (count < current.length) {
      writeAll(fd, piece);
      hasher.update(piece);
      break;
    }
    const written = writeAllAsync(fd, piece);
    if (spare.length < pieceBytes) spare = new Uint8Array(pieceBytes);
    const next = fill(source, spare);
    hasher.update(piece);
    const [outcome, filled] = await Promise.allSettled([written, next]);
    if (outcome.status === "rejected") throw outcome.reason;
    if (filled.status === "rejected") throw filled.reason;
    if (size - synced >= syncEveryBytes) {
      // A sync that failed poisons the file: its error surfaces here or at the end, and the file is never published.
      await sync;
      synced = size;
      sync = syncFile(fd);
      sync.catch(() => {});
    }
    count = filled.value;
    [current, spare] = [spare, current];
  }
  await sync;
  return { digest: hasher.digest(), size };
}

/** Reads until the buffer is full or the source ends, so that a short piece means the end. */
async function fill(source: ByteSource, into: Uint8Array): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const count = await source.read(done === 0 ? into : into.subarray(done));
    if (count === 0) break;
    done += count;
  }
  return done;
}
