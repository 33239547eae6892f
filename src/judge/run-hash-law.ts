/** Judges a hash gate over a tree of files: reads what the law needs, hashes what it says, and decides. Reads only. */
import { hexOf, sha256Hex, type StreamHasher, streamHasher, type Hex64 } from "../base/digest.ts";
import { isLilyError, messageOf } from "../base/lily-error.ts";
import { parseRelativePath, type RelativePath } from "../base/relative-path.ts";
import type { PlanHashGate } from "../contracts/plan-document.ts";
import { type DocumentFact, type HashLawDigests, type HashLawEntry, type HashLawPlan, hashLawNeeds, judgeHashLaw, planHashLaw } from "./hash-law.ts";
import { type HashLawVerdict, hashLawProblem, refusedVerdict } from "./hash-law-verdict.ts";

/** What the judge asks of the world; a file tree of the ports has this shape. */
export interface HashLawFiles {
  walk(path: RelativePath | null, entriesMax: number): Promise<readonly HashLawEntry[]>;
  read(path: RelativePath, bytesMax: number): Promise<Uint8Array>;
  open(path: RelativePath): Promise<{ read(into: Uint8Array): Promise<number> | number; close(): Promise<void> }>;
}

const flagBytesMax = 64 * 1024;
const documentBytesMax = 64 * 1024 * 1024;
const entriesMax = 1_000_000;
const pieceBytes = 1024 * 1024;

/** Never throws for what the files hold or lack: that is in the verdict. */
export async function runHashLaw(gate: PlanHashGate, files: HashLawFiles): Promise<HashLawVerdict> {
  const needs = hashLawNeeds(gate);
  const strength = gate.law === "json_verdict" ? "asserted" : "digest";
  try {
    const plan = planHashLaw(gate, {
      flag: await document(files, needs.flag, flagBytesMax),
      index: await document(files, needs.index, documentBytesMax),
      result: await document(files, needs.result, documentBytesMax),
      listing: needs.listing ? await listing(files, gate.root) : null,
    });
    return plan.kind === "verdict" ? plan.verdict : judgeHashLaw(plan, await hashFiles(files, plan));
  } catch (thrown) {
    const unfit = isLilyError(thrown, "PATH_INVALID");
    const problem = hashLawProblem(unfit ? "FILE_UNFIT" : "EVIDENCE_UNREADABLE", gate.root, `${gate.root}: ${messageOf(thrown)}`);
    return refusedVerdict(problem, { strength, files: 0, unlisted: [] });
  }
}

async function document(files: HashLawFiles, path: string | null, bytesMax: number): Promise<DocumentFact | null> {
  if (path === null) return null;
  try {
    return { state: "read", bytes: await files.read(parseRelativePath(path), bytesMax) };
  } catch (thrown) {
    const state = stateOf(thrown);
    return state === "absent" ? { state } : { state, why: messageOf(thrown) };
  }
}

async function listing(files: HashLawFiles, root: string): Promise<readonly HashLawEntry[] | null> {
  try {
    return await files.walk(parseRelativePath(root), entriesMax);
  } catch (thrown) {
    if (stateOf(thrown) === "absent") return null;
    throw thrown;
  }
}

async function hashFiles(files: HashLawFiles, plan: Exclude<HashLawPlan, { readonly kind: "verdict" }>): Promise<HashLawDigests> {
  const whole = streamHasher();
  const members: Hex64[] = [];
  const piece = new Uint8Array(pieceBytes);
  for (const { path } of plan.files) {
    const member = streamHasher();
    try {
      await hashInto(files, path, piece, plan.kind === "bytes" ? whole : member);
    } catch (thrown) {
      return { outcome: stateOf(thrown), path, why: messageOf(thrown) };
    }
    if (plan.kind === "members") members.push(hexOf(member.digest()));
  }
  return { outcome: "hashed", computed: plan.kind === "bytes" ? hexOf(whole.digest()) : sha256Hex(plan.concat), members };
}

async function hashInto(files: HashLawFiles, path: string, piece: Uint8Array, hasher: StreamHasher): Promise<void> {
  const source = await files.open(parseRelativePath(path));
  try {
    for (let count = await source.read(piece); count > 0; count = await source.read(piece)) hasher.update(piece.subarray(0, count));
  } finally {
    await source.close();
  }
}

function stateOf(thrown: unknown): "absent" | "unfit" | "unreadable" {
  if (isLilyError(thrown, "INPUT_NOT_FOUND")) return "absent";
  return isLilyError(thrown, "PATH_INVALID", "INPUT_TOO_LARGE") ? "unfit" : "unreadable";
}
