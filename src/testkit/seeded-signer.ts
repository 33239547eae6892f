import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { Signer } from "../ports/signer.ts";

const pkcs8Start = Buffer.from("302e020100300506032b657004220420", "hex");

/** An Ed25519 signer whose key follows from 32 bytes of seed. For tests and worked examples only. */
export function seededSigner(keyName: string, seed: Uint8Array): Signer {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Start, seed]), format: "der", type: "pkcs8" });
  const publicKey = Uint8Array.from(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32));
  return { keyName, publicKey, sign: async (message) => Uint8Array.from(sign(null, message, key)) };
}
