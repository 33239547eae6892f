import { describe } from "vitest";
import { compressorConformance } from "../../testkit/compressor-conformance.ts";
import { zlibCompressor } from "./compressor.ts";

describe("zlib", () => {
  compressorConformance(() => zlibCompressor);
});
