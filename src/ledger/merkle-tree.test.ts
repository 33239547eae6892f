import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consistencyProof,
  emptyRoot,
  inclusionProof,
  leafHash,
  MerkleFrontier,
  merkleRoot,
  type NodeHash,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
} from "./merkle-tree.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/** The reference leaves and roots of the Certificate Transparency implementations. */
const leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map((text) => leafHash(unhex(text)));
const roots = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const treeOf = (size: number): NodeHash[] => Array.from({ length: size }, (_, index) => leafHash(Uint8Array.of(index, index >> 8)));
const flipped = (node: NodeHash): NodeHash => node.map((byte, at) => (at === 7 ? byte ^ 1 : byte));

describe("Merkle tree", () => {
  it("gives the reference roots of RFC 6962", () => {
    expect(hex(emptyRoot)).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(merkleRoot([])).toEqual(emptyRoot);
    roots.forEach((root, index) => expect(hex(merkleRoot(leaves.slice(0, index + 1)))).toBe(root));
  });

  it("never takes a node for a leaf", () => {
    const [one, two] = [leaves[0] ?? emptyRoot, leaves[1] ?? emptyRoot];
    expect(leafHash(Uint8Array.from([...one, ...two]))).not.toEqual(nodeHash(one, two));
  });

  it("proves every leaf in every tree, and nothing else", () => {
    for (let size = 1; size <= 33; size++) {
      const tree = treeOf(size);
      const root = merkleRoot(tree);
      tree.forEach((leaf, index) => {
        const claim = { leaf, index, size, root, proof: inclusionProof(tree, index) };
        expect(verifyInclusion(claim)).toBe(true);
        expect(verifyInclusion({ ...claim, leaf: flipped(leaf) })).toBe(false);
        expect(verifyInclusion({ ...claim, root: flipped(root) })).toBe(false);
        expect(verifyInclusion({ ...claim, index: index + 1 })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: [...claim.proof, root] })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: [...claim.proof, new Uint8Array(70)] })).toBe(false);
        if (size > 1) expect(verifyInclusion({ ...claim, proof: claim.proof.slice(1) })).toBe(false);
      });
    }
  });

  it("proves that every tree is a prefix of every later one, and nothing else", () => {
    for (let second = 1; second <= 20; second++) {
      const tree = treeOf(second);
      for (let first = 1; first <= second; first++) {
        const claim = { first, second, firstRoot: merkleRoot(tree.slice(0, first)), secondRoot: merkleRoot(tree), proof: consistencyProof(tree, first) };
        expect(verifyConsistency(claim)).toBe(true);
        expect(verifyConsistency({ ...claim, firstRoot: flipped(claim.firstRoot) })).toBe(false);
        expect(verifyConsistency({ ...claim, secondRoot: flipped(claim.secondRoot) })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: [...claim.proof, emptyRoot] })).toBe(false);
        if (first < second) expect(verifyConsistency({ ...claim, proof: claim.proof.slice(1) })).toBe(false);
        claim.proof.forEach((_, at) => {
          expect(verifyConsistency({ ...claim, proof: claim.proof.map((node, index) => (index === at ? flipped(node) : node)) })).toBe(false);
        });
      }
    }
  });

  it("refuses sizes and indexes that are none", () => {
    const [leaf = emptyRoot] = leaves;
    expect(verifyInclusion({ leaf, index: 0, size: 0, root: leaf, proof: [] })).toBe(false);
    expect(verifyInclusion({ leaf, index: -1, size: 1, root: leaf, proof: [] })).toBe(false);
    expect(verifyInclusion({ leaf, index: 0.5, size: 1, root: leaf, proof: [] })).toBe(false);
    expect(verifyConsistency({ first: 0, second: 1, firstRoot: leaf, secondRoot: leaf, proof: [] })).toBe(false);
    expect(verifyConsistency({ first: 2, second: 1, firstRoot: leaf, secondRoot: leaf, proof: [] })).toBe(false);
    expect(verifyConsistency({ first: 3, second: 5, firstRoot: leaf, secondRoot: leaf, proof: [] })).toBe(false);
    expect(verifyConsistency({ first: 1, second: 2, firstRoot: leaf, secondRoot: new Uint8Array(3), proof: [leaf] })).toBe(false);
    expect(() => inclusionProof([], 0)).toThrow(expect.objectContaining({ code: "INTERNAL_INVARIANT" }));
    expect(() => consistencyProof([leaf], 0)).toThrow(expect.objectContaining({ code: "INTERNAL_INVARIANT" }));
  });

  it("grows by a frontier to the same root as from all leaves", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), (size) => {
        const frontier = new MerkleFrontier();
        for (const leaf of treeOf(size)) frontier.append(leaf);
        expect(frontier.size).toBe(size);
        expect(frontier.root()).toEqual(naiveRoot(treeOf(size)));
      }),
    );
  });
});

/** The definition of RFC 6962 section 2.1, word by word. */
function naiveRoot(tree: readonly NodeHash[]): NodeHash {
  const [only] = tree;
  if (only === undefined) return emptyRoot;
  if (tree.length === 1) return only;
  let split = 1;
  while (split * 2 < tree.length) split *= 2;
  return nodeHash(naiveRoot(tree.slice(0, split)), naiveRoot(tree.slice(split)));
}
