/** Records for tests: events with true hashes and links, and small plans. */
import { digestBytes, type Digest } from "../base/digest.ts";
import type { JsonValue } from "../base/json-value.ts";
import type { EventBody, LedgerEvent } from "../contracts/event.ts";
import type { EventData, EventKind } from "../contracts/events.ts";
import type { ArtifactId, StreamId } from "../contracts/ids.ts";
import type { PlanDocument, PlanEffect, PlanGate, PlanStep } from "../contracts/plan-document.ts";
import { dataText, encodeLine } from "../ledger/event-line.ts";

export const runId = "run-a";
const startMs = Date.parse("2026-01-01T00:00:00.000Z");

export function timeOf(second: number): string {
  return new Date(startMs + second * 1000).toISOString();
}

export function artifact(name: string): ArtifactId {
  return `art_${digestBytes(name).slice(7, 39)}` as ArtifactId;
}

export function body<K extends EventKind>(kind: K, data: EventData[K]): EventBody {
  return { kind, key: "", data } as unknown as EventBody;
}

/** A record of these bodies, one second apart. */
export function chain(bodies: readonly EventBody[], run: string = runId): readonly LedgerEvent[] {
  const events: LedgerEvent[] = [];
  let prev: Digest | null = null;
  for (const [seq, { kind, data }] of bodies.entries()) {
    const stream = `run/${run}` as StreamId;
    const open = { v: 1 as const, stream, seq, prev, token: 1, at: timeOf(seq), by: "user:ada", kind, key: `${kind}/${seq}` };
    const { hash } = encodeLine({ ...open }, dataText(data as unknown as JsonValue));
    events.push({ ...open, data, hash } as unknown as LedgerEvent);
    prev = hash;
  }
  return events;
}

export function effect(reversible: boolean | null, hint: string | null = null): PlanEffect {
  return { category: "file_system", description: `writes out/ (${String(reversible)})`, reversible, hint };
}

export function commandGate(id: string, required = true): PlanGate {
  return { id, required, timeout_ms: 1000, check: { kind: "command", argv: ["true"], env: {}, env_from: [], secrets: [] } };
}

export function schemaGate(id: string, required = true): PlanGate {
  return { id, required, timeout_ms: 1000, check: { kind: "schema", schema: "table.v1", of: "out" } };
}

export function step(id: string, more: Partial<PlanStep> = {}): PlanStep {
  return {
    id,
    title: null,
    needs: [],
    executor: { kind: "process", argv: ["node", `${id}.mjs`] },
    with: {},
    outputs: {},
    workdir: "source",
    timeout_ms: null,
    retry: { max: 0, backoff_ms: 0, factor: 1, max_backoff_ms: 0 },
    pure: false,
    effects: [],
    gates: [],
    log_bytes_max: 1,
    env: {},
    env_from: [],
    secrets: [],
    ...more,
  };
}

export function plan(steps: readonly PlanStep[], more: Partial<PlanDocument> = {}): PlanDocument {
  return {
    v: 1,
    workflow: "demo",
    title: null,
    params: {},
    inputs: {},
    policy: { tools: null, write: null, network: "allow", sandbox: "off", attempts_max: 10 },
    policy_digest: digestBytes("policy"),
    steps,
    gates: [],
    routes: [],
    code: [],
    modules: [],
    schemas: [],
    ...more,
  };
}

export const held = { kind: "process", exit_code: 0, sandbox: "bubblewrap 0.8.0", enforcement: { network: "prevented", write: "observed" } } as const;
export const bare = { kind: "process", exit_code: 0 } as const;

export const created = body("RUN_CREATED", { workspace_id: "ws-1", format: 1, kernel_version: "0.1.0", kind: "workflow" });
export const committed = body("PLAN_COMMITTED", { plan_hash: digestBytes("plan"), artifact_id: artifact("plan"), workflow: "demo", source_dir: "/work" });
export const started = body("RUN_STARTED", { inputs: {}, parallel: 1 });

export function snapshot(phase: "pre" | "post", security_state: EventData["SECURITY_SNAPSHOT"]["security_state"]): EventBody {
  const context = phase === "pre" ? "Pre-execution" : "Post-execution (failed)";
  return body("SECURITY_SNAPSHOT", { phase, security_state, boundary_state: "closed", context });
}

export function begins(step_id: string, attempt = 1, inputs: readonly ArtifactId[] = []): EventBody {
  return body("STEP_STARTED", { step_id, attempt, cause: attempt === 1 ? "ready" : "retry", inputs: [...inputs] });
}

export function completes(step_id: string, attempt = 1, more: Partial<EventData["STEP_COMPLETED"]> = {}): EventBody {
  return body("STEP_COMPLETED", { step_id, attempt, outputs: {}, artifacts: [], logs: [], duration_ms: 20, executor: bare, ...more });
}

export function fails(step_id: string, attempt = 1, more: Partial<EventData["STEP_FAILED"]> = {}): EventBody {
  return body("STEP_FAILED", { step_id, attempt, outcome: "failed", code: "STEP_FAILED", reason: "exit code 3", logs: [], duration_ms: 20, ...more });
}

export function interrupts(step_id: string, attempt = 1, reason: EventData["STEP_INTERRUPTED"]["reason"] = "crash"): EventBody {
  return body("STEP_INTERRUPTED", { step_id, attempt, reason });
}

export function reuses(step_id: string, from: string = "run-b", more: Partial<EventData["STEP_REUSED"]> = {}): EventBody {
  return body("STEP_REUSED", {
    step_id,
    attempt: 0,
    cause: "pure",
    from: { run_id: from as EventData["STEP_REUSED"]["from"]["run_id"], step_id, attempt: 1, event: digestBytes(`${from}/${step_id}`) },
    outputs: {},
    artifacts: [],
    why_artifact_id: artifact("why"),
    ...more,
  });
}

export function judged(kind: "GATE_PASSED" | "GATE_FAILED" | "GATE_ERROR", gate_id: string, more: Partial<EventData["GATE_PASSED"]> = {}): EventBody {
  return body(kind, {
    gate_id,
    attempt: 1,
    required: true,
    reason: null,
    result_artifact_id: artifact(gate_id),
    log_artifact_ids: [],
    duration_ms: 5,
    ...more,
  });
}

export function observes(step_id: string, reversible: boolean | null, attempt = 1): EventBody {
  return body("SIDE_EFFECT_OBSERVED", {
    step_id,
    attempt,
    category: "network",
    description: "posted",
    reversible,
    source: "module",
    details: { host: "example.com" },
  });
}

export function ends(kind: "RUN_SUCCEEDED" | "RUN_FAILED" | "RUN_BLOCKED" | "RUN_CANCELED" | "RUN_INCOMPLETE", reason = "because"): EventBody {
  return body(kind, { reason });
}

export const escalated = body("SECURITY_ESCALATED", { from: "OPERATIONAL", to: "DEGRADED", reason: "an operator said so" });
