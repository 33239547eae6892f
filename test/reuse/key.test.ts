/** A few kinds of the corpus by themselves, for whoever changes the key. */
import { expect, test } from "vitest";
import { isFlawless, runCorpus } from "./corpus.ts";

const some = ["title 0", "time limit 0", "lockfile 0", "new lockfile 0", "secret 0", "tool 0", "schema of a gate 0", "definition of a gate 0"];

test("B3: what changes an output is part of the key, and what changes none is not", { timeout: 60_000 }, async () => {
  const figures = await runCorpus(1, ({ name }) => some.includes(name));
  expect(figures.notes).toEqual([]);
  expect([isFlawless(figures), figures.changes]).toEqual([true, some.length]);
});
