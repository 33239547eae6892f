/** One change of each kind; `node test/reuse/corpus.ts` makes all of them. */
import { expect, test } from "vitest";
import { kindCount } from "./changes.ts";
import { isFlawless, runCorpus } from "./corpus.ts";

test("B3: after a change of one input exactly the steps that depend on it run, their certificates name exactly it, and taken back everything is reused", {
  timeout: 120_000,
}, async () => {
  const figures = await runCorpus(1, () => true);
  expect(figures.notes).toEqual([]);
  expect(isFlawless(figures)).toBe(true);
  expect(figures.changes).toBe(kindCount);
});
