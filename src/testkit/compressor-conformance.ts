import { expect, it } from "vitest";
import type { Compressor } from "../ports/compressor.ts";

/** What a browser does with it. */
async function unpacked(packed: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([Uint8Array.from(packed)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** What every Compressor promises. */
export function compressorConformance(open: () => Compressor | Promise<Compressor>): void {
  it("what is packed unpacks to the same bytes as browsers unpack it", async () => {
    const compressor = await open();
    for (const bytes of [
      new Uint8Array(0),
      new TextEncoder().encode("hello ".repeat(5_000)),
      Uint8Array.from({ length: 70_000 }, (_, at) => (at * 7919) % 251),
    ])
      expect(Buffer.compare(await unpacked(await compressor.gzip(bytes)), bytes)).toBe(0);
  });

  it("makes repetitive bytes much smaller", async () => {
    const packed = await (await open()).gzip(new TextEncoder().encode("hello ".repeat(1_000)));
    expect(packed.length).toBeLessThan(200);
  });

  it("the same bytes give the same result, without a time in it", async () => {
    const compressor = await open();
    const bytes = new TextEncoder().encode("the same");
    const packed = await compressor.gzip(bytes);
    expect([...packed.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
    expect(await compressor.gzip(bytes)).toEqual(packed);
  });
}
