import { describe, expect, it } from "vitest";
import { signatureVerifier } from "../adapters/crypto/signature-verifier.ts";
import { base64Of, parseBase64 } from "../base/base64.ts";
import { digestBytes } from "../base/digest.ts";
import { seededSigner } from "../testkit/seeded-signer.ts";
import { formatCheckpoint, openCheckpoint, parseCheckpoint, rootDigest } from "./checkpoint.ts";
import { rootOfAll } from "./log-tree.ts";
import { openNote, signNote, verifierKeyText } from "./signed-note.ts";

const signer = seededSigner("lily/ws-1", new Uint8Array(32).fill(1));
const other = seededSigner("witness.example/w", new Uint8Array(32).fill(2));
const keyOf = ({ keyName, publicKey }: typeof signer) => ({ name: keyName, publicKey });
const checkpoint = { origin: "lily/ws-1", size: 3, root: digestBytes("root") };
const text = formatCheckpoint(checkpoint);
const open = (note: string, keys = [keyOf(signer)]) => openCheckpoint(note, "lily/ws-1", keys, signatureVerifier);
const invalid = expect.objectContaining({ code: "CHECKPOINT_INVALID" });

describe("signed note", () => {
  it("opens what was signed, with exactly the given keys", async () => {
    const note = await signNote(text, signer);
    const line = (await signNote(text, other)).split("\n\n")[1] ?? "";
    const both = note + line;
    expect(open(note)).toEqual({ ...checkpoint, signedBy: ["lily/ws-1"] });
    expect(open(both, [keyOf(signer), keyOf(other)]).signedBy).toEqual(["lily/ws-1", "witness.example/w"]);
    expect(open(note + note.split("\n\n")[1]).signedBy).toEqual(["lily/ws-1"]);
    expect(open(both).signedBy).toEqual(["lily/ws-1"]);
    expect(() => open(note, [keyOf(other)])).toThrow(invalid);
    expect(() => open(note, [{ name: "lily/ws-1", publicKey: other.publicKey }])).toThrow(invalid);
    expect(() => openCheckpoint(note, "lily/ws-2", [keyOf(signer)], signatureVerifier)).toThrow(invalid);
  });

  it("finds every change of a character of text or signature", async () => {
    const note = await signNote(text, signer);
    for (let at = 0; at < note.length; at++) {
      const changed = note.slice(0, at) + (note[at] === "A" ? "B" : "A") + note.slice(at + 1);
      expect(() => open(changed), `character ${at}`).toThrow(invalid);
    }
  });

  it("reproduces the key of the C2SP signed-note examples", () => {
    const key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const publicKey = parseBase64(key.split("+")[2] ?? "").slice(1);
    expect(verifierKeyText({ name: "PeterNeumann", publicKey })).toBe(key);
    const note =
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    expect(openNote(note, [{ name: "PeterNeumann", publicKey }], signatureVerifier).signedBy).toEqual(["PeterNeumann"]);
  });

  it("refuses what is not in the one form of a note", async () => {
    const note = await signNote(text, signer);
    const signature = note.split("\n\n")[1] ?? "";
    const notes = [
      "",
      text,
      note.slice(0, -1),
      `${text}\n`,
      `\n${signature}`,
      `${text}\n- lily/ws-1 AAAA\n`,
      `${text}\n\u2014 lily/ws-1 AAA\n`,
      `${text}\n\u2014 lily/ws-1 AAAA\n`,
      `${text}\n\u2014 lily+ws-1 AAAAAAAAAAAA\n`,
      `${text}\n${signature}x\n`,
      `a\tb\n\n${signature}`,
      `\ud800\n\n${signature}`,
      `${text}\n${signature.repeat(101)}`,
      "x".repeat(70_000),
    ];
    for (const each of notes) expect(() => open(each), JSON.stringify(each.slice(0, 60))).toThrow(invalid);
    await expect(signNote("no line end", signer)).rejects.toThrow(invalid);
    await expect(signNote(text, { ...signer, keyName: "a b" })).rejects.toThrow(invalid);
    await expect(signNote(text, { ...signer, sign: async () => new Uint8Array(3) })).rejects.toThrow(invalid);
  });

  it("verifies nothing with what is no key or no signature", () => {
    expect(signatureVerifier.verify(new Uint8Array(31), new Uint8Array(0), new Uint8Array(64))).toBe(false);
    expect(signatureVerifier.verify(new Uint8Array(32).fill(0xff), new Uint8Array(0), new Uint8Array(64))).toBe(false);
    expect(signatureVerifier.verify(signer.publicKey, new Uint8Array(0), new Uint8Array(63))).toBe(false);
  });
});

describe("checkpoint text", () => {
  it("is three lines: origin, size, root", () => {
    expect(text).toBe(`lily/ws-1\n3\n${base64Of(Buffer.from(checkpoint.root.slice(7), "hex"))}\n`);
    expect(parseCheckpoint(text)).toEqual(checkpoint);
  });

  it("refuses every other form", () => {
    const [origin, size, root] = text.split("\n");
    const texts = [
      "",
      "x\n",
      `${text}extension\n`,
      text.slice(0, -1),
      `${origin}\n03\n${root}\n`,
      `${origin}\n-1\n${root}\n`,
      `${origin}\n3\nAAAA\n`,
      `${origin}\n3\n${root}=\n`,
      `\n3\n${root}\n`,
      `a b\n3\n${root}\n`,
      `${origin}\n9999999999999999\n${root}\n`,
    ];
    for (const each of texts) expect(() => parseCheckpoint(each), JSON.stringify(each)).toThrow(invalid);
    expect(size).toBe("3");
    expect(() => formatCheckpoint({ ...checkpoint, size: -1 })).toThrow(invalid);
    expect(() => rootDigest(new Uint8Array(3))).toThrow(invalid);
    expect(() => rootOfAll([])).toThrow(invalid);
  });
});

describe("base64", () => {
  it("agrees with Node for every length and refuses what is not strict", () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 37 + length) & 255);
      expect(base64Of(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      expect(parseBase64(base64Of(bytes))).toEqual(bytes);
    }
    for (const bad of ["A", "AA", "AA=", "AB==", "AAB=", "A===", "AA==AAAA", "AA =", "-_==", "AAAA\n"]) {
      expect(() => parseBase64(bad), bad).toThrow(expect.objectContaining({ code: "ID_INVALID" }));
    }
  });
});
