/** In-memory keys and checkpoints, with the promises of the port. Keys last as long as the object. */
import { createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import type { Digest } from "../../base/digest.ts";
import { LilyError } from "../../base/lily-error.ts";
import { parseIdentifier } from "../../base/identifier.ts";
import type { Signer, TrustStore } from "../../ports/signer.ts";

export interface MemoryTrustStore extends TrustStore {
  /** Notes that accepted rollbacks set aside, oldest first. */
  setAside(workspaceId: string): readonly string[];
  /** As if the key file was lost. */
  loseKey(workspaceId: string): void;
  /** As if the key file was damaged or opened to others: reading it is KEY_INVALID. */
  damageKey(workspaceId: string): void;
}

export function createMemoryTrustStore(): MemoryTrustStore {
  const keys = new Map<string, { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | "damaged">();
  const notes = new Map<string, { readonly note: string; readonly size: number }>();
  const secrets = new Map<string, Buffer>();
  const aside = new Map<string, readonly string[]>();
  const setAside = (workspaceId: string): readonly string[] => aside.get(workspaceId) ?? [];
  const signer = async (workspaceId: string): Promise<Signer | null> => {
    const id = parseIdentifier(workspaceId, "workspace id");
    const key = keys.get(id);
    if (key === undefined) return null;
    if (key === "damaged") throw new LilyError("KEY_INVALID", `the checkpoint key of workspace ${id} is damaged`);
    const jwk = key.publicKey.export({ format: "jwk" });
    return {
      keyName: `lily/${id}`,
      publicKey: new Uint8Array(Buffer.from(jwk.x ?? "", "base64url")),
      sign: async (message) => new Uint8Array(sign(null, message, key.privateKey)),
    };
  };
  return {
    signer,
    createKey: async (workspaceId) => {
      const known = await signer(workspaceId);
      if (known !== null) return known;
      // Another maker may have been here while this one looked.
      if (!keys.has(workspaceId)) keys.set(workspaceId, generateKeyPairSync("ed25519"));
      const made = await signer(workspaceId);
      if (made === null) throw new LilyError("KEY_MISSING", `the key of workspace ${workspaceId} vanished`);
      return made;
    },
    keyedDigest: async (workspaceId, text) => {
      const id = parseIdentifier(workspaceId, "workspace id");
      const secret = secrets.get(id) ?? randomBytes(32);
      secrets.set(id, secret);
      return `sha256:${createHmac("sha256", secret).update(text).digest("hex")}` as Digest;
    },
    newestCheckpoint: async (workspaceId) => notes.get(parseIdentifier(workspaceId, "workspace id"))?.note ?? null,
    rememberCheckpoint: async (workspaceId, note, size) => {
      if (!Number.isSafeInteger(size) || size < 0) throw new LilyError("CHECKPOINT_INVALID", `a checkpoint cannot have size ${size}`);
      const known = notes.get(parseIdentifier(workspaceId, "workspace id"));
      if (known === undefined || known.size < size) notes.set(workspaceId, { note, size });
    },
    acceptRollback: async (workspaceId) => {
      const known = notes.get(parseIdentifier(workspaceId, "workspace id"));
      if (known === undefined) return;
      aside.set(workspaceId, [...setAside(workspaceId), known.note]);
      notes.delete(workspaceId);
    },
    setAside,
    loseKey: (workspaceId) => void keys.delete(workspaceId),
    damageKey: (workspaceId) => void keys.set(workspaceId, "damaged"),
  };
}
