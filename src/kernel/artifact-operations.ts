import { LilyError } from "../base/lily-error.ts";
import { isDigest } from "../base/digest.ts";
import { parseJson } from "../base/parse-json.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import { requireValidPayload } from "../artifacts/validate-payload.ts";
import type { ArtifactView } from "../contracts/run-view.ts";
import type { ArtifactRow } from "../ports/run-index.ts";
import { leaderDraft, leadRun } from "../runtime/lead-run.ts";
import { mediaTypeOf } from "../runtime/media-type.ts";
import { storedBody } from "../runtime/step-report.ts";
import { readyToLead } from "./checkpoints.ts";
import type { KernelCore } from "./core.ts";
import type { Artifacts } from "./kernel.ts";
import { replaceArtifact } from "./replace-artifact.ts";
import { baseOf, dirOf, loadConfiguration } from "./workflow-source.ts";

const jsonBytesMax = 64 * 1024 * 1024;
type PutOptions = NonNullable<Parameters<Artifacts["put"]>[1]>;

export function artifactOperations(core: KernelCore): Artifacts {
  return {
    put: (file, options = {}) => put(core, file, options),
    get: async (id) => bytesOf(core, await find(core, id)),
    show: async (id) => viewOf(await find(core, id)),
    list: async (filter = {}) => (await (await core.readableIndex()).artifacts(filter)).map(viewOf),
    replace: (original, replacement, options) => replaceArtifact(core, original, replacement, options),
  };
}

function viewOf(row: ArtifactRow): ArtifactView {
  return { ...row.artifact, stored_in: row.inline ? "record" : "object" };
}

async function find(core: KernelCore, text: string): Promise<ArtifactRow> {
  const index = await core.readableIndex();
  const rows = isDigest(text) ? await index.artifacts({ digest: text, limit: 1 }) : await index.artifact(text);
  const [first, second] = rows;
  if (first === undefined) throw new LilyError("ARTIFACT_NOT_FOUND", `no artifact has the id or digest ${text}`, { details: { artifact: text } });
  if (second !== undefined) throw new LilyError("ARTIFACT_AMBIGUOUS", `${text} begins more than one artifact id`, { details: { artifact: text } });
  return first;
}

async function bytesOf(core: KernelCore, row: ArtifactRow): Promise<Uint8Array> {
  const store = await core.artifactStore();
  if (!row.inline) return store.readArtifact(row.artifact, undefined);
  const ledger = await core.ledger();
  for await (const event of ledger.readStream(row.stream, { fromSeq: row.seq })) {
    if (event.kind === "ARTIFACT_STORED" && event.data.artifact.artifact_id === row.artifact.artifact_id)
      return store.readArtifact(row.artifact, event.data.inline);
    break;
  }
  throw new LilyError("OBJECT_MISSING", `the event that holds artifact ${row.artifact.artifact_id} is not where the index says; run lily doctor --rebuild`);
}

async function put(core: KernelCore, file: string, options: PutOptions): Promise<ArtifactView> {
  const runId = options.run === undefined ? null : await core.findRun(options.run);
  const prepared = await prepare(core, file, options, runId ?? "workspace");
  if (runId === null) {
    const ledger = await core.ledger();
    await ledger.appendWorkspace(() => [{ ...storedBody(prepared), by: core.parts.probe.principal() }]);
  } else {
    await putIntoRun(core, runId, prepared);
  }
  return { ...prepared.artifact, stored_in: prepared.inline === undefined ? "object" : "record" };
}

async function prepare(core: KernelCore, file: string, options: PutOptions, runId: string): Promise<PreparedArtifact> {
  const store = await core.artifactStore();
  const name = options.name ?? baseOf(file);
  const tree = await core.parts.trees.openTree(dirOf(file));
  const path = parseRelativePath(baseOf(file));
  const origin = { run_id: runId, name, producer_id: core.parts.probe.principal(), producer_kind: "human" as const, attempt: 0, inputs: [] };
  if (options.schema !== undefined) {
    const value = parseJson(await tree.read(path, jsonBytesMax));
    const { registry } = await loadConfiguration(core, null);
    await requireValidPayload(registry, options.schema, value, file);
    return store.prepareJson({ ...origin, artifact_type: options.schema, schema_id: options.schema, value });
  }
  const source = await tree.open(path);
  try {
    return await store.prepareSource({ ...origin, artifact_type: options.type ?? "file", media_type: options.mediaType ?? mediaTypeOf(file), source });
  } finally {
    await source.close();
  }
}

/** Putting an artifact into a run is a fact about it and takes its lead for a moment. */
async function putIntoRun(core: KernelCore, runId: Parameters<typeof leadRun>[1], prepared: PreparedArtifact): Promise<void> {
  const { workspaceDir, authority, probe } = core.parts;
  await readyToLead(core);
  const deps = { workspaceDir, ledger: await core.ledger(), leases: authority.leases, probe };
  const led = await leadRun(deps, runId);
  try {
    if (led.events.length === 0) throw new LilyError("RUN_NOT_FOUND", `no run has the id ${runId}`);
    const by = core.parts.probe.principal();
    const sealed = led.events.at(-1)?.kind === "RUN_SEALED";
    if (sealed)
      throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} is sealed; put the artifact into the workspace instead`, { details: { run_id: runId } });
    await led.writer.append([leaderDraft(deps, led.token), { ...storedBody(prepared), by }]);
  } finally {
    await led.giveBack();
  }
}
