/**
 * What a fork shares with the run that it came from, shown by a Merkle tree over event hashes: RFC 6962, one leaf an event, the leaf's bytes
 * being the 32 bytes of the event's hash. Whoever has both records can recompute all of it; whoever has the roots alone can check that the
 * shorter tree is a prefix of the longer. Specified in docs/formats/replay.md.
 */
import { type Digest, hexOf } from "../base/digest.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import { rootDigest } from "./checkpoint.ts";
import { consistencyProof, leafHash, merkleRoot, type NodeHash, verifyConsistency } from "./merkle-tree.ts";

/** The shape of a `fork_proof.v1` payload. */
export interface ForkProofFacts {
  readonly run_id: string;
  readonly prefix_events: number;
  readonly prefix_root: Digest;
  readonly events: number;
  readonly root: Digest;
  readonly consistency: readonly Digest[];
}

type ForkClaim = Pick<EventData["RUN_FORKED"], "from" | "prefix">;

/** Whether a record is a fork's: its claim comes before the run starts, so little is read of any other. */
export async function isFork(events: AsyncIterable<LedgerEvent>): Promise<boolean> {
  for await (const { kind } of events) {
    if (kind === "RUN_FORKED") return true;
    if (kind === "RUN_STARTED" || kind === "RUN_SEALED") return false;
  }
  return false;
}

/** The claim of a fork over the source's event hashes, in order, of which the first `prefixEvents` are shared. */
export function proveFork(runId: string, hashes: readonly Digest[], prefixEvents: number): ForkProofFacts {
  const leaves = hashes.map(leafOf);
  return {
    run_id: runId,
    prefix_events: prefixEvents,
    prefix_root: rootDigest(merkleRoot(leaves.slice(0, prefixEvents))),
    events: hashes.length,
    root: rootDigest(merkleRoot(leaves)),
    consistency: consistencyProof(leaves, prefixEvents).map(rootDigest),
  };
}

/** What is wrong with the claim and its proof by themselves, without the source's record: nothing, or sentences. */
export function claimProblems({ from, prefix }: ForkClaim, proof: ForkProofFacts): readonly string[] {
  const problems: string[] = [];
  if (proof.run_id !== from.run_id) problems.push(`the proof is about run ${proof.run_id}, the fork names run ${from.run_id}`);
  if (proof.prefix_events !== prefix.events || proof.events !== from.events)
    problems.push(`the proof is about ${proof.prefix_events} of ${proof.events} events, the fork about ${prefix.events} of ${from.events}`);
  if (proof.prefix_root !== prefix.root || proof.root !== from.root) problems.push("the roots of the proof are not those that the fork names");
  if (prefix.events > from.events) problems.push(`the fork shares ${prefix.events} events of a run that had ${from.events}`);
  if (problems.length > 0) return problems;
  const consistent = verifyConsistency({
    first: prefix.events,
    second: from.events,
    firstRoot: nodeOf(prefix.root),
    secondRoot: nodeOf(from.root),
    proof: proof.consistency.map(nodeOf),
  });
  return consistent ? [] : ["the consistency proof does not show that the shared events are a prefix"];
}

/** What is wrong with the claim, given the event hashes of the source's record, which may have grown since. */
export function sourceProblems({ from, prefix }: ForkClaim, hashes: readonly Digest[]): readonly string[] {
  if (hashes.length < from.events) return [`run ${from.run_id} has ${hashes.length} events, the fork names ${from.events}`];
  const leaves = hashes.slice(0, from.events).map(leafOf);
  return [...treeProblems(from.run_id, "source", from, hashes, leaves), ...treeProblems(from.run_id, "prefix", prefix, hashes, leaves)];
}

function treeProblems(
  runId: string,
  name: string,
  claim: { readonly events: number; readonly head: Digest; readonly root: Digest },
  hashes: readonly Digest[],
  leaves: readonly NodeHash[],
): readonly string[] {
  const problems: string[] = [];
  const head = hashes[claim.events - 1];
  if (head !== claim.head) problems.push(`${name}: event ${claim.events} of run ${runId} is ${head ?? "not there"}, the fork names ${claim.head}`);
  const root = rootDigest(merkleRoot(leaves.slice(0, claim.events)));
  if (root !== claim.root) problems.push(`${name}: the first ${claim.events} events of run ${runId} give the root ${root}, the fork names ${claim.root}`);
  return problems;
}

function leafOf(hash: Digest): NodeHash {
  return leafHash(nodeOf(hash));
}

function nodeOf(digest: Digest): NodeHash {
  const hex = hexOf(digest);
  return Uint8Array.from({ length: 32 }, (_, at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16));
}
