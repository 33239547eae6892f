import { describe, expect, test } from "vitest";
import { simulateSeed } from "./simulate-seed.ts";

describe("the scheduler under simulation", () => {
  test("E1 E2 E3 E4 L5 L6: 3,000 random runs with crashes, cancels and illegal events keep every invariant and come to rest", () => {
    const outcomes = new Map<string, number>();
    for (let seed = 1; seed <= 3_000; seed++) {
      const { state } = simulateSeed(seed);
      outcomes.set(state.phase, (outcomes.get(state.phase) ?? 0) + 1);
    }
    for (const outcome of ["succeeded", "failed", "blocked", "canceled"]) expect(outcomes.get(outcome), outcome).toBeGreaterThan(20);
  });

  test("L6: the same seed gives the same record", () => {
    for (let seed = 1; seed <= 200; seed++) expect(simulateSeed(seed).events).toEqual(simulateSeed(seed).events);
  });
});
