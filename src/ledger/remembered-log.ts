/**
 * Owns: comparing the workspace log with what this machine remembers of it outside of the workspace, and accepting that they differ.
 * Invariants
 * - A log that is shorter than a remembered checkpoint, or another than it, is an older or a foreign copy: nothing is signed or run over it.
 * - The way back leaves a trace: the acceptance is in the record before the checkpoint is set aside, and the checkpoint is kept.
 * Not responsible for: cutting checkpoints (workspace-log), and where they are remembered (trust store).
 */
import { clipText } from "../base/clip-text.ts";
import { digestBytes } from "../base/digest.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import { workspaceStream } from "../contracts/ids.ts";
import type { AuthorityStore } from "../ports/authority-store.ts";
import type { LogLeaf } from "../ports/journal.ts";
import type { SignatureVerifier } from "../ports/signature-verifier.ts";
import type { Signer, TrustStore } from "../ports/signer.ts";
import { logOrigin, type OpenedCheckpoint, openCheckpoint } from "./checkpoint.ts";
import type { Ledger } from "./ledger.ts";
import { rootsAt } from "./log-tree.ts";

export interface RememberedParts {
  readonly authority: AuthorityStore;
  readonly signer: Signer;
  readonly trust: TrustStore;
  readonly verifier: SignatureVerifier;
}

const reasonMax = 3_000;

/** The newest checkpoint that this machine remembers, verified; null when there is none. Throws CHECKPOINT_INVALID. */
export async function rememberedCheckpoint(parts: RememberedParts): Promise<OpenedCheckpoint | null> {
  const { workspaceId } = parts.authority.identity;
  const note = await parts.trust.newestCheckpoint(workspaceId);
  if (note === null) return null;
  const key = { name: parts.signer.keyName, publicKey: parts.signer.publicKey };
  return openCheckpoint(note, logOrigin(workspaceId), [key], parts.verifier);
}

/** Throws RECORD_BEHIND_ANCHOR when the log is shorter than a checkpoint, CHECKPOINT_INVALID when it is another; `refused` says what was not done. */
export function requireContains(leaves: readonly LogLeaf[], earlier: readonly { readonly size: number; readonly root: string }[], refused: string): void {
  const roots = rootsAt(
    leaves,
    earlier.map(({ size }) => size),
  );
  for (const { size, root } of earlier) {
    if (size > leaves.length) {
      throw new LilyError("RECORD_BEHIND_ANCHOR", `the workspace log has ${leaves.length} leaves where a checkpoint says ${size}; ${refused}`);
    }
    if (roots.get(size) !== root)
      throw new LilyError("CHECKPOINT_INVALID", `the first ${size} leaves of the workspace log are not those of an earlier checkpoint; ${refused}`);
  }
}

/** What a workspace that is not rolled back holds beyond the remembered checkpoint. Throws RECORD_BEHIND_ANCHOR, CHECKPOINT_INVALID. */
export async function requireNotRolledBack(parts: RememberedParts): Promise<{ readonly uncovered: number }> {
  const remembered = await rememberedCheckpoint(parts);
  const leaves = await parts.authority.journal.leaves(0);
  if (remembered === null) return { uncovered: leaves.length };
  const { workspaceId } = parts.authority.identity;
  requireContains(
    leaves,
    [remembered],
    `nothing was run. The workspace ${workspaceId} was restored from an older copy, or changed by another machine: bring the newest copy back, or accept the loss with lily doctor --accept-rollback REASON`,
  );
  return { uncovered: leaves.length - remembered.size };
}

/**
 * Goes on from an older copy: records why (RECORD_RECOVERED in the workspace stream), then sets the remembered checkpoint aside. A crash in
 * between leaves the acceptance recorded and to be given again. RUN_STATE_CONFLICT when the workspace is not behind: there is nothing to accept.
 */
export async function acceptRollback(parts: RememberedParts & { readonly ledger: Ledger }, reason: string): Promise<{ readonly message: string }> {
  const { authority, trust, ledger } = parts;
  const { workspaceId } = authority.identity;
  const problem = await problemOf(parts);
  const note = await trust.newestCheckpoint(workspaceId);
  if (problem === null || note === null) {
    throw new LilyError("RUN_STATE_CONFLICT", "the workspace log holds everything that this machine remembers of it; there is no rollback to accept");
  }
  const leaves = (await authority.journal.leaves(0)).length;
  const bytes = new TextEncoder().encode(note);
  const said = `rollback accepted: ${reason}; the log has ${leaves} leaves; the checkpoint that was set aside says ${note.split("\n")[1] ?? "nothing"} leaves`;
  await ledger.appendWorkspace(({ head }) => [
    {
      kind: "RECORD_RECOVERED",
      key: `RECORD_RECOVERED/rollback/${head.size}`,
      by: "system:ledger",
      data: { stream: workspaceStream, bytes: bytes.length, digest: digestBytes(bytes), set_aside: "trust store", reason: clipText(said, reasonMax) },
    },
  ]);
  await trust.acceptRollback(workspaceId);
  return { message: said };
}

async function problemOf(parts: RememberedParts): Promise<LilyError | null> {
  try {
    await requireNotRolledBack(parts);
    return null;
  } catch (thrown) {
    if (isLilyError(thrown, "RECORD_BEHIND_ANCHOR", "CHECKPOINT_INVALID")) return thrown;
    throw thrown;
  }
}
