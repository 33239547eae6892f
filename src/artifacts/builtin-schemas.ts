/**
 * Payloads that Lily itself writes, as zod schemas. Unknown members are refused. Their JSON Schemas are exported with `$id`
 * `lily:<schema_id>`; a test compiles the exports and compares verdicts. Reference: docs/formats/envelope.md.
 */
import { z } from "zod";
import { effectCategories, securityStates, violationTypes } from "../contracts/events.ts";
import { materialKinds } from "../contracts/materials.ts";

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
  violation_type: z.enum(violationTypes),
  details: z.string(),
  timestamp: time,
});
export type PolicyViolation = z.output<typeof policyViolationSchema>;

const enforcement = z.enum(["prevented", "observed", "unenforced"]);
const count = z.int().min(0);

/** What the policy said of one attempt, before it started and after it ended. */
export const policyEvaluationSchema = z.strictObject({
  step_id: identifier.optional(),
  gate_id: identifier.optional(),
  attempt: count,
  verdict: z.enum(["allow", "block"]),
  policy_digest: digest,
  /** Each rule that was looked at, in order, with its own verdict. */
  decisions: z.array(
    z.strictObject({ rule: z.enum(["tools", "write", "diff", "network", "environment", "security"]), verdict: z.enum(["allow", "block"]), reason: z.string() }),
  ),
  enforcement: z.record(z.string(), enforcement),
  timestamp: time,
});
export type PolicyEvaluation = z.output<typeof policyEvaluationSchema>;

/** Kinds of things that a step depends on, and of what else may be the cause of a decision. */
export const whyKinds = [
  "code",
  "input",
  "param",
  "environment",
  "tool",
  "lockfile",
  "platform",
  "policy",
  "step",
  "gate",
  "module",
  "schema",
  "pack",
  "request",
  "dependency",
  "artifact",
] as const;

/** What a pure step depended on when it was done: the parts of its reuse key, by name and digest; no values (docs/formats/reuse.md). */
export const stepMaterialsSchema = z.strictObject({
  step_id: identifier,
  key: digest,
  materials: z.array(z.strictObject({ kind: z.enum(materialKinds), name: z.string(), digest })),
});
export type StepMaterials = z.output<typeof stepMaterialsSchema>;

/** Why a step was reused, done again, skipped or denied: the smallest set of things that changed. */
export const whySchema = z.strictObject({
  subject: z.enum(["reused", "executed", "rerun", "skipped", "denied", "forked"]),
  step_id: identifier,
  attempt: count,
  /** The earlier attempt that the inputs were compared with; null when there was none to compare with. */
  compared_with: z.strictObject({ run_id: z.string(), step_id: identifier, attempt: count }).nullable(),
  /** How many inputs were compared. */
  inputs: count,
  changed: z.array(z.strictObject({ kind: z.enum(whyKinds), name: z.string(), before: z.string().nullable(), after: z.string().nullable() })),
  /** One sentence for people. */
  because: z.string(),
  timestamp: time,
});
export type Why = z.output<typeof whySchema>;

export const artifactReplacementSchema = z.strictObject({
  original_artifact_id: artifactId,
  replacement_artifact_id: artifactId,
  reason: z.string(),
  timestamp: time,
});

/** Security state of a workspace at one moment. */
export const securitySnapshotSchema = z.strictObject({
  timestamp: time,
  security_state: z.enum(securityStates),
  boundary_state: z.string(),
  context: z.string(),
});

const sideEffect = z.strictObject({
  category: z.enum(effectCategories),
  description: z.string(),
  timestamp: time,
  reversible: z.boolean().nullable(),
  step: identifier,
  details: z.record(z.string(), z.string()),
});
export const sideEffectReportSchema = z.strictObject({ declared: z.array(sideEffect), observed: z.array(sideEffect), unknown_effects: z.boolean() });

export const executionStatuses = ["STARTED", "COMPLETED", "COMPLETED_PARTIAL", "FAILED", "INCOMPLETE"] as const;

/** The read-only view of a run for operators, with a digest over all of it and over every event of the record. */
export const executionRecordSchema = z.strictObject({
  execution_id: z.string(),
  plan_id: digest.nullable(),
  live_mode_state: z.enum(["LIVE", "DRY_RUN"]),
  status: z.enum(executionStatuses),
  completion_reason: z.string(),
  timestamp_start: time,
  timestamp_end: time.nullable(),
  security_snapshot_pre: securitySnapshotSchema.nullable(),
  security_snapshot_post: securitySnapshotSchema.nullable(),
  step_events: z.array(
    z.strictObject({
      timestamp: time,
      step_index: count,
      step_name: identifier,
      attempt: count,
      event_type: z.enum(["STEP_STARTED", "STEP_COMPLETED", "STEP_FAILED"]),
      details: z.record(z.string(), z.string()),
      error_message: z.string().nullable(),
      /** Position and hash in the run's record. */
      seq: count,
      event_hash: digest,
      /** Hash of the step event before this one; null for the first. */
      previous_event_hash: digest.nullable(),
    }),
  ),
  side_effects: sideEffectReportSchema,
  /** Events of the record that this view was folded from, and the hash of the last. */
  record: z.strictObject({ events: count, head: digest.nullable() }),
  /** Tagged digest `execution` of the canonical form of all other members. */
  execution_hash: digest,
});
export type ExecutionRecord = z.output<typeof executionRecordSchema>;

/** Guidance for a person. Nothing in Lily executes it (S2). */
export const rollbackScaffoldSchema = z.strictObject({
  execution_id: z.string(),
  is_rollback_possible: z.boolean(),
  reason: z.string(),
  rollback_hints: z.array(
    z.strictObject({
      step_index: z.int().min(-1),
      description: z.string(),
      actions: z.array(z.string()),
      required_inputs: z.record(z.string(), z.string()),
      risks: z.array(z.string()),
      estimated_duration: z.string().nullable(),
    }),
  ),
  warnings: z.array(z.string()),
  /** Positions of steps in the plan, ascending. */
  irreversible_steps: z.array(count),
  manual_steps: z.array(z.string()),
});
export type RollbackScaffold = z.output<typeof rollbackScaffoldSchema>;

/** Merkle consistency of the record prefix that a fork shares with the run it came from (RFC 6962, leaves are event hashes). */
export const forkProofSchema = z.strictObject({
  run_id: z.string(),
  prefix_events: z.int().min(1),
  prefix_root: digest,
  events: z.int().min(1),
  root: digest,
  consistency: z.array(digest),
});
export type ForkProof = z.output<typeof forkProofSchema>;

export const builtinSchemas = {
  "environment_snapshot.v1": environmentSnapshotSchema,
  "gate_result.v1": gateResultSchema,
  "policy_violation.v1": policyViolationSchema,
  "policy_evaluation.v1": policyEvaluationSchema,
  "why.v1": whySchema,
  "step_materials.v1": stepMaterialsSchema,
  "artifact_replacement.v1": artifactReplacementSchema,
  "security_snapshot.v1": securitySnapshotSchema,
  "side_effect_report.v1": sideEffectReportSchema,
  "execution_record.v1": executionRecordSchema,
  "rollback_scaffold.v1": rollbackScaffoldSchema,
  "fork_proof.v1": forkProofSchema,
} as const satisfies Readonly<Record<string, z.ZodType>>;
