/** A record in which everything happens that a report tells of, made by hand. */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../src/base/canonical-json.ts";
import { digestBytes, taggedDigest } from "../../src/base/digest.ts";
import type { JsonObject } from "../../src/base/json-value.ts";
import { RecordMaker } from "./long-record.ts";

const hex = (name: string): string => createHash("sha256").update(name).digest("hex");
export const idOf = (name: string): string => `art_${hex(name).slice(0, 32)}`;

/** Data of an ARTIFACT_STORED; `inline` null: the bytes are elsewhere. */
export function storedText(name: string, type: string, inline: string | null, more: JsonObject = {}): JsonObject {
  const digest = inline === null ? `sha256:${hex(name)}` : digestBytes(inline);
  const size = inline === null ? 123_456 : Buffer.byteLength(inline);
  const artifact = {
    artifact_id: idOf(name),
    run_id: "sample",
    artifact_type: type,
    storage_kind: "file",
    digest,
    size,
    media_type: "text/plain",
    artifact_name: name,
    ...more,
  };
  const made = { producer_id: "runner", producer_kind: "system", created_at: "2026-01-01T00:00:00.000Z", inputs: [] };
  return { artifact: { ...artifact, ...made }, ...(inline === null ? {} : { inline }) };
}

const envelope = (payload: JsonObject): string => canonicalJson({ meta: { schema_id: "x.v1" }, payload }, { fractions: true });

function step(id: string, needs: readonly string[], more: JsonObject = {}): JsonObject {
  const base = { id, title: null, needs: [...needs], executor: { kind: "shell", text: "true" }, with: {}, outputs: {}, workdir: "source", timeout_ms: null };
  const retry = { max: 1, backoff_ms: 0, factor: 1, max_backoff_ms: 0 };
  return { ...base, retry, pure: false, effects: [], gates: [], log_bytes_max: 1, env: {}, env_from: [], secrets: [], ...more };
}

const plan: JsonObject = {
  v: 1,
  workflow: "sample",
  title: "Everything that can happen <b>here</b>",
  params: { year: 2015, name: "a\u202eb" },
  inputs: { csv: { file: "data.csv", schema: null, media_type: "text/csv" } },
  policy: {
    tools: [["node", "sh"], ["sh"]],
    write: { allow: [["out/**"]], deny: [".git/**"] },
    network: "deny",
    sandbox: "prefer",
    attempts_max: 10,
    future_rule: true,
  },
  policy_digest: `sha256:${hex("policy")}`,
  steps: [
    step("load", [], { title: "Load the data", pure: true, code: [] }),
    step("clean", ["load"], { gates: [{ id: "rows", required: true, timeout_ms: 1, check: { kind: "schema", schema: "s.v1", of: "o" } }] }),
    step("send", ["clean"], {
      effects: [
        { category: "network", description: "sends a mail", reversible: false, hint: "apologise" },
        { category: "file_system", description: "writes out/", reversible: true, hint: null },
      ],
    }),
    step("tidy", ["send"]),
    step("side", []),
  ],
  gates: [{ id: "whole", required: false, timeout_ms: 1, check: { kind: "schema", schema: "s.v1", of: "o" } }],
  routes: [],
  code: [{ path: "steps/clean.sh", digest: `sha256:${hex("code")}` }],
  modules: [],
  schemas: [],
};

/** Ends with a security escalation; earlier it was failed, rerun and replaced. */
export function sampleRecord(): RecordMaker {
  const maker = new RecordMaker("sample");
  const planText = canonicalJson(plan);
  const gate = (gate_id: string, kind: string, data: JsonObject): void =>
    maker.add(kind, { gate_id, attempt: 1, required: true, reason: null, result_artifact_id: idOf("result"), log_artifact_ids: [], duration_ms: 5, ...data });
  const ended = { logs: [] as string[], duration_ms: 1_234 };
  maker.add("RUN_CREATED", { workspace_id: "ws-1", format: 1, kernel_version: "0.1.0", kind: "workflow" });
  maker.add("LEADER_TAKEN", { token: 1, host: "host\u001b[31m", pid: 7, boot_id: "b" });
  maker.add("ARTIFACT_STORED", storedText("plan", "plan", planText));
  maker.add("PLAN_COMMITTED", { plan_hash: taggedDigest("plan", planText), artifact_id: idOf("plan"), workflow: "sample", source_dir: "/project" });
  const environment = {
    platform: { os: "linux" },
    tools: [{ path: "/bin/sh", sha256: hex("sh") }],
    source: { vcs: "git", commit: "abcdef0123456789", dirty: true },
  };
  maker.add("ARTIFACT_STORED", storedText("environment", "environment_snapshot.v1", envelope(environment)));
  maker.add("ENVIRONMENT_CAPTURED", { artifact_id: idOf("environment") });
  maker.add("ARTIFACT_STORED", storedText("csv", "file", null));
  const ends = { events: 9, head: `sha256:${hex("head")}`, root: `sha256:${hex("root")}` };
  maker.add("RUN_FORKED", {
    from: { run_id: "other", ...ends },
    prefix: { ...ends, events: 4 },
    step_ids: ["clean"],
    proof_artifact_id: idOf("proof"),
    reason: "another try",
  });
  maker.add("SECURITY_SNAPSHOT", { phase: "pre", security_state: "OPERATIONAL", boundary_state: "intact", context: "Pre-execution" });
  maker.add("RUN_STARTED", { inputs: { csv: idOf("csv") }, parallel: 2 });
  maker.add("ARTIFACT_STORED", storedText("why", "why.v1", envelope({ because: "nothing that it depends on changed since run other" })));
  const from = { run_id: "other", step_id: "load", attempt: 2, event: `sha256:${hex("event")}` };
  maker.add("STEP_REUSED", { step_id: "load", attempt: 0, cause: "pure", from, outputs: {}, artifacts: [idOf("elsewhere")], why_artifact_id: idOf("why") });
  maker.add("STEP_STARTED", { step_id: "clean", attempt: 1, cause: "ready", inputs: [] });
  maker.add("ARTIFACT_STORED", storedText("stderr.txt", "log", "line </script>\u001b[2J\nlast line\n"));
  maker.add("STEP_FAILED", {
    step_id: "clean",
    attempt: 1,
    outcome: "failed",
    code: "STEP_EXIT_NONZERO",
    reason: "exited with 3 </td>",
    ...ended,
    logs: [idOf("stderr.txt")],
    executor: { kind: "shell", exit_code: 3, sandbox: "bubblewrap 0.8.0", enforcement: { network: "prevented", write: "observed" } },
  });
  maker.add("ROUTE_TAKEN", { route_id: null, action: "retry", step_id: "clean", reason: "attempts are left" });
  maker.add("STEP_STARTED", { step_id: "clean", attempt: 2, cause: "retry", inputs: [] });
  maker.add("STEP_FAILED", { step_id: "clean", attempt: 2, outcome: "timeout", code: "STEP_TIMEOUT", reason: "longer than 1s", ...ended });
  maker.add("ROUTE_TAKEN", { route_id: "fix", action: "goto", step_id: "clean", target: "clean", reason: "clean failed" });
  maker.add("STEP_STARTED", { step_id: "clean", attempt: 3, cause: "route", route_id: "fix", inputs: [idOf("csv")] });
  maker.add("ARTIFACT_STORED", storedText("table", "file", null));
  maker.add("STEP_COMPLETED", {
    step_id: "clean",
    attempt: 3,
    outputs: {},
    artifacts: [idOf("table")],
    ...ended,
    executor: { kind: "shell", exit_code: null, signal: "SIGTERM" },
  });
  gate("rows", "GATE_FAILED", {
    step_id: "clean",
    attempt: 3,
    reason: "845 days are missing",
    metrics: { rows: 616, ratio: 0.42 },
    log_artifact_ids: [idOf("stderr.txt")],
  });
  maker.add("ROUTE_TAKEN", { route_id: "up", action: "escalate", gate_id: "rows", step_id: "clean", reason: "a person has to look" });
  maker.add("RUN_BLOCKED", { reason: "a person has to look", gate_id: "rows" });
  maker.add("RUN_UNBLOCKED", { reason: "looked at it" });
  maker.add("ARTIFACT_REPLACED", {
    original_artifact_id: idOf("table"),
    replacement_artifact_id: idOf("csv"),
    artifact_id: idOf("note"),
    step_id: "clean",
    name: "table",
    reason: "fixed by hand",
  });
  gate("rows", "GATE_PASSED", { step_id: "clean", attempt: 3, reason: "all days are there" });
  maker.add("STEP_STARTED", { step_id: "side", attempt: 1, cause: "ready", inputs: [] });
  maker.add("POLICY_VIOLATION", { step_id: "side", attempt: 1, violation_type: "write_denied", details: "wrote .git/config", artifact_id: idOf("v") });
  maker.add("SIDE_EFFECT_OBSERVED", {
    step_id: "side",
    attempt: 1,
    category: "file_system",
    description: "wrote .git/config",
    reversible: null,
    source: "runner",
  });
  maker.add("STEP_INTERRUPTED", { step_id: "side", attempt: 1, reason: "crash" });
  maker.add("RUN_RESUMED", { reason: "after a crash" });
  maker.add("CANCEL_REQUESTED", { reason: "enough" });
  maker.add("RERUN_REQUESTED", { step_ids: ["clean", "side"], reason: "once more" });
  maker.add("RUN_REOPENED", { reason: "rerun" });
  maker.add("ARTIFACT_REPLACED", {
    original_artifact_id: idOf("csv"),
    replacement_artifact_id: idOf("table"),
    artifact_id: idOf("note"),
    name: "csv",
    reason: "newer data",
  });
  maker.add("STEP_STARTED", { step_id: "send", attempt: 1, cause: "resume", inputs: [] });
  maker.add("STEP_SKIPPED", { step_id: "tidy", attempt: 0, reason: "send did not succeed", because: "send" });
  gate("rows", "GATE_PASSED", { step_id: "clean", attempt: 3, dry_run: true });
  gate("whole", "GATE_ERROR", { required: false, reason: "no such schema" });
  maker.add("SECURITY_ESCALATED", { from: "OPERATIONAL", to: "LOCKDOWN", reason: "an operator locked it down" });
  maker.add("STEP_INTERRUPTED", { step_id: "send", attempt: 1, reason: "security" });
  maker.add("SECURITY_SNAPSHOT", { phase: "post", security_state: "LOCKDOWN", boundary_state: "intact", context: "Post-execution (escalation)" });
  maker.add("RUN_INCOMPLETE", { reason: "an operator locked it down" });
  const counts = { artifacts: 6, attempts: 5, effects: 1, gates: 3, reuses: 1, routes: 3, steps: 5, violations: 1 };
  maker.add("RUN_SEALED", { outcome: "incomplete", events: maker.lines.length, counts });
  return maker;
}
