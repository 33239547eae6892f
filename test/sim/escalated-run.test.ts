import { expect, test } from "vitest";
import { escalatedRun } from "../fault/escalated-run.ts";

test("S1 E7 L6: 400 random runs whose security state rises and whose power is cut start nothing after it, and are closed whole or not at all", async () => {
  let incomplete = 0;
  for (let seed = 1; seed <= 400; seed++) if ((await escalatedRun(seed)).incomplete) incomplete++;
  expect(incomplete).toBeGreaterThan(100);
});
