import { describe, expect, test } from "vitest";
import { simulateSeed } from "./simulate-seed.ts";

describe("the scheduler under simulation", () => {
  test("E1 E2 E3 E4 E5 S1 L5 L6: 3,000 random runs with crashes, cancels, reuse, reruns, replacements, dry runs, escalations and illegal events keep every invariant and come to rest", () => {
    const outcomes = new Map<string, number>();
    let requests = 0;
    let reuses = 0;
    for (let seed = 1; seed <= 3_000; seed++) {
      const { state, ...counts } = simulateSeed(seed);
      requests += counts.requests;
      reuses += counts.reuses;
      outcomes.set(state.phase, (outcomes.get(state.phase) ?? 0) + 1);
    }
    expect(Math.min(requests, reuses)).toBeGreaterThan(1_000);
    for (const outcome of ["succeeded", "failed", "blocked", "canceled", "incomplete"]) expect(outcomes.get(outcome), outcome).toBeGreaterThan(20);
  });

  test("L6: the same seed gives the same record", () => {
    for (let seed = 1; seed <= 200; seed++) expect(simulateSeed(seed).events).toEqual(simulateSeed(seed).events);
  });
});
