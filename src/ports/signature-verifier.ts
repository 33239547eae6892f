/** Checks Ed25519 signatures (RFC 8032). */
export interface SignatureVerifier {
  /** `publicKey` is raw, 32 bytes; false for anything that is not a valid signature, never an exception. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}
