/**
 * The observers of the folders that a run works in.
 *
 * Owns: one observer a run and folder, from its first use to the end of the run.
 * States: none -> open -> ended.
 * Invariants: an observer that could not be opened is asked for again.
 * Not responsible for: what is seen, and what it means.
 */
import type { ChangeObserver } from "../ports/change-observer.ts";
import { isInside } from "./is-inside.ts";
import type { RunContext } from "./run-context.ts";

const known = new WeakMap<RunContext, Map<string, Promise<ChangeObserver>>>();

/** The observer of a folder; null where nobody observes. The workspace is left out of it (S7), unless the folder lies in there itself. */
export async function observerOf(run: RunContext, root: string): Promise<ChangeObserver | null> {
  const { observers, workspaceDir } = run.deps;
  if (observers === null) return null;
  const ofRun = known.get(run) ?? new Map<string, Promise<ChangeObserver>>();
  known.set(run, ofRun);
  const opening = ofRun.get(root) ?? observers.observe(root, { hidden: isInside(root, workspaceDir) ? [] : [workspaceDir] });
  ofRun.set(root, opening);
  try {
    return await opening;
  } catch (thrown) {
    ofRun.delete(root);
    throw thrown;
  }
}

/** Of a folder that is not looked at again. */
export async function endObserver(run: RunContext, root: string): Promise<void> {
  const ofRun = known.get(run);
  const opening = ofRun?.get(root);
  ofRun?.delete(root);
  await opening?.then((observer) => observer.end());
}

/** When the run rests. */
export async function endObservers(run: RunContext): Promise<void> {
  for (const root of [...(known.get(run)?.keys() ?? [])]) await endObserver(run, root);
}
