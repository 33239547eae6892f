import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { Signer, TrustStore } from "../ports/signer.ts";

const pkcs8Start = Buffer.from("302e020100300506032b657004220420", "hex");

/** An Ed25519 signer whose key follows from 32 bytes of seed. For tests and worked examples only. */
export function seededSigner(keyName: string, seed: Uint8Array): Signer {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Start, seed]), format: "der", type: "pkcs8" });
  const publicKey = Uint8Array.from(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32));
  return { keyName, publicKey, sign: async (message) => Uint8Array.from(sign(null, message, key)) };
}

/** A trust store in memory: keys follow from the workspace id. */
export class MemoryTrust implements TrustStore {
  readonly #signers = new Map<string, Signer>();
  readonly #newest = new Map<string, { readonly note: string; readonly size: number }>();

  async signer(workspaceId: string): Promise<Signer | null> {
    return this.#signers.get(workspaceId) ?? null;
  }

  async createKey(workspaceId: string): Promise<Signer> {
    const seed = new Uint8Array(32);
    seed.set(new TextEncoder().encode(workspaceId).subarray(0, 32));
    const signer = this.#signers.get(workspaceId) ?? seededSigner(`lily/${workspaceId}`, seed);
    this.#signers.set(workspaceId, signer);
    return signer;
  }

  async newestCheckpoint(workspaceId: string): Promise<string | null> {
    return this.#newest.get(workspaceId)?.note ?? null;
  }

  async rememberCheckpoint(workspaceId: string, note: string, size: number): Promise<void> {
    if (size >= (this.#newest.get(workspaceId)?.size ?? 0)) this.#newest.set(workspaceId, { note, size });
  }

  /** Loses the key, as a new machine has none. */
  loseKey(workspaceId: string): void {
    this.#signers.delete(workspaceId);
  }
}
