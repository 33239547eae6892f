import { expect, test } from "vitest";
import { replaySeed } from "./shell-replay.ts";

test("E2 E5 L2 L6 B5: over random graphs with the power cut anywhere, reruns, replacements, dry runs and forks leave what was there, do again what stands on it, and come to rest", async () => {
  const requests: Record<string, number> = {};
  let cuts = 0;
  for (let seed = 1; seed <= 50; seed++) {
    const replayed = await replaySeed(seed).catch((thrown: unknown) => {
      throw new Error(`seed ${seed}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
    });
    cuts += replayed.cuts;
    for (const [kind, count] of Object.entries(replayed.requests)) requests[kind] = (requests[kind] ?? 0) + count;
  }
  expect(cuts).toBeGreaterThan(100);
  for (const kind of ["rerun", "replace", "judge", "fork"]) expect(requests[kind], kind).toBeGreaterThan(30);
});
