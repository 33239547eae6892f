/** A record of many steps as a run would leave it, made without running anything. Every line has its hash; the plan is a document of its own. */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../src/base/canonical-json.ts";
import { type Digest, digestBytes, taggedDigest } from "../../src/base/digest.ts";
import type { JsonObject, JsonValue } from "../../src/base/json-value.ts";
import type { StreamId } from "../../src/contracts/ids.ts";
import { encodeEvent } from "../../src/ledger/event-line.ts";

export interface LongRecord {
  readonly record: Uint8Array;
  readonly documents: readonly string[];
  readonly events: number;
  readonly head: Digest;
}

/** Lines of one stream, linked as they are added. */
export class RecordMaker {
  readonly lines: string[] = [];
  readonly #stream: StreamId;
  #prev: Digest | null = null;
  #ms = Date.UTC(2026, 0, 1);

  constructor(runId: string) {
    this.#stream = `run/${runId}` as StreamId;
  }

  get head(): Digest {
    if (this.#prev === null) throw new Error("the record has no event yet");
    return this.#prev;
  }

  add(kind: string, data: JsonObject, key = `${kind}/${this.lines.length}`): void {
    const at = new Date(this.#ms).toISOString();
    this.#ms += 7;
    const { line, hash } = encodeEvent({ v: 1, stream: this.#stream, seq: this.lines.length, prev: this.#prev, token: 1, at, by: "user:ada", kind, key, data });
    this.#prev = hash;
    this.lines.push(line);
  }

  bytes(): Uint8Array {
    return new TextEncoder().encode(this.lines.join(""));
  }
}

function hexOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}

function artifact(name: string, type: string, more: JsonObject = {}): JsonObject {
  const id = `art_${hexOf(name).slice(0, 32)}`;
  const base = { artifact_id: id, run_id: "long", artifact_type: type, storage_kind: "file", digest: `sha256:${hexOf(`bytes of ${name}`)}`, size: 2_048 };
  return {
    ...base,
    media_type: "text/plain",
    artifact_name: name.slice(0, 100),
    producer_id: "runner",
    producer_kind: "system",
    created_at: "2026-01-01T00:00:00.000Z",
    inputs: [],
    ...more,
  };
}

/** `count` steps in levels of ten, each with a log, an output and a gate. */
export function longRecord(count: number, more: { readonly title?: string; readonly reason?: string } = {}): LongRecord {
  const maker = new RecordMaker("long");
  const ids = Array.from({ length: count }, (_, at) => `step-${at}`);
  const plan = canonicalJson(longPlan(ids, more.title ?? "A long run"));
  maker.add("RUN_CREATED", { workspace_id: "ws-0001", format: 1, kernel_version: "0.1.0", kind: "workflow" });
  const planArtifact = artifact("plan", "plan", {
    digest: digestBytes(plan),
    size: Buffer.byteLength(plan),
    media_type: "application/json",
    storage_kind: "json",
  });
  maker.add("ARTIFACT_STORED", { artifact: planArtifact });
  maker.add("PLAN_COMMITTED", {
    artifact_id: planArtifact["artifact_id"] ?? "",
    plan_hash: taggedDigest("plan", plan),
    source_dir: "/project",
    workflow: "long",
  });
  maker.add("RUN_STARTED", { inputs: {}, parallel: 8 });
  for (const id of ids) addStep(maker, id, more.reason ?? null);
  const events = 4 + count * 6 + 1;
  maker.add("RUN_SUCCEEDED", { reason: `all ${count} steps succeeded` });
  const counts = { artifacts: 1 + count * 3, attempts: count, effects: 0, gates: count, reuses: 0, routes: 0, steps: count, violations: 0 };
  maker.add("RUN_SEALED", { outcome: "succeeded", events, counts });
  return { record: maker.bytes(), documents: [plan], events: events + 1, head: maker.head };
}

function addStep(maker: RecordMaker, id: string, reason: string | null): void {
  const [log, output, result] = [artifact(`${id} stdout.txt`, "log"), artifact(`${id} table`, "file"), artifact(`${id} result`, "gate_result.v1")];
  const idOf = (one: JsonObject): JsonValue => one["artifact_id"] ?? "";
  maker.add("STEP_STARTED", { step_id: id, attempt: 1, cause: "ready", inputs: [] }, `STEP_STARTED/${id}/1`);
  maker.add("ARTIFACT_STORED", { artifact: log });
  maker.add("ARTIFACT_STORED", { artifact: output });
  const executor = {
    kind: "process",
    exit_code: 0,
    signal: null,
    stdout_bytes: 2_048,
    stderr_bytes: 0,
    tool: "/usr/bin/node",
    enforcement: { tools: "prevented" },
  };
  const outputs = { table: output["digest"] ?? "" };
  maker.add(
    "STEP_COMPLETED",
    { step_id: id, attempt: 1, outputs, artifacts: [idOf(output)], logs: [idOf(log)], duration_ms: 20, executor },
    `STEP_COMPLETED/${id}/1`,
  );
  maker.add("ARTIFACT_STORED", { artifact: result });
  maker.add("GATE_PASSED", {
    gate_id: "rows",
    step_id: id,
    attempt: 1,
    required: true,
    reason,
    result_artifact_id: idOf(result),
    log_artifact_ids: [],
    duration_ms: 5,
    metrics: { rows: 10 },
  });
}

function longPlan(ids: readonly string[], title: string): JsonObject {
  const retry = { max: 0, backoff_ms: 0, factor: 1, max_backoff_ms: 0 };
  const environment = { env: {}, env_from: [], secrets: [] };
  const gate = { id: "rows", required: true, timeout_ms: 60_000, check: { kind: "command", argv: ["node", "rows.mjs"], ...environment } };
  const steps = ids.map(
    (id, at): JsonObject => ({
      id,
      title: null,
      needs: at < 10 ? [] : [ids[at - 10] ?? "", ids[at - 9 < at - (at % 10) ? at - 9 : at - 10] ?? ""],
      executor: { kind: "process", argv: ["node", "step.mjs", id] },
      with: {},
      outputs: { table: { path: "table.json", glob: null, schema: null, media_type: null, optional: false } },
      workdir: "isolated",
      timeout_ms: 60_000,
      retry,
      pure: false,
      effects: [],
      gates: [gate],
      log_bytes_max: 1_048_576,
      ...environment,
    }),
  );
  const policy = { tools: null, write: null, network: "allow", sandbox: "off", attempts_max: 10 };
  const code = [{ path: "step.mjs", digest: `sha256:${hexOf("step.mjs")}` }];
  return {
    v: 1,
    workflow: "long",
    title,
    params: {},
    inputs: {},
    policy,
    policy_digest: `sha256:${hexOf("policy")}`,
    steps,
    gates: [],
    routes: [],
    code,
    modules: [],
    schemas: [],
  };
}
