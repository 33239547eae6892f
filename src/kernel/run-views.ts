import type { LedgerEvent } from "../contracts/event.ts";
import { type RunId, runStream } from "../contracts/ids.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import type { RunView } from "../contracts/run-view.ts";
import { RunViewFold } from "../audit/run-view-fold.ts";
import { committedPlan } from "../runtime/resume-run.ts";
import type { KernelCore } from "./core.ts";

/** Folds a run's record into what is shown of it. */
export async function readRunView(core: KernelCore, runId: RunId): Promise<RunView> {
  const ledger = await core.ledger();
  const events: LedgerEvent[] = [];
  for await (const event of ledger.readStream(runStream(runId))) events.push(event);
  const committed = await committedPlan(await core.artifactStore(), events);
  return viewOf(core, runId, committed?.plan ?? null, events).view();
}

/** A view that later events can be added to. */
export function viewOf(core: KernelCore, runId: RunId, plan: PlanDocument | null, events: readonly LedgerEvent[]): RunViewFold {
  const fold = new RunViewFold(runId, core.parts.folders.runDir(runId));
  if (plan !== null) fold.usePlan(plan);
  for (const event of events) fold.add(event);
  return fold;
}
