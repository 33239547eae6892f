/** Leading a run again from its record: what resume, rerun and replacement share. What the plan binds must be what it was. */
import { LilyError } from "../base/lily-error.ts";
import type { EventBody } from "../contracts/event.ts";
import type { RunId } from "../contracts/ids.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import { verifyPlanCode } from "../graph/bind-code.ts";
import type { RunState } from "../graph/run-state.ts";
import type { FileTree } from "../ports/file-tree.ts";
import { writeManifest } from "../runtime/create-run.ts";
import { leaderDraft, type LedRun, leadRun } from "../runtime/lead-run.ts";
import { committedPlan, foldRun } from "../runtime/resume-run.ts";
import type { RunContext } from "../runtime/run-context.ts";
import { authoriseUnblock } from "./authorise-unblock.ts";
import type { KernelCore } from "./core.ts";
import type { RunHandle } from "./kernel.ts";
import { requireSandbox } from "./require-sandbox.ts";
import { requirePacks } from "./load-packs.ts";
import { preSnapshot, refuseIncomplete, requireOperational, runContextOf } from "./run-context-of.ts";
import { handleOf, releasing, runtimeDeps } from "./run-handle.ts";
import { type Configuration, loadConfiguration, openSourceTree } from "./workflow-source.ts";

/** The events that take the run up, given what is led. They are appended as one batch, behind LEADER_TAKEN. */
export type TakeUpBodies = (run: RunContext) => Promise<readonly EventBody[]>;

export interface LedAgain {
  readonly run: RunContext;
  readonly led: LedRun;
}

/**
 * Leads the run and drives it on. `judge` looks at the state that the record folds to before anything else is looked at, and throws
 * RUN_STATE_CONFLICT or USAGE_INVALID when this cannot be asked of it. Throws LEASE_HELD, SECURITY_ESCALATED, SECURITY_NOT_OPERATIONAL, WORKFLOW_DRIFT,
 * and UNAUTHORIZED when a blocked run is unblocked by somebody who may not.
 */
export async function takeUpRun(
  core: KernelCore,
  runId: RunId,
  parallel: number | undefined,
  judge: (state: RunState, token: number) => TakeUpBodies,
): Promise<RunHandle> {
  const judgeOpen = (state: RunState, token: number): TakeUpBodies => {
    refuseIncomplete(state);
    return judge(state, token);
  };
  return leadAgain(core, runId, judgeOpen, async ({ run, led }, bodies) => {
    if (parallel !== undefined) run.state.parallel = parallel;
    const taken = await bodies(run);
    // Also of a run that was canceled while it was blocked: ending it is everybody's right, letting it go on is not.
    if (run.state.escalated) await authoriseUnblock(core, runId, run.plan.policy);
    return handleOf(core, run, led, [leaderDraft(run.deps, led.token), ...taken, preSnapshot(run)]);
  });
}

/** Leads the run, verifies what its plan binds, and hands both to `work`; the lease is given back when that throws. */
export async function leadAgain<Judged, T>(
  core: KernelCore,
  runId: RunId,
  judge: (state: RunState, token: number) => Judged,
  work: (ledAgain: LedAgain, judged: Judged) => Promise<T>,
): Promise<T> {
  const shared = await runtimeDeps(core, await loadConfiguration(core, null));
  const led = await leadRun(shared, runId);
  return releasing(led, async () => {
    await shared.processes.endLeftovers(`${runId}/`);
    await writeManifest(shared, runId, led.events[0]);
    const committed = await committedPlan(shared.artifacts, led.events);
    if (committed === null) throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} has no plan yet; start it with run start --run ${runId} FILE`);
    const { plan, event } = committed;
    const sourceDir = event.data.source_dir;
    const tree = await openSourceTree(core, sourceDir);
    const configuration = await loadConfiguration(core, tree);
    const deps = await runtimeDeps(core, configuration);
    const state = foldRun(plan, runId, led.events);
    const judged = judge(state, led.token);
    await requireSandbox(plan, deps.processes);
    const security = await requireOperational(deps, plan.policy);
    await requireBound(runId, plan, tree, configuration);
    const run = runContextOf(deps, { runId, plan, planHash: event.data.plan_hash, state, sourceDir, tree, configDir: configuration.dir, security });
    return work({ run, led }, judged);
  });
}

/** Code and schemas are what the plan binds. Throws WORKFLOW_DRIFT naming what changed. */
export async function requireBound(runId: RunId, plan: PlanDocument, tree: FileTree, configuration: Configuration): Promise<void> {
  const drift = await verifyPlanCode(plan, tree, configuration.tree);
  if (drift.length > 0) throw new LilyError("WORKFLOW_DRIFT", `run ${runId} cannot continue: ${drift.map((problem) => problem.message).join("; ")}`);
  requirePacks(configuration.packs, plan.packs);
  for (const { schema_id, digest } of plan.schemas) {
    const seen = configuration.registry.find(schema_id)?.digest ?? null;
    if (seen !== digest)
      throw new LilyError("WORKFLOW_DRIFT", `schema ${schema_id} was ${digest} when the run was planned, and is ${seen ?? "not registered"} now`, {
        details: { schema_id },
      });
  }
}
