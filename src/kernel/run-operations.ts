/** Starting, continuing, following and ending runs: graph, ledger and runtime joined. */
import { LilyError } from "../base/lily-error.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { EventBody } from "../contracts/event.ts";
import { parseRunId, runStream } from "../contracts/ids.ts";
import type { RunView } from "../contracts/run-view.ts";
import { applyEvent } from "../graph/apply-event.ts";
import type { CompiledPlan } from "../graph/compile-plan.ts";
import { createRunState } from "../graph/run-state.ts";
import { beginBodies, type InputFile } from "../runtime/begin-run.ts";
import { createRun } from "../runtime/create-run.ts";
import { leaderDraft, type LedRun, leadRun } from "../runtime/lead-run.ts";
import { mediaTypeOf } from "../runtime/media-type.ts";
import { recordFailedStart } from "../runtime/record-failed-start.ts";
import { resumeBodies } from "../runtime/resume-run.ts";
import type { RunContext, RuntimeDeps } from "../runtime/run-context.ts";
import { cancelRun } from "./cancel-run.ts";
import { anchorSealedRun, anchorWorkspace } from "./checkpoints.ts";
import { requireSandbox } from "./require-sandbox.ts";
import type { KernelCore } from "./core.ts";
import { execTitle, execWorkflow } from "./exec-workflow.ts";
import { checkedLogs } from "./checked-logs.ts";
import { runLogs, watchRun } from "./follow-run.ts";
import { judgeGates } from "./judge-gates.ts";
import { forkRun } from "./fork-run.ts";
import { inputFiles } from "./input-files.ts";
import type { ExecOptions, RunHandle, Runs, StartOptions, WorkflowSource } from "./kernel.ts";
import { requireOperational, runContextOf } from "./run-context-of.ts";
import { finishedHandle, handleOf, releasing, runtimeDeps } from "./run-handle.ts";
import { rerunRun } from "./rerun-run.ts";
import { takeUpRun } from "./take-up-run.ts";
import { unenforcedRules } from "./unenforced-rules.ts";
import { whyRun } from "./why-run.ts";
import { reproduceRun } from "./reproduce-run.ts";
import { readRunView, viewOf } from "./run-views.ts";
import { baseOf, compileLoaded, dirOf, loadConfiguration, type LoadedWorkflow, loadWorkflow } from "./workflow-source.ts";

export function runOperations(core: KernelCore): Runs {
  return {
    create: (options) => createOnly(core, options),
    start: (source, options = {}) => start(core, source, options),
    exec: (options) => exec(core, options),
    resume: (run, options = {}) => resume(core, run, options),
    rerun: (run, options) => rerunRun(core, run, options),
    fork: (run, options) => forkRun(core, run, options),
    judge: (run, options = {}) => judgeGates(core, run, options),
    reproduce: (run, options = {}) => reproduceRun(core, run, options, startCompiled),
    cancel: (run, reason) => cancelRun(core, run, reason),
    show: async (run) => readRunView(core, await core.findRun(run)),
    list: async (filter = {}) => (await core.readableIndex()).runs(filter),
    watch: (run, options = {}) => watchRun(core, run, options),
    logs: (run, filter = {}) => runLogs(core, run, filter),
    unenforced: (run) => unenforcedRules(core, run),
    why: (run, step) => whyRun(core, run, step),
    checkedLogs: (run, filter = {}) => checkedLogs(core, run, filter),
  };
}

async function createOnly(core: KernelCore, options: { readonly title?: string; readonly workOrderFile?: string; readonly runId?: string }): Promise<RunView> {
  const deps = await runtimeDeps(core, await loadConfiguration(core, null));
  const led = await withWorkOrder(core, options.workOrderFile, (workOrder) => createRun(deps, { ...options, ...(workOrder === null ? {} : { workOrder }) }));
  await led.giveBack();
  return viewOf(core, led.runId, null, led.events).view();
}

type WorkOrder = NonNullable<Parameters<typeof createRun>[1]["workOrder"]>;

async function withWorkOrder(core: KernelCore, file: string | undefined, use: (workOrder: WorkOrder | null) => Promise<LedRun>): Promise<LedRun> {
  if (file === undefined) return use(null);
  const tree = await core.parts.trees.openTree(dirOf(file));
  const source = await tree.open(parseRelativePath(baseOf(file)));
  try {
    return await use({ source, mediaType: mediaTypeOf(file) });
  } finally {
    await source.close();
  }
}

async function start(core: KernelCore, source: WorkflowSource, options: StartOptions): Promise<RunHandle> {
  const loaded = await loadWorkflow(core, source);
  const compiled = await compileLoaded(loaded, options.params ?? {});
  return startCompiled(core, loaded, compiled, options);
}

async function exec(core: KernelCore, options: ExecOptions): Promise<RunHandle> {
  const loaded = await loadWorkflow(core, await execWorkflow(core, options));
  const compiled = await compileLoaded(loaded, {});
  return startCompiled(core, loaded, compiled, { parallel: 1, title: execTitle(options) });
}

/** `stored` is given for inputs that are in the artifact store already. */
async function startCompiled(
  core: KernelCore,
  loaded: LoadedWorkflow,
  compiled: CompiledPlan,
  options: StartOptions,
  stored?: Readonly<Record<string, InputFile>>,
): Promise<RunHandle> {
  const { plan, planHash } = compiled;
  checkParallel(options.parallel);
  if (options.planHash !== undefined && options.planHash !== planHash) {
    throw new LilyError("WORKFLOW_DRIFT", `the plan is ${planHash}, not ${options.planHash}: the workflow, a parameter or code that it binds changed`, {
      details: { expected: options.planHash, seen: planHash },
    });
  }
  await requireSandbox(plan, core.parts.processes);
  const inputs = stored ?? (await inputFiles(core, loaded, plan.inputs, options.inputs ?? {}));
  const deps = await runtimeDeps(core, loaded.configuration);
  const security = await requireOperational(deps, plan.policy);
  const led =
    options.runId === undefined
      ? await createRun(deps, options.title === undefined ? {} : { title: options.title })
      : await continueCreated(deps, options.runId);
  const state = createRunState(plan, led.runId);
  for (const event of led.events) applyEvent(state, event);
  const { dir: sourceDir, tree, configuration } = loaded;
  const reuse = options.reuse ?? true;
  const run = runContextOf(deps, { runId: led.runId, plan, planHash, state, sourceDir, tree, configDir: configuration.dir, security, reuse });
  return releasing(led, async () => {
    const leader: readonly EventBody[] = options.runId === undefined ? [] : [leaderDraft(deps, led.token)];
    const bodies = await beginning(core, run, led, options, () => beginBodies(run, inputs, options.parallel ?? core.parts.parallel));
    return handleOf(core, run, led, [...leader, ...bodies]);
  });
}

/** A run that was made for this start and cannot begin ends here; one that was there before can be begun again. */
async function beginning<T>(core: KernelCore, run: RunContext, led: LedRun, options: StartOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (options.runId === undefined) {
      await recordFailedStart(run, led, thrown);
      await anchorWorkspace(core);
    }
    throw thrown;
  }
}

function checkParallel(parallel: number | undefined): void {
  if (parallel === undefined || (Number.isSafeInteger(parallel) && parallel >= 1)) return;
  throw new LilyError("USAGE_INVALID", `parallel is ${parallel}; it is a whole number of at least 1`);
}

async function continueCreated(deps: RuntimeDeps, runText: string): Promise<LedRun> {
  const runId = parseRunId(runText);
  const head = await deps.ledger.head(runStream(runId));
  if (head.size === 0) throw new LilyError("RUN_NOT_FOUND", `no run has the id ${runText}; make one with run new`, { details: { run: runText } });
  const led = await leadRun(deps, runId);
  return releasing(led, async () => {
    if (led.events.some((event) => event.kind === "PLAN_COMMITTED")) {
      throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} has a plan already; continue it with run resume`, { details: { run_id: runId } });
    }
    if (led.events.some((event) => event.kind === "RUN_CANCELED")) {
      throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} was canceled before it started; make a new one with run new`, { details: { run_id: runId } });
    }
    return led;
  });
}

async function resume(core: KernelCore, runText: string, options: { readonly unblockReason?: string; readonly parallel?: number }): Promise<RunHandle> {
  checkParallel(options.parallel);
  const runId = await core.findRun(runText);
  // A crash between the seal and its checkpoint leaves nothing to run, and a run to anchor.
  if (options.unblockReason === undefined && (await anchorSealedRun(core, runId))) return finishedHandle(core, runId);
  return takeUpRun(core, runId, options.parallel, (state, token) => {
    const bodies = resumeBodies(state, token, { unblock: options.unblockReason ?? null });
    return async () => bodies;
  });
}
