/**
 * Owns: objects in memory, with the promises of the port and none of the luck: calls take a seeded number of turns, sources are read in
 * pieces of odd sizes, bytes handed in or out are copies, and tests can damage, cut, remove or fail on purpose.
 */
import { type Digest, digestBytes } from "../../base/digest.ts";
import { LilyError } from "../../base/lily-error.ts";
import type { ByteSource, ObjectStat, ObjectStore } from "../../ports/object-store.ts";
import { seededRandom, someTurns } from "./seeded-random.ts";

export interface MemoryObjectStore extends ObjectStore {
  /** Flips one byte of a stored object; false when it is absent or empty. */
  corrupt(digest: Digest): boolean;
  /** Cuts the last byte of a stored object. */
  truncate(digest: Digest): boolean;
  remove(digest: Digest): boolean;
  /** The next put of any kind fails with this error and stores nothing. */
  failNextPut(error: LilyError): void;
}

export function createMemoryObjectStore(options: { readonly seed?: number } = {}): MemoryObjectStore {
  return new HostileObjectStore(options.seed ?? 1);
}

class HostileObjectStore implements MemoryObjectStore {
  readonly #objects = new Map<Digest, Uint8Array>();
  readonly #random: () => number;
  #failure: LilyError | null = null;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  async put(bytes: Uint8Array): Promise<ObjectStat> {
    const copy = bytes.slice();
    await someTurns(this.#random);
    this.#failWhenAsked();
    const digest = digestBytes(copy);
    const known = this.#objects.get(digest);
    if (known !== undefined && digestBytes(known) !== digest) throw corruptError(digest);
    if (known === undefined) this.#objects.set(digest, copy);
    await someTurns(this.#random);
    return { digest, size: copy.length };
  }

  async putSource(source: ByteSource, options: { readonly bytesMax?: number } = {}): Promise<ObjectStat> {
    const bytesMax = options.bytesMax ?? Number.MAX_SAFE_INTEGER;
    const pieces: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const piece = new Uint8Array(1 + Math.floor(this.#random() * 4_096));
      const count = await source.read(piece);
      if (count === 0) break;
      size += count;
      if (size > bytesMax) throw new LilyError("INPUT_TOO_LARGE", `the input is larger than ${bytesMax} bytes`, { details: { bytesMax } });
      pieces.push(piece.slice(0, count));
    }
    return this.put(new Uint8Array(Buffer.concat(pieces)));
  }

  async get(digest: Digest, options: { readonly bytesMax?: number } = {}): Promise<Uint8Array> {
    await someTurns(this.#random);
    const bytes = this.#verified(digest);
    const bytesMax = options.bytesMax ?? Number.MAX_SAFE_INTEGER;
    if (bytes.length > bytesMax) throw new LilyError("INPUT_TOO_LARGE", `object ${digest} has ${bytes.length} bytes, more than ${bytesMax}`);
    return bytes.slice();
  }

  async open(digest: Digest): Promise<ByteSource & { readonly size: number }> {
    await someTurns(this.#random);
    const bytes = this.#verified(digest).slice();
    let at = 0;
    return {
      size: bytes.length,
      read: (into) => {
        // Short reads are legal, so callers meet them here.
        const count = Math.min(into.length, bytes.length - at, 1 + Math.floor(this.#random() * 65_536));
        into.set(bytes.subarray(at, at + count));
        at += count;
        return count;
      },
      close: async () => {},
    };
  }

  async stat(digest: Digest): Promise<ObjectStat | null> {
    await someTurns(this.#random);
    const bytes = this.#objects.get(digest);
    return bytes === undefined ? null : { digest, size: bytes.length };
  }

  async *list(): AsyncIterable<ObjectStat> {
    for (const digest of [...this.#objects.keys()].sort()) {
      await someTurns(this.#random, 1);
      const bytes = this.#objects.get(digest);
      if (bytes !== undefined) yield { digest, size: bytes.length };
    }
  }

  corrupt(digest: Digest): boolean {
    const bytes = this.#objects.get(digest);
    if (bytes === undefined || bytes.length === 0) return false;
    const at = Math.floor(this.#random() * bytes.length);
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    this.#objects.set(digest, damaged);
    return true;
  }

  truncate(digest: Digest): boolean {
    const bytes = this.#objects.get(digest);
    if (bytes === undefined || bytes.length === 0) return false;
    this.#objects.set(digest, bytes.slice(0, -1));
    return true;
  }

  remove(digest: Digest): boolean {
    return this.#objects.delete(digest);
  }

  failNextPut(error: LilyError): void {
    this.#failure = error;
  }

  #failWhenAsked(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure;
  }

  #verified(digest: Digest): Uint8Array {
    const bytes = this.#objects.get(digest);
    if (bytes === undefined) throw new LilyError("OBJECT_MISSING", `object ${digest} is not in memory`, { details: { digest } });
    if (digestBytes(bytes) !== digest) throw corruptError(digest);
    return bytes;
  }
}

function corruptError(digest: Digest): LilyError {
  return new LilyError("OBJECT_CORRUPT", `the stored bytes of ${digest} do not give this digest; they were not served`, { details: { digest } });
}
