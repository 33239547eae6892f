import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { zlibCompressor } from "./compressor.ts";

test("what is packed unpacks to the same bytes, and the same bytes give the same result, without a time in it", async () => {
  const bytes = new TextEncoder().encode("hello ".repeat(1_000));
  const packed = await zlibCompressor.gzip(bytes);
  expect(gunzipSync(packed).equals(bytes)).toBe(true);
  expect(packed.length).toBeLessThan(200);
  expect([...packed.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
  expect(await zlibCompressor.gzip(bytes)).toEqual(packed);
});
