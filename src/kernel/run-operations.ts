/** Starting, continuing, following and ending runs: graph, ledger and runtime joined. */
import { digestBytes } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { EventBody, LedgerEvent } from "../contracts/event.ts";
import { parseRunId, type RunId, runStream } from "../contracts/ids.ts";
import type { RunView } from "../contracts/run-view.ts";
import { applyEvent } from "../graph/apply-event.ts";
import { verifyPlanCode } from "../graph/bind-code.ts";
import type { CompiledPlan } from "../graph/compile-plan.ts";
import { createRunState } from "../graph/run-state.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { beginBodies, type InputFile } from "../runtime/begin-run.ts";
import { createRun, writeManifest } from "../runtime/create-run.ts";
import { cancelBody, driveRun } from "../runtime/drive-run.ts";
import { EventFeed } from "../runtime/event-feed.ts";
import { leaderDraft, type LedRun, leadRun } from "../runtime/lead-run.ts";
import { mediaTypeOf } from "../runtime/media-type.ts";
import { recordFailedStart } from "../runtime/record-failed-start.ts";
import { committedPlan, foldRun, resumeBodies } from "../runtime/resume-run.ts";
import type { RunContext, RuntimeDeps } from "../runtime/run-context.ts";
import { cutWorkspaceCheckpoint } from "./checkpoints.ts";
import type { KernelCore } from "./core.ts";
import { execTitle, execWorkflow } from "./exec-workflow.ts";
import type { ExecOptions, RunHandle, Runs, StartOptions, WorkflowSource } from "./kernel.ts";
import { readRunView, viewOf } from "./run-views.ts";
import {
  baseOf,
  type Configuration,
  compileLoaded,
  dirOf,
  loadConfiguration,
  type LoadedWorkflow,
  loadWorkflow,
  openSourceTree,
  schemaChecker,
} from "./workflow-source.ts";

const watchPollMs = 200;

export function runOperations(core: KernelCore): Runs {
  return {
    create: (options) => createOnly(core, options),
    start: (source, options = {}) => start(core, source, options),
    exec: (options) => exec(core, options),
    resume: (run, options = {}) => resume(core, run, options),
    cancel: (run, reason) => cancel(core, run, reason),
    show: async (run) => readRunView(core, await core.findRun(run)),
    list: async (filter = {}) => (await core.freshIndex()).runs(filter),
    watch: (run, options = {}) => watch(core, run, options),
    logs: (run, filter = {}) => logs(core, run, filter),
  };
}

async function runtimeDeps(core: KernelCore, configuration: Configuration): Promise<RuntimeDeps> {
  const { parts } = core;
  return {
    workspaceDir: parts.workspaceDir,
    workspaceId: core.workspaceId,
    ledger: await core.ledger(),
    leases: parts.authority.leases,
    objects: parts.objects,
    artifacts: await core.artifactStore(),
    schemas: schemaChecker(configuration.registry),
    trees: parts.trees,
    folders: parts.folders,
    processes: parts.processes,
    modules: parts.modules,
    probe: parts.probe,
    clock: parts.clock,
    ids: parts.ids,
  };
}

async function createOnly(core: KernelCore, options: { readonly title?: string; readonly workOrderFile?: string; readonly runId?: string }): Promise<RunView> {
  const deps = await runtimeDeps(core, await loadConfiguration(core, null));
  const led = await withWorkOrder(core, options.workOrderFile, (workOrder) => createRun(deps, { ...options, ...(workOrder === null ? {} : { workOrder }) }));
  await deps.leases.release(led.runId, led.token);
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

async function startCompiled(core: KernelCore, loaded: LoadedWorkflow, compiled: CompiledPlan, options: StartOptions): Promise<RunHandle> {
  const { plan, planHash } = compiled;
  checkParallel(options.parallel);
  if (options.planHash !== undefined && options.planHash !== planHash) {
    throw new LilyError("WORKFLOW_DRIFT", `the plan is ${planHash}, not ${options.planHash}: the workflow, a parameter or code that it binds changed`, {
      details: { expected: options.planHash, seen: planHash },
    });
  }
  if (plan.policy.sandbox === "require")
    throw new LilyError("SANDBOX_UNAVAILABLE", "the policy says sandbox: require, and this version of Lily has no sandbox");
  const inputs = await inputFiles(core, loaded, plan.inputs, options.inputs ?? {});
  const deps = await runtimeDeps(core, loaded.configuration);
  const led =
    options.runId === undefined
      ? await createRun(deps, options.title === undefined ? {} : { title: options.title })
      : await continueCreated(deps, options.runId);
  const state = createRunState(plan, led.runId);
  for (const event of led.events) applyEvent(state, event);
  const run: RunContext = {
    deps,
    runId: led.runId,
    plan,
    planHash,
    state,
    sourceDir: loaded.dir,
    tree: loaded.tree,
    configDir: loaded.configuration.dir,
    principal: deps.probe.principal(),
    loadedModules: new Map(),
  };
  return releasing(deps, led, async () => {
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
      await cutWorkspaceCheckpoint(core);
    }
    throw thrown;
  }
}

function checkParallel(parallel: number | undefined): void {
  if (parallel === undefined || (Number.isSafeInteger(parallel) && parallel >= 1)) return;
  throw new LilyError("USAGE_INVALID", `parallel is ${parallel}; it is a whole number of at least 1`);
}

/** Gives the lease back when the run cannot be driven after all. */
async function releasing<T>(deps: RuntimeDeps, led: LedRun, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    await deps.leases.release(led.runId, led.token);
    throw thrown;
  }
}

async function continueCreated(deps: RuntimeDeps, runText: string): Promise<LedRun> {
  const runId = parseRunId(runText);
  const head = await deps.ledger.head(runStream(runId));
  if (head.size === 0) throw new LilyError("RUN_NOT_FOUND", `no run has the id ${runText}; make one with run new`, { details: { run: runText } });
  const led = await leadRun(deps, runId);
  return releasing(deps, led, async () => {
    if (led.events.some((event) => event.kind === "PLAN_COMMITTED")) {
      throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} has a plan already; continue it with run resume`, { details: { run_id: runId } });
    }
    if (led.events.some((event) => event.kind === "RUN_CANCELED")) {
      throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} was canceled before it started; make a new one with run new`, { details: { run_id: runId } });
    }
    return led;
  });
}

async function inputFiles(
  core: KernelCore,
  loaded: LoadedWorkflow,
  declared: CompiledPlan["plan"]["inputs"],
  given: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, InputFile>>> {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(declared, name));
  if (unknown.length > 0)
    throw new LilyError("PARAM_INVALID", `the workflow has no input ${unknown.join(", ")}; it has ${Object.keys(declared).join(", ") || "none"}`);
  const files: Record<string, InputFile> = {};
  for (const [name, input] of Object.entries(declared)) {
    const override = given[name];
    if (override !== undefined) files[name] = { tree: await core.parts.trees.openTree(dirOf(override)), path: baseOf(override) };
    else if (input.file !== null) files[name] = { tree: loaded.tree, path: input.file };
    const file = files[name];
    if (file === undefined)
      throw new LilyError("INPUT_NOT_FOUND", `input ${name} has no file: give one with --input ${name}=FILE`, { details: { input: name } });
    if ((await file.tree.stat(parseRelativePath(file.path))) === null) {
      throw new LilyError("INPUT_NOT_FOUND", `input ${name}: there is no file ${file.path} in ${file.tree.root}`, {
        details: { input: name, path: file.path },
      });
    }
  }
  return files;
}

async function resume(core: KernelCore, runText: string, options: { readonly unblockReason?: string; readonly parallel?: number }): Promise<RunHandle> {
  checkParallel(options.parallel);
  const runId = await core.findRun(runText);
  const shared = await runtimeDeps(core, await loadConfiguration(core, null));
  const led = await leadRun(shared, runId);
  return releasing(shared, led, async () => {
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
    if (options.parallel !== undefined) state.parallel = options.parallel;
    const bodies = resumeBodies(state, led.token, { unblock: options.unblockReason ?? null });
    const drift = await verifyPlanCode(plan, tree, configuration.tree);
    if (drift.length > 0) throw new LilyError("WORKFLOW_DRIFT", `run ${runId} cannot continue: ${drift.map((problem) => problem.message).join("; ")}`);
    requireSchemas(configuration, plan.schemas);
    const run: RunContext = {
      deps,
      runId,
      plan,
      planHash: event.data.plan_hash,
      state,
      sourceDir,
      tree,
      configDir: configuration.dir,
      principal: deps.probe.principal(),
      loadedModules: new Map(),
    };
    return handleOf(core, run, led, [leaderDraft(deps, led.token), ...bodies]);
  });
}

/** Schemas are bound like code. */
function requireSchemas(configuration: Configuration, bound: CompiledPlan["plan"]["schemas"]): void {
  for (const { schema_id, digest } of bound) {
    const seen = configuration.registry.find(schema_id)?.digest ?? null;
    if (seen !== digest)
      throw new LilyError("WORKFLOW_DRIFT", `schema ${schema_id} was ${digest} when the run was planned, and is ${seen ?? "not registered"} now`, {
        details: { schema_id },
      });
  }
}

function handleOf(core: KernelCore, run: RunContext, led: LedRun, first: readonly EventBody[]): RunHandle {
  const fold = viewOf(core, run.runId, run.plan, led.events);
  const feed = new EventFeed(led.events.length);
  const driven = driveRun(run, led, first, (events) => {
    for (const event of events) fold.add(event);
    feed.push(events);
  });
  const done = finish(core, run, driven.rested, feed).then(() => fold.view());
  // Whoever does not ask for `done` must not meet an unhandled rejection; whoever asks still gets it.
  done.catch(() => {});
  return {
    runId: run.runId,
    events: () => feed.follow((count) => firstEvents(run, count)),
    cancel: async (reason) => {
      driven.cancel(run.principal, reason);
      await done;
    },
    done: () => done,
  };
}

async function finish(core: KernelCore, run: RunContext, rested: Promise<void>, feed: EventFeed): Promise<void> {
  try {
    await rested;
    await cutWorkspaceCheckpoint(core);
    await cleanFolders(run);
  } finally {
    feed.end();
  }
}

/** Working files of isolated attempts go when the run rests; logs stay. */
async function cleanFolders(run: RunContext): Promise<void> {
  await run.deps.folders.cleanRun(run.runId, { isolated: run.plan.steps.some((step) => step.workdir === "isolated") });
}

async function* firstEvents(run: RunContext, count: number): AsyncGenerator<LedgerEvent, void, void> {
  for await (const event of run.deps.ledger.readStream(runStream(run.runId))) {
    if (event.seq >= count) return;
    yield event;
  }
}

/** A live leader is asked and awaited; a run that nobody leads is canceled here. */
async function cancel(core: KernelCore, runText: string, reason: string): Promise<RunView> {
  const runId = await core.findRun(runText);
  const { leases } = core.parts.authority;
  const before = await readRunView(core, runId);
  if (before.status === "succeeded" || before.status === "failed" || before.status === "canceled") {
    throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} is ${before.status} already`, { details: { run_id: runId, status: before.status } });
  }
  await leases.requestStop(runId, core.parts.probe.principal(), reason);
  while ((await leases.holder(runId)) !== null) {
    await core.parts.clock.sleep(watchPollMs);
    const view = await readRunView(core, runId);
    if (view.record.sealed && view.status !== "blocked") return view;
  }
  const now = await readRunView(core, runId);
  if (now.record.sealed && now.status !== "blocked") return now;
  return cancelUnled(core, runId, reason);
}

async function cancelUnled(core: KernelCore, runId: RunId, reason: string): Promise<RunView> {
  const deps = await runtimeDeps(core, await loadConfiguration(core, null));
  const led = await leadRun(deps, runId);
  return releasing(deps, led, async () => {
    await deps.processes.endLeftovers(`${runId}/`);
    const committed = await committedPlan(deps.artifacts, led.events);
    const plan = committed?.plan ?? emptyPlan();
    const state = foldRun(plan, runId, led.events);
    const interrupted = state.phase === "running" ? resumeBodies(state, led.token, { unblock: null }) : [];
    const canceled = cancelBody(reason, String(led.token));
    const sourceDir = committed?.event.data.source_dir ?? core.parts.homeDir;
    const tree = await openSourceTree(core, committed === null ? core.parts.homeDir : sourceDir).catch(() => openSourceTree(core, core.parts.homeDir));
    const run: RunContext = {
      deps,
      runId,
      plan,
      planHash: state.planHash ?? plan.policy_digest,
      state,
      sourceDir,
      tree,
      configDir: core.parts.homeDir,
      principal: deps.probe.principal(),
      loadedModules: new Map(),
    };
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

async function* watch(
  core: KernelCore,
  runText: string,
  options: { readonly fromSeq?: number; readonly signal?: AbortSignal },
): AsyncGenerator<LedgerEvent, void, void> {
  const runId = await core.findRun(runText);
  const ledger = await core.ledger();
  let next = options.fromSeq ?? 0;
  let resting = false;
  for (;;) {
    for await (const event of ledger.readStream(runStream(runId), { fromSeq: next })) {
      yield event;
      next = event.seq + 1;
      resting = event.kind === "RUN_SEALED" || (resting && event.kind === "RECORD_RECOVERED");
    }
    // Whoever starts behind the end of a run that rests has nothing to wait for.
    if (!resting && next > 0) resting = await restsBefore(ledger, runId, next);
    if (resting || options.signal?.aborted === true) return;
    await core.parts.clock.sleep(watchPollMs, options.signal);
  }
}

async function restsBefore(ledger: Ledger, runId: RunId, next: number): Promise<boolean> {
  const { size } = await ledger.head(runStream(runId));
  if (next < size) return false;
  let resting = false;
  for await (const event of ledger.readStream(runStream(runId), { fromSeq: size - 1 })) resting = event.kind === "RUN_SEALED";
  return resting;
}

type LogFilter = NonNullable<Parameters<Runs["logs"]>[1]>;

async function logs(core: KernelCore, runText: string, filter: LogFilter): ReturnType<Runs["logs"]> {
  const runId = await core.findRun(runText);
  const dir = core.parts.folders.runDir(runId);
  const found = (await core.parts.folders.logs(runId)).filter((log) => isWantedLog(log.path, filter));
  return found.map((log) => ({ ...log, absolutePath: `${dir}/${log.path}` }));
}

/** `steps/ID/ATTEMPT/...` or `gates/ID/ATTEMPT/...`; a gate that was judged again after a crash has `ATTEMPT-TRY` there. */
function isWantedLog(path: string, { step, gate, attempt }: LogFilter): boolean {
  const [kind, id, number = ""] = path.split("/");
  const isNamed = (step === undefined && gate === undefined) || id === (kind === "steps" ? step : gate);
  return isNamed && (attempt === undefined || number.split("-")[0] === String(attempt));
}
