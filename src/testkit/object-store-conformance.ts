import { expect, it } from "vitest";
import { type Digest, digestBytes } from "../base/digest.ts";
import type { ByteSource, ObjectStat, ObjectStore } from "../ports/object-store.ts";

export interface ObjectStoreBed {
  readonly store: ObjectStore;
  /** Changes a byte of a stored object behind the store's back. */
  corrupt(digest: Digest): void | Promise<void>;
  /** Cuts the last byte of a stored object. */
  truncate(digest: Digest): void | Promise<void>;
}

/** A source over bytes that gives at most `pieceMax` a read, so that short reads are met. */
export function bytesSource(bytes: Uint8Array, pieceMax = 1_000): ByteSource & { readonly closed: () => boolean } {
  let at = 0;
  let closed = false;
  return {
    read: (into) => {
      const count = Math.min(into.length, bytes.length - at, pieceMax);
      into.set(bytes.subarray(at, at + count));
      at += count;
      return count;
    },
    close: async () => {
      closed = true;
    },
    closed: () => closed,
  };
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const absent = `sha256:${"0".repeat(64)}` as Digest;

async function drain(source: ByteSource, pieceBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = new Uint8Array(pieceBytes);
    const count = await source.read(piece);
    if (count === 0) break;
    pieces.push(piece.slice(0, count));
  }
  await source.close();
  return new Uint8Array(Buffer.concat(pieces));
}

async function listed(store: ObjectStore): Promise<readonly ObjectStat[]> {
  const stats: ObjectStat[] = [];
  for await (const stat of store.list()) stats.push(stat);
  return stats;
}

/** What every object store promises. `open` makes a fresh, empty one for each case. */
export function objectStoreConformance(open: () => Promise<ObjectStoreBed>): void {
  it("A1: gives back the bytes under their SHA-256", async () => {
    const { store } = await open();
    const stat = await store.put(text("hello\n"));
    expect(stat).toEqual({ digest: "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03", size: 6 });
    expect(new TextDecoder().decode(await store.get(stat.digest))).toBe("hello\n");
  });

  it("A1: keeps the empty object", async () => {
    const { store } = await open();
    const { digest } = await store.put(new Uint8Array(0));
    expect((await store.get(digest)).length).toBe(0);
    expect((await store.open(digest)).size).toBe(0);
    expect((await store.putSource(bytesSource(new Uint8Array(0)))).digest).toBe(digest);
  });

  it("A1: putting what is there is a no-op that answers the same", async () => {
    const { store } = await open();
    const first = await store.put(text("same"));
    expect(await store.put(text("same"))).toEqual(first);
    expect(await store.putSource(bytesSource(text("same")))).toEqual(first);
    expect(await listed(store)).toEqual([first]);
  });

  it("A1: many writers of the same bytes leave one object", async () => {
    const { store } = await open();
    const stats = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? store.put(text("race")) : store.putSource(bytesSource(text("race"))))));
    expect(new Set(stats.map((stat) => stat.digest)).size).toBe(1);
    expect(await listed(store)).toHaveLength(1);
  });

  it("keeps its own copy of the bytes that were handed in and out", async () => {
    const { store } = await open();
    const bytes = text("mine");
    const put = store.put(bytes);
    const { digest } = await put;
    bytes.fill(0);
    const out = await store.get(digest);
    out.fill(0);
    expect(new TextDecoder().decode(await store.get(digest))).toBe("mine");
  });

  it.each([1, 999, 65_535, 65_536, 65_537, 2_097_152, 5_000_001])("streams %i bytes in and out", async (size) => {
    const { store } = await open();
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31) % 251);
    const source = bytesSource(bytes, 100_003);
    const stat = await store.putSource(source);
    expect(stat).toEqual({ digest: digestBytes(bytes), size });
    expect(source.closed()).toBe(false);
    expect(digestBytes(await drain(await store.open(stat.digest), 70_001))).toBe(stat.digest);
    expect(await store.stat(stat.digest)).toEqual(stat);
  });

  it("INPUT_TOO_LARGE: a source beyond the limit stores nothing", async () => {
    const { store } = await open();
    await expect(store.putSource(bytesSource(text("12345")), { bytesMax: 4 })).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
    expect(await store.putSource(bytesSource(text("1234")), { bytesMax: 4 })).toMatchObject({ size: 4 });
    expect(await listed(store)).toHaveLength(1);
  });

  it("INPUT_TOO_LARGE: an object beyond the reader's limit is not read", async () => {
    const { store } = await open();
    const { digest } = await store.put(text("12345"));
    await expect(store.get(digest, { bytesMax: 4 })).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
    expect(await store.get(digest, { bytesMax: 5 })).toHaveLength(5);
  });

  it("OBJECT_MISSING: says what is absent, and stat answers null", async () => {
    const { store } = await open();
    await expect(store.get(absent)).rejects.toMatchObject({ code: "OBJECT_MISSING" });
    await expect(store.open(absent)).rejects.toMatchObject({ code: "OBJECT_MISSING" });
    expect(await store.stat(absent)).toBeNull();
  });

  it.each(["corrupt", "truncate"] as const)("A1: never serves, and never accepts over, bytes that were damaged (%s)", async (damage) => {
    const bed = await open();
    const { digest } = await bed.store.put(text("precious"));
    await bed[damage](digest);
    await expect(bed.store.get(digest)).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
    await expect(bed.store.open(digest)).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
    await expect(bed.store.put(text("precious"))).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
    await expect(bed.store.putSource(bytesSource(text("precious")))).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
  });

  it("lists every object in digest order", async () => {
    const { store } = await open();
    const digests = await Promise.all(Array.from({ length: 50 }, async (_, i) => (await store.put(text(`object ${i}`))).digest));
    expect((await listed(store)).map((stat) => stat.digest)).toEqual(digests.sort());
  });

  it("a source that fails passes its error and leaves nothing", async () => {
    const { store } = await open();
    const failing: ByteSource = { read: () => Promise.reject(new RangeError("broken source")), close: async () => {} };
    await expect(store.putSource(failing)).rejects.toThrow(/broken source|cannot store/);
    expect(await listed(store)).toEqual([]);
  });
}
