import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { canonicalJson } from "../../src/base/canonical-json.ts";
import { parseDigest } from "../../src/base/digest.ts";
import { forkProofSchema } from "../../src/artifacts/builtin-schemas.ts";
import { eventDataSchemas } from "../../src/contracts/events.ts";
import { claimProblems, proveFork, sourceProblems } from "../../src/ledger/fork-proof.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/formats/replay.md"), "utf8");
const example = (name: string): string => new RegExp(`^\`\`\`\\w+ id=${name}\\n([\\s\\S]*?)\\n\`\`\`$`, "m").exec(page)?.[1] ?? "";

test("docs/formats/replay.md: the claim, its hashes and its proof agree, and are what the code writes", () => {
  const hashes = example("hashes").split("\n").map(parseDigest);
  const claim = eventDataSchemas.RUN_FORKED.parse(JSON.parse(example("forked")));
  const proof = proveFork(claim.from.run_id, hashes, claim.prefix.events);
  expect(canonicalJson({ ...proof, consistency: [...proof.consistency] })).toBe(example("proof"));
  expect(forkProofSchema.safeParse(JSON.parse(example("proof"))).success).toBe(true);
  expect([...claimProblems(claim, proof), ...sourceProblems(claim, hashes)]).toEqual([]);
  for (const [name, schema] of [
    ["forked", eventDataSchemas.RUN_FORKED],
    ["replaced", eventDataSchemas.ARTIFACT_REPLACED],
  ] as const)
    expect(canonicalJson(JSON.parse(canonicalJson({ ...schema.parse(JSON.parse(example(name))) })))).toBe(example(name));
});
