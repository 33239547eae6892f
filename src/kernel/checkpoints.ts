/**
 * Owns: cutting checkpoints for one kernel, one at a time: runs that seal while a cut is under way share the next one. Before a kernel leads
 * its first run it compares the workspace with what this machine remembers of it, and covers what an earlier process sealed but did not.
 * Not responsible for: what a checkpoint says and when it is refused (ledger/workspace-log, ledger/remembered-log).
 */
import { isLilyError, LilyError } from "../base/lily-error.ts";
import type { RunId } from "../contracts/ids.ts";
import { runStream } from "../contracts/ids.ts";
import type { RememberedParts } from "../ledger/remembered-log.ts";
import type { CutCheckpoint } from "../ledger/workspace-log.ts";
import type { Signer } from "../ports/signer.ts";
import type { KernelCore } from "./core.ts";
import type { AnchoringFailure } from "./kernel.ts";

interface Cutting {
  readonly running: Promise<CutCheckpoint | null>;
  next: Promise<CutCheckpoint | null> | null;
}

const cutting = new WeakMap<KernelCore, Cutting>();
const compared = new WeakMap<KernelCore, Promise<void>>();

/** Resolves once a checkpoint covers everything sealed before the call. Null when nothing is sealed. Throws KEY_MISSING, KEY_INVALID. */
export async function cutWorkspaceCheckpoint(core: KernelCore): Promise<CutCheckpoint | null> {
  const current = cutting.get(core);
  if (current === undefined) return begin(core);
  current.next ??= current.running.then(
    () => begin(core),
    () => begin(core),
  );
  return current.next;
}

/**
 * The same after a run was sealed: a key or disk that fails then takes nothing from the run, so why it is not anchored is a value. A machine
 * without the key is no failure: that was said when the run started.
 */
export async function anchorWorkspace(core: KernelCore): Promise<AnchoringFailure | null> {
  try {
    await cutWorkspaceCheckpoint(core);
    return null;
  } catch (thrown) {
    if (!isLilyError(thrown)) throw thrown;
    return thrown.code === "KEY_MISSING" ? null : { code: thrown.code, message: thrown.message };
  }
}

/**
 * Once for a kernel, before it leads a run: refuses a workspace that was rolled back or forked (RECORD_BEHIND_ANCHOR, CHECKPOINT_INVALID),
 * so that nothing runs over it, and cuts the checkpoint that an earlier process was too late for. Without a usable key nothing can be compared.
 */
export function readyToLead(core: KernelCore): Promise<void> {
  const known = compared.get(core);
  if (known !== undefined) return known;
  const comparing = compareAndComplete(core);
  compared.set(core, comparing);
  comparing.catch(() => compared.delete(core));
  return comparing;
}

async function compareAndComplete(core: KernelCore): Promise<void> {
  const uncovered = await requireOwnHistory(core);
  if (uncovered > 0) await anchorWorkspace(core);
}

/** How many leaves the remembered checkpoint does not cover; 0 when there is no key to say so. */
async function requireOwnHistory(core: KernelCore): Promise<number> {
  const signer = await usableSigner(core);
  if (signer === null) return 0;
  const { requireNotRolledBack } = await import("../ledger/remembered-log.ts");
  return (await requireNotRolledBack(rememberedParts(core, signer))).uncovered;
}

/** Cuts the missing checkpoint over a run that is sealed; false when the run is not sealed, or covered already. */
export async function anchorSealedRun(core: KernelCore, runId: RunId): Promise<boolean> {
  const ledger = await core.ledger();
  const { size, hash } = await ledger.head(runStream(runId));
  const { uncoveredLeaves } = await import("../ledger/workspace-log.ts");
  const leaves = await uncoveredLeaves({ ledger, authority: core.parts.authority });
  if (!leaves.some((leaf) => leaf.stream === runStream(runId) && leaf.size === size && leaf.head === hash)) return false;
  await requireOwnHistory(core);
  await cutWorkspaceCheckpoint(core);
  return true;
}

/** Goes on from an older copy of the workspace. KEY_MISSING, RUN_STATE_CONFLICT when it is not one. */
export async function acceptWorkspaceRollback(core: KernelCore, reason: string): Promise<string> {
  const { acceptRollback } = await import("../ledger/remembered-log.ts");
  const parts = rememberedParts(core, await requiredSigner(core));
  const { message } = await acceptRollback({ ...parts, ledger: await core.ledger() }, reason);
  compared.delete(core);
  return message;
}

/** Why runs that end here stay unanchored: the key is missing or cannot be used; null when it is there. */
export async function keyProblem(core: KernelCore): Promise<AnchoringFailure | null> {
  try {
    await requiredSigner(core);
    return null;
  } catch (thrown) {
    if (!isLilyError(thrown)) throw thrown;
    return { code: thrown.code, message: thrown.message };
  }
}

function begin(core: KernelCore): Promise<CutCheckpoint | null> {
  const running = cut(core);
  const entry: Cutting = { running, next: null };
  cutting.set(core, entry);
  const forget = (): void => {
    if (cutting.get(core) === entry) cutting.delete(core);
  };
  running.then(forget, forget);
  return running;
}

async function cut(core: KernelCore): Promise<CutCheckpoint | null> {
  const signer = await requiredSigner(core);
  const { cutCheckpoint } = await import("../ledger/workspace-log.ts");
  return cutCheckpoint({ ledger: await core.ledger(), ...rememberedParts(core, signer) });
}

function rememberedParts(core: KernelCore, signer: Signer): RememberedParts {
  const { authority, trust, verifier } = core.parts;
  return { authority, signer, trust, verifier };
}

async function requiredSigner(core: KernelCore): Promise<Signer> {
  const signer = await core.parts.trust.signer(core.workspaceId);
  if (signer !== null) return signer;
  throw new LilyError("KEY_MISSING", `this machine has no checkpoint key for workspace ${core.workspaceId}, so nothing can be signed; restore the key`, {
    details: { workspace_id: core.workspaceId },
  });
}

/** A key that cannot be used is told when the run ends; it keeps nobody from working. */
async function usableSigner(core: KernelCore): Promise<Signer | null> {
  try {
    return await core.parts.trust.signer(core.workspaceId);
  } catch (thrown) {
    if (isLilyError(thrown, "KEY_INVALID")) return null;
    throw thrown;
  }
}
