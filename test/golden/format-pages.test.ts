import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { signatureVerifier } from "../../src/adapters/crypto/signature-verifier.ts";
import { digestBytes, taggedDigest } from "../../src/base/digest.ts";
import { parseJson } from "../../src/base/parse-json.ts";
import { isJsonObject } from "../../src/base/json-value.ts";
import { parseStreamId } from "../../src/contracts/ids.ts";
import { isDigest } from "../../src/base/digest.ts";
import { leafBytes, openCheckpoint, parseCheckpoint, rootDigest } from "../../src/ledger/checkpoint.ts";
import { decodeEvent } from "../../src/ledger/event-line.ts";
import { consistencyProof, inclusionProof, leafHash, merkleRoot, verifyConsistency, verifyInclusion } from "../../src/ledger/merkle-tree.ts";
import { noteKeyId, verifierKeyText } from "../../src/ledger/signed-note.ts";
import { verifyRecordBytes } from "../../src/ledger/verify-record.ts";

const folder = join(import.meta.dirname, "../../docs/formats");
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/** Fenced blocks of a page that carry `id=NAME`, by name. */
function examplesOf(page: string): (name: string) => string {
  const blocks = new Map<string, string>();
  for (const match of readFileSync(join(folder, page), "utf8").matchAll(/^```\w+ id=([\w-]+)\n([\s\S]*?)\n```$/gm)) blocks.set(match[1] ?? "", match[2] ?? "");
  return (name) => {
    const block = blocks.get(name);
    if (block === undefined) throw new Error(`${page} has no example ${name}`);
    return block;
  };
}

describe("docs/formats/record.md", () => {
  const example = examplesOf("record.md");
  const record = bytesOf(`${example("record")}\n`);

  it("gives the hash of its body", () => {
    expect(taggedDigest("event", example("body"))).toBe(example("hash"));
    expect(digestBytes(`lily/event/v1\n${example("body")}`)).toBe(example("hash"));
    expect(example("record").split("\n")[0]).toBe(`${example("body").slice(0, -1)},"hash":"${example("hash")}"}`);
  });

  it("has a record that verifies and decodes", () => {
    const facts = verifyRecordBytes(record);
    expect(facts.problems).toEqual([]);
    expect([facts.events, facts.bytes, facts.head].map(String)).toEqual(example("facts").split("\n"));
    for (const line of example("record").split("\n")) expect(decodeEvent(bytesOf(`${line}\n`)).v).toBe(1);
  });
});

describe("docs/formats/merkle.md", () => {
  const example = examplesOf("merkle.md");
  const leaves = example("leaves").split("\n").map((line) => leafHash(unhex(line === "-" ? "" : line)));
  const roots = example("roots").split("\n");

  it("gives roots, audit path and consistency proof", () => {
    expect(leaves.map((_, index) => hex(merkleRoot(leaves.slice(0, index + 1))))).toEqual(roots);
    expect(inclusionProof(leaves, 2).map(hex)).toEqual(example("inclusion").split("\n"));
    expect(consistencyProof(leaves, 3).map(hex)).toEqual(example("consistency").split("\n"));
    const [leaf] = leaves.slice(2);
    const [third, fifth] = [unhex(roots[2] ?? ""), unhex(roots[4] ?? "")];
    expect(leaf !== undefined && verifyInclusion({ leaf, index: 2, size: 5, root: fifth, proof: example("inclusion").split("\n").map(unhex) })).toBe(true);
    expect(verifyConsistency({ first: 3, second: 5, firstRoot: third, secondRoot: fifth, proof: example("consistency").split("\n").map(unhex) })).toBe(true);
  });

  it("gives the bytes and hash of a leaf, whose head is that of the example record", () => {
    expect(hex(leafHash(bytesOf(example("leaf"))))).toBe(example("leaf-hash"));
    const leaf = parseJson(example("leaf"));
    const head = examplesOf("record.md")("facts").split("\n")[2];
    if (!isJsonObject(leaf) || !isDigest(leaf["head"]) || typeof leaf["stream"] !== "string") throw new Error("not a leaf");
    expect(leaf["head"]).toBe(head);
    expect(new TextDecoder().decode(leafBytes({ stream: parseStreamId(leaf["stream"]), size: 3, head: leaf["head"] }))).toBe(example("leaf"));
  });
});

describe("docs/formats/checkpoint.md", () => {
  const example = examplesOf("checkpoint.md");
  const key = { name: "lily/ws-0001", publicKey: unhex(example("public-key")) };

  it("gives key id, key text, and a note that opens to its text", () => {
    expect([hex(noteKeyId(key)), verifierKeyText(key)]).toEqual(example("key").split("\n"));
    const opened = openCheckpoint(`${example("note")}\n`, "lily/ws-0001", [key], signatureVerifier);
    const { signedBy, ...checkpoint } = opened;
    expect(signedBy).toEqual([key.name]);
    expect(parseCheckpoint(`${example("text")}\n`)).toEqual(checkpoint);
  });

  it("covers the leaves it names", () => {
    const leaves = example("leaves").split("\n").map((line) => leafHash(bytesOf(line)));
    const { size, root } = parseCheckpoint(`${example("text")}\n`);
    expect([leaves.length, rootDigest(merkleRoot(leaves))]).toEqual([size, root]);
  });
});
