/**
 * Payloads that Lily itself writes, as zod schemas. Unknown members are refused. Their JSON Schemas are exported with `$id`
 * `lily:<schema_id>`; a test compiles the exports and compares verdicts. Reference: docs/formats/envelope.md.
 */
import { z } from "zod";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const hex64 = z.string().regex(/^[0-9a-f]{64}$/);
const artifactId = z.string().regex(/^art_[0-9a-f]{32}$/);
const identifier = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
const time = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/);

/** Facts about machine and source when a run started. What could not be found is left out; nothing in it is secret. */
export const environmentSnapshotSchema = z.strictObject({
  runtime: z.strictObject({ name: z.string(), version: z.string() }),
  platform: z.strictObject({ os: z.string(), release: z.string(), arch: z.string() }),
  kernel_version: z.string(),
  lockfiles: z.array(z.strictObject({ path: z.string(), sha256: hex64 })).optional(),
  tools: z.array(z.strictObject({ path: z.string(), version: z.string().optional(), sha256: hex64 })),
  source: z
    .strictObject({
      vcs: z.string(),
      commit: z.string().optional(),
      tree: z.string().optional(),
      dirty: z.boolean().optional(),
      dirty_digest: digest.optional(),
      remote: z.string().optional(),
    })
    .optional(),
  /** Self-reported by the CI system. */
  ci: z.strictObject({ provider: z.string(), run_url: z.string().optional(), actor: z.string().optional() }).optional(),
  timestamp: time,
});
export type EnvironmentSnapshot = z.output<typeof environmentSnapshotSchema>;

export const gateResultSchema = z.strictObject({
  gate_id: identifier,
  status: z.enum(["passed", "failed", "error"]),
  reason: z.string().nullable(),
  log_artifact_ids: z.array(artifactId),
  metrics: z.record(z.string(), z.number()).optional(),
  timestamp: time,
});
export type GateResult = z.output<typeof gateResultSchema>;

export const policyViolationSchema = z.strictObject({
  step_id: identifier,
  violation_type: z.enum(["tool_not_allowed", "write_denied", "diff_too_large", "network_denied"]),
  details: z.string(),
  timestamp: time,
});
export type PolicyViolation = z.output<typeof policyViolationSchema>;

export const builtinSchemas = {
  "environment_snapshot.v1": environmentSnapshotSchema,
  "gate_result.v1": gateResultSchema,
  "policy_violation.v1": policyViolationSchema,
} as const satisfies Readonly<Record<string, z.ZodType>>;
