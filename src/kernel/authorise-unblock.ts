/**
 * Who may let an escalated run go on: whom its policy names, and never one of its own steps (a step of the same user that hides its
 * environment is not told from a person: S6). A denial is a fact of the workspace and changes nothing of the run.
 */
import { clipText } from "../base/clip-text.ts";
import { LilyError } from "../base/lily-error.ts";
import type { RunId } from "../contracts/ids.ts";
import type { PlanPolicy } from "../contracts/plan-document.ts";
import type { KernelCore } from "./core.ts";

/** The variable that marks every process of a step. */
const stepMarker = "LILY_RUN";
const markerShownMax = 300;

/** Throws UNAUTHORIZED, after AUTH_DENIED is recorded in the workspace stream. */
export async function authoriseUnblock(core: KernelCore, runId: RunId, policy: PlanPolicy): Promise<void> {
  const reason = denialOf(core, policy);
  if (reason === null) return;
  const { probe, ids } = core.parts;
  const ledger = await core.ledger();
  const key = `AUTH_DENIED/${ids.randomHex(16)}`;
  await ledger.appendWorkspace(() => [{ kind: "AUTH_DENIED", key, by: probe.principal(), data: { action: "run.unblock", target: `run/${runId}`, reason } }]);
  throw new LilyError("UNAUTHORIZED", `run ${runId} stays blocked: ${reason}`, { details: { run_id: runId } });
}

/** Null when the acting principal may unblock. */
function denialOf(core: KernelCore, { unblock_by: allowed }: PlanPolicy): string | null {
  const { probe } = core.parts;
  const marker = probe.select([stepMarker])[stepMarker];
  if (marker !== undefined) return `a step (${clipText(marker, markerShownMax)}) asks for it, and a person has to`;
  const principal = probe.principal();
  if (allowed === undefined || allowed.includes(principal)) return null;
  const who = allowed.length === 0 ? "nobody" : allowed.join(", ");
  return clipText(`${principal} asks for it, and the policy's unblock_by names ${who}`, 4096);
}
