/**
 * The closed union of events, one schema a kind, version 1. A fold refuses a kind that is not here as a newer format; chain
 * verification ignores kinds. A kind is added by the capability that first records it, never renamed, never reused.
 * Reference page: docs/reference/events.md (generated).
 */
import { z } from "zod";
import { artifactIdSchema, artifactRefSchema, digestSchema } from "./artifact-ref.ts";

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
  enforcement: z.record(z.string(), z.enum(["prevented", "observed", "unenforced"])).optional(),
});
export type ExecutorSummary = z.output<typeof executorSummary>;

const gateData = z.strictObject({
  gate_id: id,
  step_id: id.optional(),
  attempt,
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
export const interruptReasons = ["crash", "cancel", "goto", "abort", "abandoned", "shutdown"] as const;
export const routeActions = ["retry", "goto", "escalate", "abort", "continue"] as const;

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
  RUN_STARTED: z.strictObject({ inputs: z.record(z.string(), artifactIdSchema), parallel: z.int().min(1) }),
  RUN_RESUMED: z.strictObject({ reason: text }),
  CANCEL_REQUESTED: z.strictObject({ reason: text }),
  STEP_STARTED: z.strictObject({
    step_id: id,
    attempt,
    cause: z.enum(startCauses),
    route_id: id.optional(),
    inputs: z.array(artifactIdSchema),
  }),
  STEP_COMPLETED: z.strictObject({
    step_id: id,
    attempt,
    /** Output name to digest of stored bytes; a glob gives one digest per file in path order. */
    outputs: z.record(z.string(), z.union([digestSchema, z.array(digestSchema)])),
    /** Ids in the order of output names (as sorted strings), files of a glob in path order. */
    artifacts: z.array(artifactIdSchema),
    logs: z.array(artifactIdSchema),
    duration_ms: count,
    executor: executorSummary,
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
  STEP_SKIPPED: z.strictObject({ step_id: id, attempt: count, reason: text, because: id }),
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
    violation_type: z.enum(["tool_not_allowed", "write_denied", "diff_too_large", "network_denied"]),
    details: text,
    artifact_id: artifactIdSchema,
  }),
  RUN_SUCCEEDED: runEnd,
  RUN_FAILED: runEnd,
  RUN_BLOCKED: runEnd,
  RUN_CANCELED: runEnd,
  RUN_UNBLOCKED: z.strictObject({ reason: text }),
  RUN_REOPENED: z.strictObject({ reason: text }),
  RUN_SEALED: z.strictObject({
    outcome: z.enum(["succeeded", "failed", "blocked", "canceled"]),
    /** Events before this one; with `head` of them, what is sealed. */
    events: count,
    /** Counts that make an omission visible: steps, attempts, gates, artifacts, violations, routes. */
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
