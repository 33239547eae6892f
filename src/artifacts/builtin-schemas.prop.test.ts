import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import { builtinSchemas } from "./builtin-schemas.ts";
import { createSchemaRegistry } from "./schema-registry.ts";

const hex = "0123456789abcdef".repeat(4);
const digest = `sha256:${hex}`;
const artifactId = `art_${hex.slice(0, 32)}`;
const at = "2026-01-02T03:04:05.678Z";
const snapshot: JsonObject = { timestamp: at, security_state: "OPERATIONAL", boundary_state: "closed", context: "Pre-execution" };
const effect: JsonObject = { category: "network", description: "posts", timestamp: at, reversible: null, step: "clean", details: { host: "example.com" } };
const effects: JsonObject = { declared: [effect], observed: [effect], unknown_effects: true };
const valid: Readonly<Record<keyof typeof builtinSchemas, JsonObject>> = {
  "environment_snapshot.v1": {
    runtime: { name: "node", version: "24.1.0" },
    platform: { os: "linux", release: "6", arch: "x64" },
    kernel_version: "0.1.0",
    lockfiles: [{ path: "package-lock.json", sha256: hex }],
    tools: [{ path: "/usr/bin/node", version: "24", sha256: hex }],
    source: { vcs: "git", commit: "c", tree: "t", dirty: true, dirty_digest: `sha256:${hex}`, remote: "https://example.com/x" },
    ci: { provider: "x", run_url: "https://example.com", actor: "ada" },
    timestamp: "2026-01-02T03:04:05.678Z",
  },
  "gate_result.v1": {
    gate_id: "rows",
    status: "passed",
    reason: null,
    log_artifact_ids: [`art_${hex.slice(0, 32)}`],
    metrics: { rows: 1.5 },
    timestamp: "2026-01-02T03:04:05Z",
  },
  "policy_evaluation.v1": {
    step_id: "clean",
    gate_id: "rows",
    attempt: 1,
    verdict: "block",
    policy_digest: digest,
    decisions: [{ rule: "tools", verdict: "block", reason: "curl is not allowed" }],
    enforcement: { tools: "prevented", write: "observed" },
    timestamp: at,
  },
  "why.v1": {
    subject: "executed",
    step_id: "clean",
    attempt: 2,
    compared_with: { run_id: "run-a", step_id: "clean", attempt: 1 },
    inputs: 7,
    changed: [{ kind: "code", name: "steps/clean.mjs", before: digest, after: null }],
    because: "code steps/clean.mjs changed",
    timestamp: at,
  },
  "step_materials.v1": { step_id: "clean", key: digest, materials: [{ kind: "code", name: "steps/clean.mjs", digest }] },
  "artifact_replacement.v1": { original_artifact_id: artifactId, replacement_artifact_id: artifactId, reason: "typo", timestamp: at },
  "security_snapshot.v1": snapshot,
  "side_effect_report.v1": effects,
  "execution_record.v1": {
    execution_id: "run-a",
    plan_id: digest,
    live_mode_state: "LIVE",
    status: "FAILED",
    completion_reason: "step clean failed",
    timestamp_start: at,
    timestamp_end: at,
    security_snapshot_pre: snapshot,
    security_snapshot_post: snapshot,
    step_events: [
      {
        timestamp: at,
        step_index: 0,
        step_name: "clean",
        attempt: 1,
        event_type: "STEP_FAILED",
        details: { code: "STEP_FAILED" },
        error_message: "exit 1",
        seq: 4,
        event_hash: digest,
        previous_event_hash: digest,
      },
    ],
    side_effects: effects,
    record: { events: 9, head: digest },
    execution_hash: digest,
  },
  "rollback_scaffold.v1": {
    execution_id: "run-a",
    is_rollback_possible: true,
    reason: "partial execution",
    rollback_hints: [
      { step_index: -1, description: "delete out/", actions: ["rm"], required_inputs: { path: "out" }, risks: ["loss"], estimated_duration: "1m" },
    ],
    warnings: ["state may be inconsistent"],
    irreversible_steps: [0],
    manual_steps: ["review"],
  },
  "fork_proof.v1": { run_id: "run-a", prefix_events: 3, prefix_root: digest, events: 9, root: digest, consistency: [digest] },
  "policy_violation.v1": { step_id: "clean", violation_type: "tool_not_allowed", details: "curl", timestamp: "2026-01-02T03:04:05.1Z" },
};
const ids = Object.keys(builtinSchemas).filter((id): id is keyof typeof builtinSchemas => Object.hasOwn(builtinSchemas, id));
const oddValues = fc.constantFrom<JsonValue>(
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  "",
  "x",
  "\u{1f600}",
  "2026-01-02",
  hex,
  hex.toUpperCase(),
  `sha256:${hex}`,
  "passed",
  "..",
  [],
  [1],
  {},
  { x: 1 },
);

/** Replaces, drops or adds one thing somewhere inside. */
function mutated(value: JsonValue, choices: () => number, odd: JsonValue): JsonValue {
  if (Array.isArray(value) && value.length > 0 && choices() < 0.7) {
    const at = Math.floor(choices() * value.length);
    return value.map((item, i) => (i === at ? mutated(item, choices, odd) : item));
  }
  if (!isJsonObject(value) || choices() < 0.1) return odd;
  const entries = Object.entries(value);
  const at = Math.floor(choices() * (entries.length + 1));
  const chosen = entries[at];
  if (chosen === undefined) return { ...value, extra: odd };
  if (choices() < 0.25) return Object.fromEntries(entries.filter((_, i) => i !== at));
  return { ...value, [chosen[0]]: mutated(chosen[1], choices, odd) };
}

describe.each(ids)("%s", (id) => {
  it("takes a document with every member", async () => {
    expect(builtinSchemas[id].safeParse(valid[id]).success).toBe(true);
    expect(await createSchemaRegistry().validate(id, valid[id])).toEqual([]);
  });

  it("the exported JSON Schema and the source agree on every document", async () => {
    const registry = createSchemaRegistry();
    await fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        fc.array(oddValues, { maxLength: 3 }),
        async (stream, odds) => {
          const choices = (): number => stream.next().value ?? 0;
          const document = odds.reduce<JsonValue>((value, odd) => mutated(value, choices, odd), valid[id]);
          const byZod = builtinSchemas[id].safeParse(document).success;
          expect([document, (await registry.validate(id, document)).length === 0]).toEqual([document, byZod]);
        },
      ),
      { numRuns: 600 },
    );
  });
});
