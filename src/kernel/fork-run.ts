/**
 * `run fork`: a new run that shares a prefix of another's events and proves it. What had succeeded in the prefix stands in; everything else
 * is done, with attempts from 1. The other run is only read.
 */
import { clipText } from "../base/clip-text.ts";
import { LilyError } from "../base/lily-error.ts";
import { timeText } from "../base/time-text.ts";
import type { Why } from "../artifacts/builtin-schemas.ts";
import type { EventBody, LedgerEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import { type ArtifactId, type RunId, runStream } from "../contracts/ids.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import { applyEvent } from "../graph/apply-event.ts";
import type { CompiledPlan } from "../graph/compile-plan.ts";
import { forkPrefix, keptResult, succeededInOrder } from "../graph/fork-prefix.ts";
import { usesInput } from "../graph/input-users.ts";
import { keptDifference } from "../graph/kept-difference.ts";
import { createRunState, type RunState, type StepState } from "../graph/run-state.ts";
import { proveFork } from "../ledger/fork-proof.ts";
import { type InputFile, planBodies, storeInput } from "../runtime/begin-run.ts";
import { createRun } from "../runtime/create-run.ts";
import type { LedRun } from "../runtime/lead-run.ts";
import { recordFailedStart } from "../runtime/record-failed-start.ts";
import { committedPlan, foldRun } from "../runtime/resume-run.ts";
import type { RunContext } from "../runtime/run-context.ts";
import { snapshotBody } from "../runtime/security-watch.ts";
import { storedBody } from "../runtime/step-report.ts";
import { anchorWorkspace } from "./checkpoints.ts";
import type { KernelCore } from "./core.ts";
import { inputFiles } from "./input-files.ts";
import type { ForkOptions, RunHandle } from "./kernel.ts";
import { reasonMax } from "./reopen-run.ts";
import { stepsNamed } from "./rerun-run.ts";
import { requireSandbox } from "./require-sandbox.ts";
import { requireOperational, runContextOf } from "./run-context-of.ts";
import { handleOf, releasing, runtimeDeps } from "./run-handle.ts";
import { requireBound } from "./take-up-run.ts";
import { compileLoaded, type Configuration, loadConfiguration, loadWorkflow, openSourceTree } from "./workflow-source.ts";

/** The run that is forked, as its record tells it. */
export interface ForkSource {
  readonly runId: RunId;
  readonly plan: PlanDocument;
  readonly events: readonly LedgerEvent[];
  /** The state at the end of the prefix. */
  readonly state: RunState;
  readonly prefixEvents: number;
  readonly stepIds: readonly string[];
}

/** The plan of the fork, and where it works. */
interface ForkTarget extends CompiledPlan {
  readonly sourceDir: string;
  readonly tree: RunContext["tree"];
  readonly configuration: Configuration;
  /** Files of inputs that the source does not have. */
  readonly files: Readonly<Record<string, InputFile>>;
}

export async function forkRun(core: KernelCore, runText: string, options: ForkOptions): Promise<RunHandle> {
  const { source, committed, isIncomplete } = await readSource(core, await core.findRun(runText), options.from);
  const target = options.workflow === undefined ? await samePlan(core, source, committed) : await otherPlan(core, source, options);
  const deps = await runtimeDeps(core, target.configuration);
  await requireSandbox(target.plan, deps.processes);
  // After an escalation somebody has to vouch for the workspace again: that nobody tells is not enough.
  const security = await requireOperational(deps, isIncomplete ? { ...target.plan.policy, security: "operational" } : target.plan.policy);
  const led = await createRun(deps, options.title === undefined ? {} : { title: options.title });
  const state = createRunState(target.plan, led.runId);
  for (const event of led.events) applyEvent(state, event);
  const { plan, planHash, sourceDir, tree, configuration, files } = target;
  const run = runContextOf(deps, { runId: led.runId, plan, planHash, state, sourceDir, tree, configDir: configuration.dir, security, reuse: false });
  return releasing(led, async () => {
    const bodies = await beginning(core, run, led, () => forkBodies(run, source, files, options.reason, options.parallel ?? core.parts.parallel));
    return handleOf(core, run, led, bodies);
  });
}

async function beginning<T>(core: KernelCore, run: RunContext, led: LedRun, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    await recordFailedStart(run, led, thrown);
    await anchorWorkspace(core);
    throw thrown;
  }
}

interface ReadSource {
  readonly source: ForkSource;
  readonly committed: EventData["PLAN_COMMITTED"];
  readonly isIncomplete: boolean;
}

async function readSource(core: KernelCore, runId: RunId, names: readonly string[]): Promise<ReadSource> {
  const events: LedgerEvent[] = [];
  for await (const event of (await core.ledger()).readStream(runStream(runId))) events.push(event);
  const found = await committedPlan(await core.artifactStore(), events);
  if (found === null) throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} has no plan, so there is nothing to fork`, { details: { run_id: runId } });
  const whole = foldRun(found.plan, runId, events);
  if (whole.phase === "created" || whole.phase === "running") {
    throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} is ${whole.phase}; let it end, or end it with run cancel, before it is forked`, {
      details: { run_id: runId, status: whole.phase },
    });
  }
  return { source: forkSource(runId, found.plan, events, names), committed: found.event.data, isIncomplete: whole.phase === "incomplete" };
}

/** Throws USAGE_INVALID for a step that the run does not have. */
export function forkSource(runId: RunId, plan: PlanDocument, events: readonly LedgerEvent[], names: readonly string[]): ForkSource {
  const empty = createRunState(plan, runId);
  const steps = stepsNamed(empty, names);
  const prefixEvents = forkPrefix(empty, events, steps);
  return { runId, plan, events, prefixEvents, state: foldRun(plan, runId, events.slice(0, prefixEvents)), stepIds: steps.map((step) => step.plan.id) };
}

async function samePlan(
  core: KernelCore,
  source: ForkSource,
  { plan_hash: planHash, source_dir: sourceDir }: EventData["PLAN_COMMITTED"],
): Promise<ForkTarget> {
  const tree = await openSourceTree(core, sourceDir);
  const configuration = await loadConfiguration(core, tree);
  await requireBound(source.runId, source.plan, tree, configuration);
  return { plan: source.plan, planHash, sourceDir, tree, configuration, files: {} };
}

/** Another workflow may go on with what is kept only when nothing that it was made from differs. Throws WORKFLOW_DRIFT naming the step. */
async function otherPlan(core: KernelCore, source: ForkSource, options: ForkOptions): Promise<ForkTarget> {
  const loaded = await loadWorkflow(core, options.workflow ?? { file: "" });
  const declared = Object.keys(loaded.document?.params ?? {});
  const earlier = Object.entries(source.plan.params).filter(([name]) => declared.includes(name));
  const { plan, planHash } = await compileLoaded(loaded, { ...Object.fromEntries(earlier), ...options.params });
  const given = options.inputs ?? {};
  for (const step of succeededInOrder(source.state)) {
    const input = Object.keys(given).find((name) => usesInput(step.plan, name));
    const difference = keptDifference(step.plan.id, source.plan, plan) ?? (input === undefined ? null : `input ${input} differs`);
    if (difference !== null) {
      throw new LilyError(
        "WORKFLOW_DRIFT",
        `step ${step.plan.id} would be kept from run ${source.runId}, but ${difference}; fork from it or from a step before it`,
        {
          details: { step_id: step.plan.id },
        },
      );
    }
  }
  const fresh = Object.fromEntries(Object.entries(plan.inputs).filter(([name]) => given[name] !== undefined || !source.state.inputs.has(name)));
  const files = await inputFiles(core, loaded, fresh, given);
  return { plan, planHash, sourceDir: loaded.dir, tree: loaded.tree, configuration: loaded.configuration, files };
}

/** Everything up to the first decision, as one batch. */
export async function forkBodies(
  run: RunContext,
  source: ForkSource,
  files: Readonly<Record<string, InputFile>>,
  reason: string,
  parallel: number,
): Promise<readonly EventBody[]> {
  const said = clipText(reason, reasonMax);
  const { claim, proof } = await storeClaim(run, source, said);
  const shared = new Set<ArtifactId>();
  const inputs: Record<string, ArtifactId> = {};
  const fresh: EventBody[] = [];
  for (const [name, input] of Object.entries(run.plan.inputs)) {
    const kept = files[name] === undefined ? source.state.inputs.get(name) : undefined;
    if (kept === undefined) {
      const stored = await storeInput(run, name, input, files[name]);
      fresh.push(storedBody(stored));
      inputs[name] = stored.artifact.artifact_id;
    } else {
      shared.add(kept);
      inputs[name] = kept;
    }
  }
  const reused: EventBody[] = [];
  for (const step of succeededInOrder(source.state)) reused.push(...(await reuseBodies(run, source, step, shared, said)));
  return [
    ...(await planBodies(run)),
    proof,
    claim,
    ...fresh,
    ...[...shared].map((id) => sharedBody(source.state, id)),
    snapshotBody("pre", run.securityAtStart, null, run.state.events),
    { kind: "RUN_STARTED", key: "RUN_STARTED", data: { inputs, parallel, reuse: false } },
    ...reused,
  ];
}

async function storeClaim(run: RunContext, source: ForkSource, reason: string): Promise<{ readonly claim: EventBody; readonly proof: EventBody }> {
  const { runId, events, prefixEvents, stepIds } = source;
  const facts = proveFork(
    runId,
    events.map((event) => event.hash),
    prefixEvents,
  );
  const proof = await run.deps.artifacts.prepareJson({
    ...kernelOrigin(run, "fork_proof.v1", "fork_proof"),
    schema_id: "fork_proof.v1",
    value: { ...facts, consistency: [...facts.consistency] },
  });
  const [head, prefixHead] = [events.at(-1)?.hash, events[prefixEvents - 1]?.hash];
  if (head === undefined || prefixHead === undefined) throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} has no event to share`);
  const data: EventData["RUN_FORKED"] = {
    from: { run_id: runId, events: facts.events, head, root: facts.root },
    prefix: { events: facts.prefix_events, head: prefixHead, root: facts.prefix_root },
    step_ids: [...stepIds],
    proof_artifact_id: proof.artifact.artifact_id,
    reason,
  };
  return { proof: storedBody(proof), claim: { kind: "RUN_FORKED", key: "RUN_FORKED", data } };
}

/** The original refs, and the text of what rides in the record: nothing is copied, and nobody else is said to have made it. */
function sharedBody(state: RunState, id: ArtifactId): EventBody {
  const stored = state.artifacts.get(id);
  if (stored === undefined) throw new LilyError("INTERNAL_INVARIANT", `A3: artifact ${id} is in the record that is forked`);
  return {
    kind: "ARTIFACT_STORED",
    key: `ARTIFACT_STORED/${id}`,
    data: { artifact: stored.ref, ...(stored.inline === null ? {} : { inline: stored.inline }) },
  };
}

async function reuseBodies(run: RunContext, source: ForkSource, step: StepState, shared: Set<ArtifactId>, reason: string): Promise<readonly EventBody[]> {
  const kept = keptResult(source.runId, source.events.slice(0, source.prefixEvents), source.state, step);
  if (kept === null) throw new LilyError("INTERNAL_INVARIANT", `E1: step ${step.plan.id} succeeded without an event that says so`);
  for (const id of kept.artifacts) shared.add(id);
  const { run_id, step_id, attempt } = kept.from;
  const why: Why = {
    subject: "forked",
    step_id: step.plan.id,
    attempt: 0,
    compared_with: { run_id, step_id, attempt },
    inputs: 0,
    changed: [],
    because: `step ${step.plan.id} was not done: this fork of run ${source.runId} shares the events in which it succeeded (attempt ${attempt} of run ${run_id}): ${clipText(reason, 1000)}`,
    timestamp: timeText(run.deps.clock.nowMs()),
  };
  const stored = await run.deps.artifacts.prepareJson({ ...kernelOrigin(run, "why.v1", `why/${step.plan.id}/fork`), schema_id: "why.v1", value: why });
  const data: EventData["STEP_REUSED"] = { step_id: step.plan.id, attempt: 0, cause: "fork", ...kept, why_artifact_id: stored.artifact.artifact_id };
  return [storedBody(stored), { kind: "STEP_REUSED", key: `STEP_REUSED/${step.plan.id}/fork`, data }];
}

function kernelOrigin(run: RunContext, type: string, name: string) {
  return { run_id: run.runId, artifact_type: type, producer_id: "kernel", producer_kind: "system" as const, attempt: 0, inputs: [], name };
}
