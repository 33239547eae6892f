/** What every operation that leads a run shares: the runner's parts, the lease given back, the handle of a run in progress. */
import { LilyError } from "../base/lily-error.ts";
import type { EventBody, LedgerEvent } from "../contracts/event.ts";
import { type RunId, runStream } from "../contracts/ids.ts";
import { driveRun } from "../runtime/drive-run.ts";
import { EventFeed } from "../runtime/event-feed.ts";
import type { LedRun } from "../runtime/lead-run.ts";
import { PackGuard } from "../runtime/pack-guard.ts";
import type { RunContext, RuntimeDeps } from "../runtime/run-context.ts";
import { anchorWorkspace, readyToLead } from "./checkpoints.ts";
import type { KernelCore } from "./core.ts";
import type { AnchoringFailure, RunHandle } from "./kernel.ts";
import { readRunView, viewOf } from "./run-views.ts";
import { type Configuration, schemaChecker } from "./workflow-source.ts";

/** What leading a run needs. Refuses a workspace that was rolled back: RECORD_BEHIND_ANCHOR, CHECKPOINT_INVALID. */
export async function runtimeDeps(core: KernelCore, configuration: Configuration): Promise<RuntimeDeps> {
  const { parts } = core;
  await readyToLead(core);
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
    unsettled: core.unsettled,
    packs: new Map(configuration.packs.map(({ manifest, tree, files }) => [manifest.pack, new PackGuard(tree, files)])),
    security: parts.security ?? null,
    observers: parts.observers ?? null,
    folderMaker: parts.folderMaker ?? null,
    hiddenFolders: parts.hiddenFolders ?? [],
    index: once(() => core.freshIndex()),
    keyed: (text) => parts.trust.keyedDigest(core.workspaceId, text),
  };
}

/** One answer for everybody who asks; a refusal is asked again. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | null = null;
  return () => {
    asked ??= ask().catch((thrown: unknown) => {
      asked = null;
      throw thrown;
    });
    return asked;
  };
}

/** Gives the lease back when the run cannot be driven after all. */
export async function releasing<T>(led: LedRun, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    await led.giveBack();
    throw thrown;
  }
}

export function handleOf(core: KernelCore, run: RunContext, led: LedRun, first: readonly EventBody[]): RunHandle {
  const fold = viewOf(core, run.runId, run.plan, led.events);
  const feed = new EventFeed(led.events.length);
  // What a run that begins has recorded already, it has recorded just now.
  const eventsBefore = led.events.some((event) => event.kind === "PLAN_COMMITTED") ? led.events.length : 0;
  const driven = driveRun(run, led, first, (events) => {
    for (const event of events) fold.add(event);
    feed.push(events);
  });
  const ended = finish(core, run, driven.rested, feed);
  const done = ended.then(() => fold.view());
  // Whoever does not ask for `done` must not meet an unhandled rejection; whoever asks still gets it.
  done.catch(() => {});
  return {
    runId: run.runId,
    eventsBefore,
    events: () => feed.follow((count) => firstEvents(run, count)),
    cancel: async (reason) => {
      driven.cancel(run.principal, reason);
      await done;
    },
    done: () => done,
    anchoring: () => ended,
  };
}

/** The handle of a run that had ended before, and that needed its checkpoint only. */
export async function finishedHandle(core: KernelCore, runId: RunId): Promise<RunHandle> {
  const view = await readRunView(core, runId);
  const ledger = await core.ledger();
  await core.parts.folders.cleanRun(runId, { isolated: true });
  return {
    runId,
    eventsBefore: view.record.events,
    events: () => ledger.readStream(runStream(runId)),
    cancel: async () => {
      throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} is ${view.status} already`, { details: { run_id: runId, status: view.status } });
    },
    done: async () => view,
    anchoring: async () => null,
  };
}

async function finish(core: KernelCore, run: RunContext, rested: Promise<void>, feed: EventFeed): Promise<AnchoringFailure | null> {
  try {
    await rested;
    const failure = await anchorWorkspace(core);
    await cleanFolders(run);
    return failure;
  } finally {
    feed.end();
  }
}

/** Working files of isolated attempts go when the run rests; logs stay. */
async function cleanFolders(run: RunContext): Promise<void> {
  await run.deps.folders.cleanRun(run.runId, { isolated: hasFolders(run) });
}

/** Whether anything worked in a folder of its own: an isolated step, or gates that judged a replacement. */
function hasFolders({ state }: RunContext): boolean {
  return state.steps.some((step) => step.plan.workdir === "isolated" || step.replacements > 0);
}

async function* firstEvents(run: RunContext, count: number): AsyncGenerator<LedgerEvent, void, void> {
  for await (const event of run.deps.ledger.readStream(runStream(run.runId))) {
    if (event.seq >= count) return;
    yield event;
  }
}
