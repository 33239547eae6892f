/** Makes a run: its identity, its record's first events, its manifest. */
import { clipText } from "../base/clip-text.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { LilyError } from "../base/lily-error.ts";
import { timeText } from "../base/time-text.ts";
import { kernelVersion } from "../base/version.ts";
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import type { EventDraft, EventOf, LedgerEvent } from "../contracts/event.ts";
import { parseRunId, type RunId } from "../contracts/ids.ts";
import type { ByteSource } from "../ports/object-store.ts";
import { leaderDraft, type LedRun, leadRun } from "./lead-run.ts";
import type { RuntimeDeps } from "./run-context.ts";
import { storedBody } from "./step-report.ts";

const titleMax = 4096;

export interface CreateRunOptions {
  readonly runId?: string;
  readonly title?: string;
  readonly workOrder?: { readonly source: ByteSource; readonly mediaType: string };
}

/** The run exists and is led by this process when this resolves. RUN_STATE_CONFLICT when the id is taken. */
export async function createRun(deps: RuntimeDeps, options: CreateRunOptions): Promise<LedRun> {
  const runId = options.runId === undefined ? deps.ids.runId() : parseRunId(options.runId);
  const led = await leadRun(deps, runId);
  try {
    if (led.events.length > 0) throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} exists already`, { details: { run_id: runId } });
    const workOrder = options.workOrder === undefined ? null : await storeWorkOrder(deps, runId, options.workOrder);
    const events = await led.writer.append(createdDrafts(deps, led.token, options, workOrder));
    await writeManifest(deps, runId, events[0]);
    return { ...led, events };
  } catch (thrown) {
    await led.giveBack();
    throw thrown;
  }
}

function createdDrafts(deps: RuntimeDeps, token: number, options: CreateRunOptions, workOrder: PreparedArtifact | null): readonly EventDraft[] {
  const by = deps.probe.principal();
  const at = timeText(deps.clock.nowMs());
  const created: EventDraft = {
    kind: "RUN_CREATED",
    key: "RUN_CREATED",
    by,
    at,
    data: {
      workspace_id: deps.workspaceId,
      format: 1,
      kernel_version: kernelVersion,
      kind: "workflow",
      ...(options.title === undefined ? {} : { title: clipText(options.title, titleMax) }),
      ...(workOrder === null ? {} : { work_order_ref: workOrder.artifact.artifact_id }),
    },
  };
  const stored: EventDraft[] = workOrder === null ? [] : [{ ...storedBody(workOrder), by, at }];
  return [created, { ...leaderDraft(deps, token), at }, ...stored];
}

async function storeWorkOrder(deps: RuntimeDeps, runId: RunId, order: { readonly source: ByteSource; readonly mediaType: string }): Promise<PreparedArtifact> {
  return deps.artifacts.prepareSource({
    run_id: runId,
    artifact_type: "work_order",
    name: "work_order",
    producer_id: deps.probe.principal(),
    producer_kind: "human",
    attempt: 0,
    inputs: [],
    media_type: order.mediaType,
    source: order.source,
  });
}

/** `run_manifest.json`, written once from the first event, so that a crash before it leaves nothing that cannot be written again. */
export async function writeManifest(deps: RuntimeDeps, runId: RunId, first: LedgerEvent | undefined): Promise<void> {
  if (first?.kind === "RUN_CREATED") await deps.folders.writeManifest(runId, manifestText(runId, first));
}

/** The text of `run_manifest.json`, from the first event alone. */
export function manifestText(runId: string, first: Pick<EventOf<"RUN_CREATED">, "at" | "data">): string {
  const { kind, kernel_version, work_order_ref } = first.data;
  const manifest = { run_id: runId, kind, created_at: first.at, kernel_version, ...(work_order_ref === undefined ? {} : { work_order_ref }) };
  return `${canonicalJson(manifest)}\n`;
}
