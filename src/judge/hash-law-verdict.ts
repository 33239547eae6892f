import type { Hex64 } from "../base/digest.ts";
import type { GateVerdict } from "./gate-verdict.ts";

/** What evidence turned out to be. `missing` may still arrive; a `contradiction` never becomes right; `unreadable` is a fault of the machine. */
export type EvidenceState = "verified" | "missing" | "contradiction" | "unreadable";

/** Why a hash gate did not pass, and which state that is. The closed set; docs/formats/hash-gates.md explains each. */
export const hashLawCodes = {
  FLAG_MISSING: "missing",
  BUNDLE_MISSING: "missing",
  BUNDLE_EMPTY: "missing",
  INDEX_MISSING: "missing",
  RESULT_MISSING: "missing",
  FLAG_INVALID: "contradiction",
  FLAG_FIELD_MISSING: "contradiction",
  INDEX_INVALID: "contradiction",
  INDEX_EMPTY: "contradiction",
  PATH_ESCAPES: "contradiction",
  PATH_DUPLICATE: "contradiction",
  FILE_MISSING: "contradiction",
  FILE_UNFIT: "contradiction",
  MEMBER_DIGEST_MISMATCH: "contradiction",
  DIGEST_MISMATCH: "contradiction",
  RESULT_INVALID: "contradiction",
  RESULT_DIFFERS: "contradiction",
  GATE_INVALID: "unreadable",
  EVIDENCE_UNREADABLE: "unreadable",
} as const satisfies Record<string, EvidenceState>;
export type HashLawCode = keyof typeof hashLawCodes;

export interface HashLawVerdict extends GateVerdict {
  readonly evidence: EvidenceState;
  /** Null when verified. */
  readonly code: HashLawCode | null;
  /** The file that decided, relative to the tree; null when it was not one file. */
  readonly path: string | null;
  /** `digest` for laws over bytes, `asserted` for a result that another tool wrote. */
  readonly strength: "digest" | "asserted";
  /** What the bytes give and what the flag says; null where the law did not get that far. */
  readonly computed: Hex64 | null;
  readonly claimed: Hex64 | null;
  /** Files that the law covers. */
  readonly files: number;
  /** Files under the root that an index does not list; reported, not judged. */
  readonly unlisted: readonly string[];
}

export interface HashLawProblem {
  readonly code: HashLawCode;
  readonly path: string | null;
  readonly message: string;
}

export function hashLawProblem(code: HashLawCode, path: string | null, message: string): HashLawProblem {
  return { code, path, message };
}

type VerdictFacts = Pick<HashLawVerdict, "strength" | "files" | "unlisted"> & Partial<Pick<HashLawVerdict, "computed" | "claimed">>;

export function verifiedVerdict(facts: VerdictFacts): HashLawVerdict {
  return { ...shared(facts), status: "passed", reason: null, evidence: "verified", code: null, path: null };
}

/** Missing and contradictory evidence both fail a gate; evidence that could not be read errs, which is no pass either (E4). */
export function refusedVerdict(problem: HashLawProblem, facts: VerdictFacts): HashLawVerdict {
  const evidence = hashLawCodes[problem.code];
  const reason = `${problem.code}: ${problem.message}`;
  return { ...shared(facts), status: evidence === "unreadable" ? "error" : "failed", reason, evidence, code: problem.code, path: problem.path };
}

function shared(facts: VerdictFacts) {
  const metrics = { files: facts.files, unlisted: facts.unlisted.length };
  return { strength: facts.strength, files: facts.files, unlisted: facts.unlisted, computed: facts.computed ?? null, claimed: facts.claimed ?? null, metrics };
}
