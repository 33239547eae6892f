import { type Digest, digestBytes, streamHasher } from "../../base/digest.ts";
import { writeAll, writeAllAsync } from "./durable-folder.ts";

/** Writes bytes or pieces into an open file and answers the digest of what was written. */
export async function writeHashed(fd: number, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<Digest> {
  if (content instanceof Uint8Array) {
    writeAll(fd, content);
    return digestBytes(content);
  }
  const hasher = streamHasher();
  for await (const piece of content) {
    const written = writeAllAsync(fd, piece);
    hasher.update(piece);
    await written;
  }
  return hasher.digest();
}
