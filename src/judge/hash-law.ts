/**
 * The four laws by which a hash gate is judged from bytes (docs/formats/hash-gates.md). Pure: facts about files in, a plan of what to hash and then a
 * verdict out. `runHashLaw` strings the two together over a tree of files.
 *
 * Invariants: E4, nothing passes that was not seen to agree; S5, empty evidence never verifies; missing evidence is told apart from
 * contradiction, and missing comes first, because files that are still being written look contradictory.
 */
import type { Hex64 } from "../base/digest.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import type { JsonValue } from "../base/json-value.ts";
import { messageOf } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { relativePathProblem } from "../base/relative-path.ts";
import type { PlanHashGate } from "../contracts/plan-document.ts";
import { atPointer, type IndexMember, parseFlag, parseIndex } from "./hash-law-documents.ts";
import { type HashLawProblem, type HashLawVerdict, hashLawProblem, refusedVerdict, verifiedVerdict } from "./hash-law-verdict.ts";

/** An entry under the bundle root; the path is relative to the tree that `root` and `flag` are relative to. */
export interface HashLawEntry {
  readonly path: string;
  readonly kind: "file" | "directory" | "link" | "special";
}

/** One small document as it was found. `unfit` is a link, a special file or too large; `unreadable` a fault of the machine. */
export type DocumentFact =
  | { readonly state: "read"; readonly bytes: Uint8Array }
  | { readonly state: "absent" }
  | { readonly state: "unfit" | "unreadable"; readonly why: string };

/** What was found before anything is hashed. A document that the gate does not name is null; `listing` is null when the root is absent or not listed. */
export interface HashLawEvidence {
  readonly flag: DocumentFact | null;
  readonly index: DocumentFact | null;
  readonly result: DocumentFact | null;
  readonly listing: readonly HashLawEntry[] | null;
}

/** A file to hash: its path in the tree, and the digest that an index gives it. */
export interface HashLawFile {
  readonly path: string;
  readonly sha256: Hex64 | null;
}

export type HashLawPlan =
  /** One digest over the raw bytes of `files` in this order. */
  | { readonly kind: "bytes"; readonly files: readonly HashLawFile[]; readonly unlisted: readonly string[]; readonly claimed: Hex64 }
  /** A digest of each of `files`; `concat` is the text whose digest the flag claims. */
  | { readonly kind: "members"; readonly files: readonly HashLawFile[]; readonly concat: string; readonly unlisted: readonly string[]; readonly claimed: Hex64 }
  | { readonly kind: "verdict"; readonly verdict: HashLawVerdict };

/** What hashing found. */
export type HashLawDigests =
  /** `computed`: of all bytes, or of the concatenated text. `members`: of each file of the plan, in its order. */
  | { readonly outcome: "hashed"; readonly computed: Hex64; readonly members: readonly Hex64[] }
  | { readonly outcome: "absent" | "unfit" | "unreadable"; readonly path: string; readonly why: string };

/** Which evidence a gate needs to have read. */
export function hashLawNeeds(gate: PlanHashGate): {
  readonly flag: string | null;
  readonly index: string | null;
  readonly result: string | null;
  readonly listing: boolean;
} {
  const indexed = gate.law === "sha256_member_digest_concat" || gate.law === "sha256_index_json_ascii_lex_raw_bytes";
  if (gate.law === "json_verdict") return { flag: null, index: null, result: gate.root, listing: false };
  return { flag: gate.flag, index: indexed ? gate.index : null, result: null, listing: true };
}

/** Step 1: what to hash, in which order; or the verdict when it is decided already. */
export function planHashLaw(gate: PlanHashGate, evidence: HashLawEvidence): HashLawPlan {
  if (gate.law === "json_verdict") return { kind: "verdict", verdict: judgeResult(gate, evidence.result) };
  const problem = missingEvidence(gate, evidence);
  if (problem !== null) return refused(problem);
  const claimed = flagOf(gate, evidence.flag);
  if (typeof claimed !== "string") return refused(claimed);
  return gate.law === "sha256_bundle_digest" ? planBundle(gate, evidence.listing ?? [], claimed) : planIndexed(gate, evidence, claimed);
}

/** Step 2: the verdict over the digests that were computed by the plan. */
export function judgeHashLaw(plan: Exclude<HashLawPlan, { readonly kind: "verdict" }>, digests: HashLawDigests): HashLawVerdict {
  const facts = { strength: "digest", files: plan.files.length, unlisted: plan.unlisted, claimed: plan.claimed } as const;
  if (digests.outcome !== "hashed") return refusedVerdict(fileProblem(digests), facts);
  for (const [i, file] of plan.files.entries()) {
    const seen = digests.members[i];
    if (plan.kind === "bytes" || file.sha256 === null || seen === file.sha256) continue;
    return refusedVerdict(hashLawProblem("MEMBER_DIGEST_MISMATCH", file.path, `${file.path} is ${seen ?? "not hashed"}, the index says ${file.sha256}`), facts);
  }
  if (digests.computed === plan.claimed) return verifiedVerdict({ ...facts, computed: digests.computed });
  const problem = hashLawProblem("DIGEST_MISMATCH", null, `the bytes give ${digests.computed}, the flag says ${plan.claimed}`);
  return refusedVerdict(problem, { ...facts, computed: digests.computed });
}

function missingEvidence(gate: PlanHashGate, evidence: HashLawEvidence): HashLawProblem | null {
  const { root } = gate;
  if (gate.flag === null) return hashLawProblem("GATE_INVALID", null, `the law ${gate.law} needs a flag, and the gate names none`);
  if (evidence.listing === null) return hashLawProblem("BUNDLE_MISSING", root, `the bundle ${root} does not exist`);
  if (evidence.flag === null || evidence.flag.state === "absent") return hashLawProblem("FLAG_MISSING", gate.flag, `the flag ${gate.flag} does not exist`);
  if (gate.law === "sha256_bundle_digest") return null;
  if (gate.index === null) return hashLawProblem("GATE_INVALID", null, `the law ${gate.law} needs an index, and the gate names none`);
  if (evidence.index === null || evidence.index.state === "absent")
    return hashLawProblem("INDEX_MISSING", gate.index, `the index ${gate.index} does not exist`);
  return null;
}

function flagOf(gate: PlanHashGate, fact: DocumentFact | null): Hex64 | HashLawProblem {
  const path = gate.flag ?? "";
  if (fact?.state === "read") return parseFlag(fact.bytes, gate.digest_field, path);
  return documentProblem("FLAG_INVALID", path, fact);
}

function planBundle(gate: PlanHashGate, listing: readonly HashLawEntry[], claimed: Hex64): HashLawPlan {
  const judged = listing.filter((entry) => entry.kind !== "directory" && !isExcluded(gate, entry.path));
  const unfit = judged.find((entry) => entry.kind !== "file");
  if (unfit !== undefined)
    return refused(hashLawProblem("FILE_UNFIT", unfit.path, `${unfit.path} is a ${unfit.kind}; only regular files are evidence`), claimed);
  if (judged.length === 0)
    return refused(hashLawProblem("BUNDLE_EMPTY", gate.root, `the bundle ${gate.root} holds no files; empty evidence never verifies`), claimed);
  const files = inAsciiOrder(judged.map((entry) => ({ path: entry.path, sha256: null })));
  const twin = files.find((file, i) => file.path === files[i - 1]?.path);
  if (twin !== undefined) return refused(hashLawProblem("PATH_DUPLICATE", twin.path, `${twin.path} is listed more than once`), claimed);
  return { kind: "bytes", files, unlisted: [], claimed };
}

function planIndexed(gate: PlanHashGate, evidence: HashLawEvidence, claimed: Hex64): HashLawPlan {
  const path = gate.index ?? "";
  const fact = evidence.index;
  const members = fact?.state === "read" ? parseIndex(fact.bytes, path) : documentProblem("INDEX_INVALID", path, fact);
  if (!isMembers(members)) return refused(members, claimed);
  const covered = members.filter((member) => member.path === null || !isExcluded(gate, placeOf(gate, member.path)));
  if (covered.length === 0)
    return refused(hashLawProblem("INDEX_EMPTY", path, `every file that ${path} lists is excluded; empty evidence never verifies`), claimed);
  const files = covered.flatMap((member) => (member.path === null ? [] : [{ path: placeOf(gate, member.path), sha256: member.sha256 }]));
  const unlisted = unlistedFiles(gate, evidence.listing ?? [], new Set(members.map((member) => (member.path === null ? "" : placeOf(gate, member.path)))));
  const bad = outsideOrUnfit(gate, files, evidence.listing ?? []);
  if (bad !== null) return refused(bad, claimed, unlisted);
  if (gate.law === "sha256_member_digest_concat") return planMembers(covered, files, unlisted, claimed, path);
  if (files.length < covered.length) return refused(hashLawProblem("INDEX_INVALID", path, `an entry of ${path} has no path`), claimed, unlisted);
  return { kind: "bytes", files: gate.ordering === "ascii_lex" ? inAsciiOrder(files) : files, unlisted, claimed };
}

function planMembers(covered: readonly IndexMember[], files: readonly HashLawFile[], unlisted: readonly string[], claimed: Hex64, path: string): HashLawPlan {
  const without = covered.find((member) => member.sha256 === null);
  if (without !== undefined)
    return refused(hashLawProblem("INDEX_INVALID", path, `member ${without.path ?? ""} of ${path} has no sha256_hex`), claimed, unlisted);
  return { kind: "members", files, concat: covered.map((member) => member.sha256).join(""), unlisted, claimed };
}

/** What the listing already shows to be wrong, so that nothing is read for it. Files outside the listed root are found when they are opened. */
function outsideOrUnfit(gate: PlanHashGate, files: readonly HashLawFile[], listing: readonly HashLawEntry[]): HashLawProblem | null {
  const kinds = new Map(listing.map((entry) => [entry.path, entry.kind]));
  for (const { path } of files) {
    const problem = relativePathProblem(path);
    if (problem !== null) return hashLawProblem("PATH_ESCAPES", path, `the listed path ${path} ${problem}`);
    const kind = kinds.get(path);
    if (kind === undefined && isUnder(gate.root, path)) return hashLawProblem("FILE_MISSING", path, `the listed file ${path} does not exist`);
    if (kind !== undefined && kind !== "file")
      return hashLawProblem("FILE_UNFIT", path, `the listed file ${path} is a ${kind}; only regular files are evidence`);
  }
  return null;
}

function unlistedFiles(gate: PlanHashGate, listing: readonly HashLawEntry[], listed: ReadonlySet<string>): readonly string[] {
  const rest = listing.filter((entry) => entry.kind !== "directory" && entry.path !== gate.index && !listed.has(entry.path) && !isExcluded(gate, entry.path));
  return inAsciiOrder(rest).map((entry) => entry.path);
}

function judgeResult(gate: PlanHashGate, fact: DocumentFact | null): HashLawVerdict {
  const facts = { strength: "asserted", files: 1, unlisted: [] } as const;
  if (gate.pointer === null)
    return refusedVerdict(hashLawProblem("GATE_INVALID", null, "the law json_verdict needs a pointer, and the gate names none"), facts);
  if (fact === null || fact.state === "absent")
    return refusedVerdict(hashLawProblem("RESULT_MISSING", gate.root, `the result ${gate.root} does not exist`), { ...facts, files: 0 });
  if (fact.state !== "read") return refusedVerdict(documentProblem("RESULT_INVALID", gate.root, fact), facts);
  const problem = resultProblem(gate, gate.pointer, fact.bytes);
  return problem === null ? verifiedVerdict(facts) : refusedVerdict(problem, facts);
}

function resultProblem(gate: PlanHashGate, pointer: string, bytes: Uint8Array): HashLawProblem | null {
  let value: JsonValue | undefined;
  try {
    value = atPointer(parseJson(bytes), pointer);
    if (value !== undefined && sameJson(value, gate.equals)) return null;
  } catch (thrown) {
    return hashLawProblem("RESULT_INVALID", gate.root, `${gate.root} cannot be read as a result: ${messageOf(thrown)}`);
  }
  const seen = value === undefined ? "nothing" : JSON.stringify(value).slice(0, 200);
  return hashLawProblem(
    "RESULT_DIFFERS",
    gate.root,
    `${gate.root} holds ${seen} at ${pointer === "" ? "its root" : pointer}, and ${JSON.stringify(gate.equals).slice(0, 200)} was demanded`,
  );
}

function sameJson(a: JsonValue, b: JsonValue): boolean {
  return canonicalJson(a, { fractions: true }) === canonicalJson(b, { fractions: true });
}

function documentProblem(code: "FLAG_INVALID" | "INDEX_INVALID" | "RESULT_INVALID", path: string, fact: DocumentFact | null): HashLawProblem {
  const why = fact !== null && "why" in fact ? fact.why : "was not read";
  return hashLawProblem(fact?.state === "unfit" ? code : "EVIDENCE_UNREADABLE", path, `${path}: ${why}`);
}

function fileProblem(fact: Exclude<HashLawDigests, { readonly outcome: "hashed" }>): HashLawProblem {
  switch (fact.outcome) {
    case "absent":
      return hashLawProblem("FILE_MISSING", fact.path, `the file ${fact.path} does not exist`);
    case "unfit":
      return hashLawProblem("FILE_UNFIT", fact.path, `${fact.path}: ${fact.why}`);
    case "unreadable":
      return hashLawProblem("EVIDENCE_UNREADABLE", fact.path, `${fact.path}: ${fact.why}`);
  }
}

/** By base name, in every law; and the flag itself, which cannot hold the digest of its own bytes. */
function isExcluded(gate: PlanHashGate, path: string): boolean {
  return path === gate.flag || gate.exclude_filenames.includes(path.slice(path.lastIndexOf("/") + 1));
}

function placeOf(gate: PlanHashGate, path: string): string {
  return gate.path_base === "run_root" ? path : `${gate.root}/${path}`;
}

function isUnder(root: string, path: string): boolean {
  return path.startsWith(`${root}/`);
}

function isMembers(value: readonly IndexMember[] | HashLawProblem): value is readonly IndexMember[] {
  return Array.isArray(value);
}

function refused(problem: HashLawProblem, claimed: Hex64 | null = null, unlisted: readonly string[] = []): HashLawPlan {
  return { kind: "verdict", verdict: refusedVerdict(problem, { strength: "digest", files: 0, unlisted, claimed }) };
}

/** Order of the paths' bytes; for paths under one root that is the order of the paths relative to it. */
export function inAsciiOrder<T extends { readonly path: string }>(files: readonly T[]): readonly T[] {
  return [...files].sort((a, b) => compareBytes(a.path, b.path));
}

// Code units order as UTF-8 bytes do, except surrogates, which stand for code points above all others.
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
