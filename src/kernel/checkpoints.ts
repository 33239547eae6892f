/**
 * Owns: cutting checkpoints for one kernel, one at a time: runs that seal while a cut is under way share the next one.
 * Not responsible for: what a checkpoint says and when it is refused (ledger/workspace-log).
 */
import { isLilyError } from "../base/lily-error.ts";
import type { CutCheckpoint } from "../ledger/workspace-log.ts";
import type { KernelCore } from "./core.ts";
import type { AnchoringFailure } from "./kernel.ts";

interface Cutting {
  readonly running: Promise<CutCheckpoint | null>;
  next: Promise<CutCheckpoint | null> | null;
}

const cutting = new WeakMap<KernelCore, Cutting>();

/** Resolves once a checkpoint covers everything sealed before the call. Null when nothing is sealed or this machine has no key. */
export async function cutWorkspaceCheckpoint(core: KernelCore): Promise<CutCheckpoint | null> {
  const current = cutting.get(core);
  if (current === undefined) return begin(core);
  current.next ??= current.running.then(
    () => begin(core),
    () => begin(core),
  );
  return current.next;
}

/** The same after a run was sealed: a key or disk that fails then takes nothing from the run, so why it is not anchored is a value. */
export async function anchorWorkspace(core: KernelCore): Promise<AnchoringFailure | null> {
  try {
    await cutWorkspaceCheckpoint(core);
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
  const { authority, trust, verifier } = core.parts;
  const signer = await trust.signer(core.workspaceId);
  if (signer === null) return null;
  const { cutCheckpoint } = await import("../ledger/workspace-log.ts");
  return cutCheckpoint({ ledger: await core.ledger(), authority, signer, trust, verifier });
}
