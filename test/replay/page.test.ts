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
  expect(canonicalJson({ ...claim, step_ids: [...claim.step_ids] })).toBe(example("forked"));
  const { why_artifact_id: _, step_id = "", ...replaced } = eventDataSchemas.ARTIFACT_REPLACED.parse(JSON.parse(example("replaced")));
  expect(canonicalJson({ ...replaced, step_id })).toBe(example("replaced"));
});
