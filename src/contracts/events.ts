/**
 * The closed union of events, one schema a kind, version 1. A fold refuses a kind that is not here as a newer format; chain
 * verification ignores kinds. A kind is added by the capability that first records it, never renamed, never reused.
 * Reference page: docs/reference/events.md (generated).
 */
import { z } from "zod";
import { artifactIdSchema, artifactRefSchema, digestSchema, runIdSchema } from "./artifact-ref.ts";

const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
const count = z.int().min(0);
const text = z.string().max(4096);
const attempt = z.int().min(1);
const metrics = z.record(z.string(), z.number());
/** How a process or module ended, as far as it is known. Never holds argument values or output (S4). */
const executorSummary = z.strictObject({
  kind: z.enum(["process", "shell", "module"]),
  exit_code: z.int().nullable().optional(),
  signal: z.string().nullable().optional(),
  stdout_bytes: count.optional(),
  stderr_bytes: count.optional(),
  output_cut: z.boolean().optional(),
  tool: z.string().optional(),
  tool_digest: digestSchema.optional(),
  survivors_killed: count.optional(),
  /** The sandbox it ran in, as `bubblewrap 0.8.0`; absent when it ran without one. */
  sandbox: z.string().optional(),
  /**
   * What of the project a sandboxed command could read beside what it declared: nothing (`complete`), or nobody looked (`declared`). Files
   * outside of the project, as those of the system, it could read either way.
   */
  materials: z.enum(["complete", "declared"]).optional(),
  enforcement: z.record(z.string(), z.enum(["prevented", "observed", "unenforced"])).optional(),
});
export type ExecutorSummary = z.output<typeof executorSummary>;

const gateData = z.strictObject({
  gate_id: id,
  step_id: id.optional(),
  /** 0 for what stands in for a step that this run never started. */
  attempt: count,
  required: z.boolean(),
  dry_run: z.boolean().optional(),
  reason: text.nullable(),
  metrics: metrics.optional(),
  result_artifact_id: artifactIdSchema,
  log_artifact_ids: z.array(artifactIdSchema),
  duration_ms: count,
});

const runEnd = z.strictObject({ reason: text, step_id: id.optional(), gate_id: id.optional(), code: z.string().optional() });

/** Why an attempt started. */
export const startCauses = ["ready", "retry", "route", "resume", "rerun"] as const;
export const interruptReasons = ["crash", "cancel", "goto", "abort", "abandoned", "shutdown", "security"] as const;
export const routeActions = ["retry", "goto", "escalate", "abort", "continue"] as const;
/** From least to most severe; UNKNOWN is what no port tells. */
export const securityStates = ["UNKNOWN", "OPERATIONAL", "DEGRADED", "COMPROMISED", "LOCKDOWN"] as const;
export const effectCategories = ["file_system", "network", "data_mutation", "configuration", "system", "other"] as const;
export const violationTypes = ["tool_not_allowed", "write_denied", "diff_too_large", "network_denied", "environment_denied"] as const;

const securityState = z.enum(securityStates);
/** Output name to digest of stored bytes; a glob gives one digest per file in path order. */
const outputDigests = z.record(z.string(), z.union([digestSchema, z.array(digestSchema)]));
/** What a pure step depended on: the reuse key, and the artifact that lists its parts by name. */
const materials = z.strictObject({ key: digestSchema, artifact_id: artifactIdSchema });

export const eventDataSchemas = {
  WORKSPACE_CREATED: z.strictObject({ workspace_id: id, format: z.literal(1), kernel_version: z.string() }),
  RUN_CREATED: z.strictObject({
    workspace_id: id,
    format: z.literal(1),
    kernel_version: z.string(),
    kind: z.enum(["workflow", "readiness", "execution"]),
    title: text.optional(),
    work_order_ref: artifactIdSchema.optional(),
  }),
  LEADER_TAKEN: z.strictObject({ token: z.int().min(1), host: text, pid: count, boot_id: text }),
  PLAN_COMMITTED: z.strictObject({ plan_hash: digestSchema, artifact_id: artifactIdSchema, workflow: id, source_dir: text }),
  ENVIRONMENT_CAPTURED: z.strictObject({ artifact_id: artifactIdSchema }),
  RUN_STARTED: z.strictObject({
    inputs: z.record(z.string(), artifactIdSchema),
    parallel: z.int().min(1),
    /** `false`: every step is done, whatever earlier results there are. Absent: earlier results may stand in for pure steps. */
    reuse: z.literal(false).optional(),
  }),
  RUN_RESUMED: z.strictObject({ reason: text }),
  CANCEL_REQUESTED: z.strictObject({ reason: text }),
  STEP_STARTED: z.strictObject({
    step_id: id,
    attempt,
    cause: z.enum(startCauses),
    route_id: id.optional(),
    inputs: z.array(artifactIdSchema),
    /** A `why.v1`: what changed since the step was last done, or who asked for it. */
    why_artifact_id: artifactIdSchema.optional(),
  }),
  STEP_COMPLETED: z.strictObject({
    step_id: id,
    attempt,
    outputs: outputDigests,
    /** Ids in the order of output names (as sorted strings), files of a glob in path order. */
    artifacts: z.array(artifactIdSchema),
    logs: z.array(artifactIdSchema),
    duration_ms: count,
    executor: executorSummary,
    /** Of a pure step only. */
    materials: materials.optional(),
  }),
  /** The results of an attempt that passed its gates earlier stand in for doing the step again. Its artifacts are those of that attempt. */
  STEP_REUSED: z.strictObject({
    step_id: id,
    /** The last attempt there was in this run, 0 when there was none: a reuse is not an attempt. */
    attempt: count,
    /** pure: nothing that the step depends on changed. fork: the run shares the prefix in which it was done. */
    cause: z.enum(["pure", "fork"]),
    /** The attempt, and the hash of its STEP_COMPLETED event. */
    from: z.strictObject({ run_id: runIdSchema, step_id: id, attempt, event: digestSchema }),
    outputs: outputDigests,
    artifacts: z.array(artifactIdSchema),
    materials: materials.optional(),
    why_artifact_id: artifactIdSchema,
  }),
  STEP_FAILED: z.strictObject({
    step_id: id,
    attempt,
    outcome: z.enum(["failed", "timeout"]),
    code: z.string(),
    reason: text,
    logs: z.array(artifactIdSchema),
    duration_ms: count,
    executor: executorSummary.optional(),
  }),
  STEP_INTERRUPTED: z.strictObject({ step_id: id, attempt, reason: z.enum(interruptReasons), survivors_killed: count.optional() }),
  /** `attempt` is the last one there was, 0 when the step never ran. */
  STEP_SKIPPED: z.strictObject({ step_id: id, attempt: count, reason: text, because: id, why_artifact_id: artifactIdSchema.optional() }),
  ARTIFACT_STORED: z.strictObject({
    artifact: artifactRefSchema,
    /** Up to 4 KiB of UTF-8 text: the stored bytes themselves. Absent when the object store holds them. */
    inline: z.string().max(4096).optional(),
  }),
  GATE_PASSED: gateData,
  GATE_FAILED: gateData,
  GATE_ERROR: gateData,
  ROUTE_TAKEN: z.strictObject({
    /** Null when no rule matched and the built-in rule decided. */
    route_id: id.nullable(),
    action: z.enum(routeActions),
    step_id: id.optional(),
    gate_id: id.optional(),
    target: id.optional(),
    reason: text,
  }),
  POLICY_VIOLATION: z.strictObject({
    step_id: id,
    attempt,
    violation_type: z.enum(violationTypes),
    details: text,
    artifact_id: artifactIdSchema,
    why_artifact_id: artifactIdSchema.optional(),
  }),
  /** Something a step changed outside its outputs. Declared effects are in the plan; these were seen or reported. */
  SIDE_EFFECT_OBSERVED: z.strictObject({
    step_id: id,
    attempt,
    category: z.enum(effectCategories),
    description: text,
    /** Null when nobody knows. */
    reversible: z.boolean().nullable(),
    source: z.enum(["runner", "module"]),
    details: z.record(z.string(), text).optional(),
  }),
  SECURITY_SNAPSHOT: z.strictObject({ phase: z.enum(["pre", "post"]), security_state: securityState, boundary_state: text, context: text }),
  /** The security state rose while the run was going on: nothing of it is done after this. */
  SECURITY_ESCALATED: z.strictObject({ from: securityState, to: securityState, reason: text }),
  /** In the workspace stream: who set the state of the workspace. */
  SECURITY_STATE_CHANGED: z.strictObject({ from: securityState, to: securityState, reason: text }),
  /** In the workspace stream: somebody asked for what they may not do. */
  AUTH_DENIED: z.strictObject({ action: text, target: text, reason: text }),
  /** A person asks for these steps, and all that needs them, to be done again. */
  RERUN_REQUESTED: z.strictObject({ step_ids: z.array(id).min(1), reason: text, why_artifact_id: artifactIdSchema.optional() }),
  ARTIFACT_REPLACED: z.strictObject({
    original_artifact_id: artifactIdSchema,
    replacement_artifact_id: artifactIdSchema,
    /** The `artifact_replacement.v1` envelope. */
    artifact_id: artifactIdSchema,
    /** The step whose output it was; absent for an input of the run. */
    step_id: id.optional(),
    /** Name of the output or input. */
    name: z.string().min(1).max(256),
    reason: text,
    why_artifact_id: artifactIdSchema.optional(),
  }),
  /** The run stands on the first `prefix.events` events of another. Roots are RFC 6962 over event hashes; the artifact holds the proof. */
  RUN_FORKED: z.strictObject({
    from: z.strictObject({ run_id: runIdSchema, events: z.int().min(1), head: digestSchema, root: digestSchema }),
    prefix: z.strictObject({ events: z.int().min(1), head: digestSchema, root: digestSchema }),
    step_ids: z.array(id).min(1),
    proof_artifact_id: artifactIdSchema,
    reason: text,
  }),
  RUN_SUCCEEDED: runEnd,
  RUN_FAILED: runEnd,
  RUN_BLOCKED: runEnd,
  RUN_CANCELED: runEnd,
  RUN_INCOMPLETE: runEnd,
  RUN_UNBLOCKED: z.strictObject({ reason: text }),
  RUN_REOPENED: z.strictObject({ reason: text }),
  RUN_SEALED: z.strictObject({
    outcome: z.enum(["succeeded", "failed", "blocked", "canceled", "incomplete"]),
    /** Events before this one; with `head` of them, what is sealed. */
    events: count,
    /** Counts that make an omission visible: steps, attempts, gates, artifacts, violations, routes, reuses, effects. */
    counts: z.record(z.string(), count),
  }),
  RECORD_RECOVERED: z.strictObject({ stream: text, bytes: count, digest: digestSchema, set_aside: text, reason: text }),
  CHECKPOINT_CUT: z.strictObject({
    size: z.int().min(1),
    root: digestSchema,
    /** Leaves added since the last checkpoint, in tree order. */
    leaves: z.array(z.strictObject({ stream: text, size: z.int().min(1), head: digestSchema })),
    key_name: text,
    note: text,
  }),
} as const;

export type EventKind = keyof typeof eventDataSchemas;
export type EventData = { readonly [K in EventKind]: z.output<(typeof eventDataSchemas)[K]> };

/** True when this version knows the kind. */
export function isEventKind(text: string): text is EventKind {
  return Object.hasOwn(eventDataSchemas, text);
}
