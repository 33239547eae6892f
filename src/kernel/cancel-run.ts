import { digestBytes } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import type { RunId } from "../contracts/ids.ts";
import type { RunView } from "../contracts/run-view.ts";
import type { CompiledPlan } from "../graph/compile-plan.ts";
import { isSameOwner } from "../ports/lease-store.ts";
import { cancelBody } from "../runtime/drive-run.ts";
import { isLedHere, leaderDraft, leadRun } from "../runtime/lead-run.ts";
import { committedPlan, foldRun, resumeBodies } from "../runtime/resume-run.ts";
import { readSecurity } from "../runtime/security-watch.ts";
import type { KernelCore } from "./core.ts";
import { runContextOf } from "./run-context-of.ts";
import { handleOf, releasing, runtimeDeps } from "./run-handle.ts";
import { readRunView } from "./run-views.ts";
import { loadConfiguration, openSourceTree } from "./workflow-source.ts";

const leaderPollMs = 200;

/** A live leader is asked and awaited; a run that nobody leads is canceled here. */
export async function cancelRun(core: KernelCore, runText: string, reason: string): Promise<RunView> {
  const runId = await core.findRun(runText);
  const { leases } = core.parts.authority;
  const before = await readRunView(core, runId);
  if (before.status === "succeeded" || before.status === "failed" || before.status === "canceled" || before.status === "incomplete") {
    const why = before.status === "incomplete" ? ": the security state rose and everything of it was ended, so nothing is left to cancel" : "";
    throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} is ${before.status} already${why}`, { details: { run_id: runId, status: before.status } });
  }
  await leases.requestStop(runId, core.parts.probe.principal(), reason);
  while (await isLed(core, runId)) {
    await core.parts.clock.sleep(leaderPollMs);
    const view = await readRunView(core, runId);
    if (view.record.sealed && view.status !== "blocked") return view;
  }
  const now = await readRunView(core, runId);
  if (now.record.sealed && now.status !== "blocked") return now;
  return cancelUnled(core, runId, reason);
}

/** A lease that this process could not give back leads nothing. */
async function isLed(core: KernelCore, runId: RunId): Promise<boolean> {
  const { authority, probe } = core.parts;
  const holder = await authority.leases.holder(runId);
  return holder !== null && (!isSameOwner(holder.owner, probe.owner()) || isLedHere(core.parts, runId));
}

async function cancelUnled(core: KernelCore, runId: RunId, reason: string): Promise<RunView> {
  const deps = await runtimeDeps(core, await loadConfiguration(core, null));
  const led = await leadRun(deps, runId);
  return releasing(led, async () => {
    await deps.processes.endLeftovers(`${runId}/`);
    const committed = await committedPlan(deps.artifacts, led.events);
    const plan = committed?.plan ?? emptyPlan();
    const state = foldRun(plan, runId, led.events);
    const interrupted = state.phase === "running" ? resumeBodies(state, led.token, { unblock: null }) : [];
    const canceled = cancelBody(reason, String(led.token));
    const sourceDir = committed?.event.data.source_dir ?? core.parts.homeDir;
    const tree = await openSourceTree(core, committed === null ? core.parts.homeDir : sourceDir).catch(() => openSourceTree(core, core.parts.homeDir));
    const planHash = state.planHash ?? plan.policy_digest;
    // Ending a run is never refused, whatever the security state is.
    const security = await readSecurity(deps.security, deps.clock);
    const run = runContextOf(deps, { runId, plan, planHash, state, sourceDir, tree, configDir: core.parts.homeDir, security });
    return handleOf(core, run, led, [leaderDraft(deps, led.token), ...interrupted, canceled]).done();
  });
}

/** A run that was only created has no plan; nothing of this one is recorded. */
function emptyPlan(): CompiledPlan["plan"] {
  const policy = { tools: null, write: null, network: "allow", sandbox: "off", attempts_max: 1 } as const;
  return {
    v: 1,
    workflow: "none",
    title: null,
    params: {},
    inputs: {},
    policy,
    policy_digest: digestBytes(""),
    steps: [],
    gates: [],
    routes: [],
    code: [],
    uses: [],
    modules: [],
    schemas: [],
  };
}
