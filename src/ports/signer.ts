import type { Digest } from "../base/digest.ts";

/** Signs checkpoints. The key lies outside the workspace, in a file, a KMS or an HSM. */
export interface Signer {
  /** Name in the signed note, as `lily/<workspace_id>`. */
  readonly keyName: string;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** What this machine remembers about a workspace outside of it: its key, and the newest checkpoint seen (rollback shows as behind). */
export interface TrustStore {
  /** Null when the key was never made here or is gone; KEY_INVALID when it is damaged or readable by others. */
  signer(workspaceId: string): Promise<Signer | null>;
  /** Makes the key, mode 0600; an existing one is kept. Durable on return. */
  createKey(workspaceId: string): Promise<Signer>;
  /**
   * HMAC-SHA256 of the text, under a secret of the workspace that is made at the first use and lies beside its key: equal texts are
   * recognised, and who has not the secret learns nothing of a text that is easy to guess. KEY_INVALID as for the key.
   */
  keyedDigest(workspaceId: string, text: string): Promise<Digest>;
  /** Newest checkpoint note remembered, null when none. */
  newestCheckpoint(workspaceId: string): Promise<string | null>;
  /** Remembers a note; never a smaller tree than before (the caller checked consistency). Durable on return. */
  rememberCheckpoint(workspaceId: string, note: string, size: number): Promise<void>;
  /** Sets what is remembered of the workspace aside, so that an older copy of it counts again; nothing is deleted. Idempotent, durable on return. */
  acceptRollback(workspaceId: string): Promise<void>;
}
