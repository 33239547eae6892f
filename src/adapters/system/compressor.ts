import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Compressor } from "../../ports/compressor.ts";

const pack = promisify(gzip);

export const zlibCompressor: Compressor = {
  // A header without a time, so that the same bytes give the same file.
  gzip: (bytes) => pack(bytes, { level: 9 }),
};
