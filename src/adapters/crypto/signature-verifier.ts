import { createPublicKey, verify } from "node:crypto";
import type { SignatureVerifier } from "../../ports/signature-verifier.ts";

/** Ed25519 of Node. */
export const signatureVerifier: SignatureVerifier = {
  verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    try {
      const key = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url") } });
      return verify(null, message, key, signature);
    } catch {
      // A key that is no point of the curve verifies nothing.
      return false;
    }
  },
};
