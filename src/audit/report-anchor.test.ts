import { generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { signatureVerifier } from "../adapters/crypto/signature-verifier.ts";
import type { Digest } from "../base/digest.ts";
import type { StreamId } from "../contracts/ids.ts";
import { formatCheckpoint, logLeafHash, rootDigest } from "../ledger/checkpoint.ts";
import { inclusionProof, merkleRoot } from "../ledger/merkle-tree.ts";
import { signNote, verifierKeyText } from "../ledger/signed-note.ts";
import type { LogLeaf } from "../ports/journal.ts";
import { reportAnchor, type ReportLeaf } from "./report-anchor.ts";
import { reportChecker } from "./report-checker.ts";

const { sha256 } = reportChecker();
const anchor = reportAnchor({ sha256, verifyEd25519: async (key, message, signature) => signatureVerifier.verify(key, message, signature) });
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const rawKey = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
const signer = { keyName: "lily/ws-1", publicKey: rawKey, sign: async (text: Uint8Array) => new Uint8Array(sign(null, text, privateKey)) };
const key = verifierKeyText({ name: "lily/ws-1", publicKey: rawKey });

const digest = (at: number): Digest => `sha256:${sha256(Uint8Array.of(at & 255, at >> 8))}` as Digest;
const hashes = [digest(1), digest(2), digest(3)];
const record = { stream: "run/r-1", workspaceId: "ws-1", hashes };

interface Log {
  readonly note: string;
  readonly leaves: readonly ReportLeaf[];
}

/** A log of `size` leaves, that of the run at `index`. */
async function logOf(
  size: number,
  index: number,
  own: { readonly size: number; readonly head: Digest } = { size: 3, head: digest(3) },
  workspace = "ws-1",
): Promise<Log> {
  const leaves = Array.from(
    { length: size },
    (_, at): LogLeaf => (at === index ? { stream: "run/r-1" as StreamId, ...own } : { stream: `run/o-${at}` as StreamId, size: 1, head: digest(at + 100) }),
  );
  const nodes = leaves.map(logLeafHash);
  const note = await signNote(formatCheckpoint({ origin: `lily/${workspace}`, size, root: rootDigest(merkleRoot(nodes)) }), {
    ...signer,
    keyName: `lily/${workspace}`,
  });
  const proof = { index, size, nodes: inclusionProof(nodes, index).map((node) => Buffer.from(node).toString("hex")) };
  return { note, leaves: [{ ...own, proofs: [proof] }] };
}

describe("the anchor check of the page", () => {
  test("S5: a checkpoint of any size anchors the run at any place, through its proof", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.nat(39), async (size, at) => {
        const { note, leaves } = await logOf(size, at % size);
        expect(await anchor({ note, key }, record, leaves)).toMatchObject({
          result: "anchored",
          message: expect.stringContaining(`given key lily/ws-1, checkpoint of ${size}`),
        });
      }),
      { numRuns: 60 },
    );
  });

  test("S5: no single change of the proof, its place, the note or the key leads to anchored", async () => {
    const { note, leaves } = await logOf(11, 6);
    const proof = leaves[0]?.proofs[0];
    if (proof === undefined) throw new Error("there is a proof");
    const withProof = (other: Partial<typeof proof>): readonly ReportLeaf[] => [{ size: 3, head: digest(3), proofs: [{ ...proof, ...other }] }];
    for (const [at, node] of proof.nodes.entries()) {
      const nodes = proof.nodes.with(
        at,
        node.replace(/^./, (digit) => (digit === "0" ? "1" : "0")),
      );
      expect((await anchor({ note, key }, record, withProof({ nodes }))).result).toBe("refused");
    }
    for (const other of [
      { index: 5 },
      { index: 11 },
      { index: -1 },
      { nodes: proof.nodes.slice(1) },
      { nodes: [...proof.nodes, proof.nodes[0] ?? ""] },
      { nodes: ["x"] },
    ]) {
      expect((await anchor({ note, key }, record, withProof(other))).result).toBe("refused");
    }
    for (let at = 0; at < note.length; at++) {
      const changed = `${note.slice(0, at)}${note[at] === "A" ? "B" : "A"}${note.slice(at + 1)}`;
      expect({ at, result: (await anchor({ note: changed, key }, record, leaves)).result }).toEqual({ at, result: "refused" });
    }
    for (let at = 0; at < key.length; at++) {
      const changed = `${key.slice(0, at)}${key[at] === "A" ? "B" : "A"}${key.slice(at + 1)}`;
      expect({ at, result: (await anchor({ note, key: changed }, record, leaves)).result }).toEqual({ at, result: "refused" });
    }
  });

  test("S5: another head under the same leaf contradicts; later events are said not to be covered", async () => {
    const other = await logOf(4, 2, { size: 3, head: digest(9) });
    expect((await anchor({ note: other.note, key }, record, other.leaves)).result).toBe("contradicts");
    const longer = await logOf(4, 2, { size: 9, head: digest(9) });
    expect((await anchor({ note: longer.note, key }, record, longer.leaves)).result).toBe("contradicts");
    const early = await logOf(4, 2, { size: 2, head: digest(2) });
    expect(await anchor({ note: early.note, key }, record, early.leaves)).toMatchObject({
      result: "partly",
      message: expect.stringContaining("1 later events are not"),
    });
  });

  test("S5: a note of another workspace, of a size without proof, or that nobody can check proves nothing", async () => {
    const { note, leaves } = await logOf(4, 2);
    expect((await anchor({ note, key }, { ...record, workspaceId: "ws-2" }, leaves)).message).toContain(
      "is of lily/ws-1, and this run is of the workspace ws-2",
    );
    expect((await anchor({ note, key }, record, [])).message).toContain("no checkpoint covered the run when it was made");
    const later = await logOf(5, 2);
    expect((await anchor({ note: later.note, key }, record, leaves)).message).toContain("this page holds proofs for checkpoints of 4 leaves");
    const unable = reportAnchor({ sha256, verifyEd25519: async () => null });
    expect((await unable({ note, key }, record, leaves)).result).toBe("unable");
  });

  test("line ends of another system and blanks around what was pasted do no harm", async () => {
    const { note, leaves } = await logOf(4, 2);
    expect((await anchor({ note: `\r\n${note.replaceAll("\n", "\r\n")}\r\n`, key: ` ${key}\n` }, record, leaves)).result).toBe("anchored");
  });
});
