import * as fs from "node:fs";
import type { ByteSource } from "../../ports/object-store.ts";
import { closeQuietly } from "./durable-folder.ts";
import { storageError } from "./storage-error.ts";

/** At most this much is read on the main thread; more goes through the thread pool, so that a slow disk does not stop timers. */
const inlineReadMax = 256 * 1024;

/** Reads an open file from its start. Owns the descriptor. */
export class FileSource implements ByteSource {
  readonly size: number;
  readonly #fd: number;
  #at = 0;
  #closed = false;

  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.size = size;
  }

  read(into: Uint8Array): Promise<number> | number {
    if (this.size > inlineReadMax) return this.#readLater(into);
    try {
      return this.#advance(fs.readSync(this.#fd, into, 0, into.length, this.#at));
    } catch (thrown) {
      throw storageError(thrown, "cannot read a file");
    }
  }

  rewind(): void {
    this.#at = 0;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#fd);
  }

  #readLater(into: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, into, 0, into.length, this.#at, (error, count) => {
        if (error === null) resolve(this.#advance(count));
        else reject(storageError(error, "cannot read a file"));
      });
    });
  }

  #advance(count: number): number {
    this.#at += count;
    return count;
  }
}

/** All bytes of an open file that is expected to hold `size`; shorter when it ended early. Does not close it. */
export async function readWhole(fd: number, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  const source = new FileSource(fd, size);
  let done = 0;
  while (done < size) {
    const count = await source.read(bytes.subarray(done, Math.min(size, done + (1 << 26))));
    if (count === 0) break;
    done += count;
  }
  return done === size ? bytes : bytes.subarray(0, done);
}
