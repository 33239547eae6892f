import { expect, it } from "vitest";
import type { SignatureVerifier } from "../ports/signature-verifier.ts";

/** RFC 8032 section 7.1, tests 1 to 3: public key, message, signature. */
const vectors = [
  [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
  [
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ],
] as const;

/** Order of the group of Ed25519. */
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice();
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

/** The same signature with the group order added to its second half: equal in the group, refused by RFC 8032 section 5.1.7. */
function malleated(signature: Uint8Array): Uint8Array {
  const scalar = signature.slice(32).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n) + groupOrder;
  const changed = signature.slice();
  for (let at = 0; at < 32; at++) changed[32 + at] = Number((scalar >> BigInt(8 * at)) & 255n);
  return changed;
}

/** What every SignatureVerifier promises. `open` makes a fresh one for each case. */
export function signatureVerifierConformance(open: () => Promise<SignatureVerifier>): void {
  const cases = vectors.map((vector) => vector.map(bytesOf) as [Uint8Array, Uint8Array, Uint8Array]);

  it("takes the signatures of RFC 8032, and none of them for another message or key", async () => {
    const verifier = await open();
    for (const [at, [key, message, signature]] of cases.entries()) {
      expect(verifier.verify(key, message, signature)).toBe(true);
      expect(verifier.verify(key, Uint8Array.of(...message, 0), signature)).toBe(false);
      expect(verifier.verify(cases[(at + 1) % cases.length]?.[0] ?? key, message, signature)).toBe(false);
    }
  });

  it("refuses a signature or key with any one bit changed", async () => {
    const verifier = await open();
    const [key, message, signature] = cases[1] ?? [new Uint8Array(), new Uint8Array(), new Uint8Array()];
    for (let bit = 0; bit < 512; bit += 7) expect(verifier.verify(key, message, flipped(signature, bit))).toBe(false);
    for (let bit = 0; bit < 256; bit += 7) expect(verifier.verify(flipped(key, bit), message, signature)).toBe(false);
  });

  it("refuses a second form of a valid signature", async () => {
    const verifier = await open();
    for (const [key, message, signature] of cases) expect(verifier.verify(key, message, malleated(signature))).toBe(false);
  });

  it("answers false for what is no key or no signature, and never throws", async () => {
    const verifier = await open();
    const [key, message, signature] = cases[0] ?? [new Uint8Array(), new Uint8Array(), new Uint8Array()];
    for (const length of [0, 31, 33, 64]) expect(verifier.verify(new Uint8Array(length), message, signature)).toBe(false);
    for (const length of [0, 63, 65, 128]) expect(verifier.verify(key, message, new Uint8Array(length))).toBe(false);
    expect(verifier.verify(new Uint8Array(32).fill(255), message, signature)).toBe(false);
    expect(verifier.verify(key, message, new Uint8Array(64))).toBe(false);
  });
}
