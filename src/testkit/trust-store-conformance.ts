import { createHash, createPublicKey, verify } from "node:crypto";
import { expect, it } from "vitest";
import type { Signer, TrustStore } from "../ports/signer.ts";

function verifies(signer: Signer, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(signer.publicKey).toString("base64url") }, format: "jwk" });
  return verify(null, message, key, signature);
}

/** What every trust store promises. `open` makes a fresh one for each case. */
export function trustStoreConformance(open: () => Promise<TrustStore>): void {
  it("has no key before one is made, and keeps the one that was made", async () => {
    const trust = await open();
    expect(await trust.signer("ws1")).toBeNull();
    const made = await trust.createKey("ws1");
    expect(made.keyName).toBe("lily/ws1");
    expect(made.publicKey).toHaveLength(32);
    expect((await trust.createKey("ws1")).publicKey).toEqual(made.publicKey);
    expect((await trust.signer("ws1"))?.publicKey).toEqual(made.publicKey);
    expect((await trust.createKey("ws2")).publicKey).not.toEqual(made.publicKey);
  });

  it("signs with Ed25519", async () => {
    const signer = await (await open()).createKey("ws1");
    const message = new TextEncoder().encode("lily\n1\nroot\n");
    const signature = await signer.sign(message);
    expect(signature).toHaveLength(64);
    expect(verifies(signer, message, signature)).toBe(true);
    expect(verifies(signer, new TextEncoder().encode("other"), signature)).toBe(false);
  });

  it("many makers of one key end with the same", async () => {
    const trust = await open();
    const signers = await Promise.all(Array.from({ length: 8 }, () => trust.createKey("ws1")));
    expect(new Set(signers.map((signer) => Buffer.from(signer.publicKey).toString("hex"))).size).toBe(1);
  });

  it("S4: recognises a text again under a secret that is the workspace's own", async () => {
    const trust = await open();
    const digest = await trust.keyedDigest("ws1", "a text");
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await trust.keyedDigest("ws1", "a text")).toBe(digest);
    expect(await trust.keyedDigest("ws1", "another")).not.toBe(digest);
    expect(await trust.keyedDigest("ws2", "a text")).not.toBe(digest);
    expect(digest).not.toBe(`sha256:${createHash("sha256").update("a text").digest("hex")}`);
    expect(await trust.signer("ws1")).toBeNull();
  });

  it("many who ask first for a digest get the same", async () => {
    const trust = await open();
    expect(new Set(await Promise.all(Array.from({ length: 8 }, () => trust.keyedDigest("ws1", "a text")))).size).toBe(1);
  });

  it("remembers the checkpoint of the largest tree, in whatever order they come", async () => {
    const trust = await open();
    expect(await trust.newestCheckpoint("ws1")).toBeNull();
    await trust.rememberCheckpoint("ws1", "note 9", 9);
    await trust.rememberCheckpoint("ws1", "note 10", 10);
    await trust.rememberCheckpoint("ws1", "note 2", 2);
    expect(await trust.newestCheckpoint("ws1")).toBe("note 10");
    expect(await trust.newestCheckpoint("ws2")).toBeNull();
    await Promise.all([12, 11, 14, 13].map((size) => trust.rememberCheckpoint("ws1", `note ${size}`, size)));
    expect(await trust.newestCheckpoint("ws1")).toBe("note 14");
  });

  it("forgets what it remembers when a rollback is accepted, as often as that happens, and for that workspace alone", async () => {
    const trust = await open();
    await trust.acceptRollback("ws1");
    await trust.rememberCheckpoint("ws2", "other", 5);
    for (const note of ["first", "second"]) {
      await trust.rememberCheckpoint("ws1", note, 9);
      await trust.acceptRollback("ws1");
      expect(await trust.newestCheckpoint("ws1")).toBeNull();
    }
    await trust.acceptRollback("ws1");
    await trust.rememberCheckpoint("ws1", "smaller", 3);
    expect(await trust.newestCheckpoint("ws1")).toBe("smaller");
    expect(await trust.newestCheckpoint("ws2")).toBe("other");
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 53])("CHECKPOINT_INVALID: refuses a checkpoint of size %d", async (size) => {
    await expect((await open()).rememberCheckpoint("ws1", "note", size)).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
  });

  it.each(["..", "../x", "a/b", ""])("ID_INVALID: refuses the workspace id %j", async (id) => {
    const trust = await open();
    await expect(trust.signer(id)).rejects.toMatchObject({ code: "ID_INVALID" });
    await expect(trust.createKey(id)).rejects.toMatchObject({ code: "ID_INVALID" });
    await expect(trust.newestCheckpoint(id)).rejects.toMatchObject({ code: "ID_INVALID" });
    await expect(trust.acceptRollback(id)).rejects.toMatchObject({ code: "ID_INVALID" });
    await expect(trust.rememberCheckpoint(id, "note", 1)).rejects.toMatchObject({ code: "ID_INVALID" });
  });
}
