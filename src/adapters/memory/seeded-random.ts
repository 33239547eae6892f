/** Numbers in [0, 1) that a seed repeats (mulberry32). For hostile test adapters; no secret comes from it. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Lets other work run for a number of turns that the seed chooses, so that callers cannot rely on an order. */
export async function someTurns(random: () => number, turnsMax = 3): Promise<void> {
  for (let turns = Math.floor(random() * (turnsMax + 1)); turns > 0; turns--) await new Promise<void>((resolve) => setImmediate(resolve));
}
