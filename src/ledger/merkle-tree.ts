/**
 * The Merkle tree of RFC 6962 section 2.1: leaves are hashed under 0x00, inner nodes under 0x01, so that neither passes as the other.
 * Proof verification follows RFC 9162 sections 2.1.3.2 and 2.1.4.2. Worked examples: docs/formats/merkle.md.
 */
import { assert } from "../base/assert.ts";
import { sha256Raw } from "../base/digest.ts";

/** Raw 32 bytes of a leaf or node. */
export type NodeHash = Uint8Array;

/** Root of the tree without leaves: SHA-256 of nothing. */
export const emptyRoot: NodeHash = sha256Raw(new Uint8Array(0));

export function leafHash(leaf: Uint8Array): NodeHash {
  const input = new Uint8Array(1 + leaf.length);
  input.set(leaf, 1);
  return sha256Raw(input);
}

export function nodeHash(left: NodeHash, right: NodeHash): NodeHash {
  const input = new Uint8Array(65);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 33);
  return sha256Raw(input);
}

/** A tree that only grows, kept as the roots of its full subtrees: memory is the logarithm of its size. */
export class MerkleFrontier {
  /** Roots of full subtrees, largest first: one for each bit of the size. */
  #roots: NodeHash[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  append(leaf: NodeHash): void {
    let node = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = this.#roots.pop();
      assert(left !== undefined, "merkle: a full subtree for each bit of the size");
      node = nodeHash(left, node);
    }
    this.#roots.push(node);
    this.#size++;
  }

  root(): NodeHash {
    const smallest = this.#roots.at(-1);
    if (smallest === undefined) return emptyRoot;
    return this.#roots.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), smallest);
  }
}

/** Root over leaf hashes. */
export function merkleRoot(leaves: readonly NodeHash[]): NodeHash {
  const frontier = new MerkleFrontier();
  for (const leaf of leaves) frontier.append(leaf);
  return frontier.root();
}

/** Audit path of leaf `index` (RFC 6962 section 2.1.1), from the leaf upwards. */
export function inclusionProof(leaves: readonly NodeHash[], index: number): readonly NodeHash[] {
  assert(Number.isInteger(index) && index >= 0 && index < leaves.length, `merkle: no leaf ${index} among ${leaves.length}`);
  if (leaves.length === 1) return [];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split ? [...inclusionProof(left, index), merkleRoot(right)] : [...inclusionProof(right, index - split), merkleRoot(left)];
}

export interface InclusionClaim {
  readonly leaf: NodeHash;
  readonly index: number;
  readonly size: number;
  readonly root: NodeHash;
  readonly proof: readonly NodeHash[];
}

/** RFC 9162 section 2.1.3.2. */
export function verifyInclusion({ leaf, index, size, root, proof }: InclusionClaim): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  if (!areNodes([leaf, root, ...proof])) return false;
  let [at, last, node] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      node = nodeHash(sibling, node);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      node = nodeHash(node, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equalBytes(node, root);
}

/** Proof that the tree of the first `first` leaves is a prefix of the whole (RFC 6962 section 2.1.2). */
export function consistencyProof(leaves: readonly NodeHash[], first: number): readonly NodeHash[] {
  assert(Number.isInteger(first) && first >= 1 && first <= leaves.length, `merkle: no tree of ${first} among ${leaves.length}`);
  return subProof(leaves, first, true);
}

function subProof(leaves: readonly NodeHash[], first: number, whole: boolean): readonly NodeHash[] {
  if (first === leaves.length) return whole ? [] : [merkleRoot(leaves)];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return first <= split ? [...subProof(left, first, whole), merkleRoot(right)] : [...subProof(right, first - split, false), merkleRoot(left)];
}

export interface ConsistencyClaim {
  readonly first: number;
  readonly second: number;
  readonly firstRoot: NodeHash;
  readonly secondRoot: NodeHash;
  readonly proof: readonly NodeHash[];
}

/** RFC 9162 section 2.1.4.2. */
export function verifyConsistency({ first, second, firstRoot, secondRoot, proof }: ConsistencyClaim): boolean {
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second) || first < 1 || first > second) return false;
  if (!areNodes([firstRoot, secondRoot, ...proof])) return false;
  if (first === second) return proof.length === 0 && equalBytes(firstRoot, secondRoot);
  const path = isPowerOfTwo(first) ? [firstRoot, ...proof] : [...proof];
  const start = path[0];
  if (start === undefined) return false;
  let [at, last] = [first - 1, second - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let [older, newer] = [start, start];
  for (const sibling of path.slice(1)) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      [older, newer] = [nodeHash(sibling, older), nodeHash(sibling, newer)];
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      newer = nodeHash(newer, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equalBytes(older, firstRoot) && equalBytes(newer, secondRoot);
}

/** The largest power of two below `count`; `count` is at least 2. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/** Proofs come from outside: anything but 32 bytes is no node. */
function areNodes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((hash) => hash.length === 32);
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  let rest = value;
  while (rest % 2 === 0) rest /= 2;
  return rest === 1;
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
