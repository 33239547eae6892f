import type { PlanHashGate } from "../contracts/plan-document.ts";
import type { GateVerdict } from "../judge/gate-verdict.ts";
import { runHashLaw } from "../judge/run-hash-law.ts";
import type { FileTree } from "../ports/file-tree.ts";

/** Reads what the gate's law needs from the folder and judges it. Files that an index does not list are told, not judged. */
export async function observeHashGate(tree: FileTree, gate: PlanHashGate): Promise<GateVerdict> {
  const { status, reason, metrics } = await runHashLaw(gate, tree);
  return { status, reason, metrics };
}
