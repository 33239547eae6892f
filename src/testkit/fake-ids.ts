import { type RunId, parseRunId } from "../contracts/ids.ts";
import type { IdSource } from "../ports/id-source.ts";

/** Ids and randomness that repeat for the same seed. Run ids look like UUIDv7 and count up, so that they sort by age. */
export function createFakeIds(seed = 1): IdSource {
  let state = seed >>> 0;
  let runs = 0;
  // mulberry32: small, and good enough to make names differ.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const hex = (byteCount: number): string => Array.from({ length: byteCount }, () => (next() & 0xff).toString(16).padStart(2, "0")).join("");
  const runId = (): RunId => {
    const count = (runs++).toString(16).padStart(12, "0");
    return parseRunId(`${count.slice(0, 8)}-${count.slice(8)}-7${hex(2).slice(1)}-8${hex(2).slice(1)}-${hex(6)}`);
  };
  return { runId, randomHex: hex };
}
