import { durationText } from "../../base/duration.ts";
import type { LedgerEvent } from "../../contracts/event.ts";
import { plainText } from "./plain-text.ts";

/** One line about an event that people care about; null for the others. Made safe for a terminal. */
export function eventLine(event: LedgerEvent): string | null {
  const line = rawLine(event);
  return line === null ? null : plainText(line);
}

function rawLine(event: LedgerEvent): string | null {
  switch (event.kind) {
    case "PLAN_COMMITTED":
      return `plan      ${event.data.workflow} ${event.data.plan_hash}`;
    case "RUN_RESUMED":
      return `resumed   ${event.data.reason}`;
    case "RUN_UNBLOCKED":
      return `unblocked ${event.data.reason}`;
    case "RUN_REOPENED":
      return `reopened  ${event.data.reason}`;
    case "CANCEL_REQUESTED":
      return `canceling ${event.data.reason}`;
    case "STEP_STARTED":
    case "STEP_COMPLETED":
    case "STEP_FAILED":
    case "STEP_INTERRUPTED":
    case "STEP_SKIPPED":
    case "STEP_REUSED":
      return stepLine(event);
    case "GATE_PASSED":
    case "GATE_FAILED":
    case "GATE_ERROR":
      return gateLine(event);
    case "ROUTE_TAKEN": {
      const { route_id, action, target, reason } = event.data;
      return `route     ${route_id ?? "built-in rule"}: ${action}${target === undefined ? "" : ` ${target}`}: ${reason}`;
    }
    case "POLICY_VIOLATION":
      return `violation ${event.data.step_id} attempt ${event.data.attempt}: ${event.data.violation_type}: ${event.data.details}`;
    case "RUN_SUCCEEDED":
    case "RUN_FAILED":
    case "RUN_BLOCKED":
    case "RUN_CANCELED":
    case "RUN_INCOMPLETE":
      return `run       ${event.kind.slice(4).toLowerCase()}: ${event.data.reason}`;
    case "RERUN_REQUESTED":
      return `rerun     from ${event.data.step_ids.join(", ")}: ${event.data.reason}`;
    case "ARTIFACT_REPLACED":
      return `replaced  ${event.data.step_id ?? "input"} ${event.data.name}: ${event.data.reason}`;
    case "RUN_FORKED":
      return `forked    from run ${event.data.from.run_id} after ${event.data.prefix.events} events, from ${event.data.step_ids.join(", ")}`;
    case "SIDE_EFFECT_OBSERVED":
      return `effect    ${event.data.step_id} attempt ${event.data.attempt}: ${event.data.category}: ${event.data.description}`;
    case "SECURITY_ESCALATED":
      return `security  ${event.data.from} -> ${event.data.to}: ${event.data.reason}`;
    case "RECORD_RECOVERED":
      return `recovered ${event.data.bytes} bytes set aside as ${event.data.set_aside}: ${event.data.reason}`;
    case "WORKSPACE_CREATED":
    case "RUN_CREATED":
    case "LEADER_TAKEN":
    case "ENVIRONMENT_CAPTURED":
    case "RUN_STARTED":
    case "ARTIFACT_STORED":
    case "RUN_SEALED":
    case "SECURITY_SNAPSHOT":
    case "SECURITY_STATE_CHANGED":
    case "AUTH_DENIED":
    case "CHECKPOINT_CUT":
      return null;
  }
}

type StepEvent = Extract<LedgerEvent, { readonly kind: `STEP_${string}` }>;
type GateEvent = Extract<LedgerEvent, { readonly kind: `GATE_${string}` }>;

function stepLine(event: StepEvent): string {
  const step = `step      ${event.data.step_id}`;
  switch (event.kind) {
    case "STEP_STARTED":
      return `${step} attempt ${event.data.attempt} started${event.data.cause === "ready" ? "" : ` (${event.data.cause})`}`;
    case "STEP_COMPLETED":
      return `${step} attempt ${event.data.attempt} completed in ${durationText(event.data.duration_ms)}`;
    case "STEP_FAILED":
      return `${step} attempt ${event.data.attempt} ${event.data.outcome === "timeout" ? "timed out" : "failed"} after ${durationText(event.data.duration_ms)}: ${event.data.code}: ${event.data.reason}`;
    case "STEP_INTERRUPTED":
      return `${step} attempt ${event.data.attempt} interrupted: ${event.data.reason}`;
    case "STEP_REUSED":
      return `${step} reused from attempt ${event.data.from.attempt} of run ${event.data.from.run_id}`;
    case "STEP_SKIPPED":
      return `${step} skipped because of ${event.data.because}: ${event.data.reason}`;
  }
}

function gateLine(event: GateEvent): string {
  const { gate_id, step_id, reason, required, dry_run } = event.data;
  const verdict = event.kind === "GATE_PASSED" ? "passed" : event.kind === "GATE_FAILED" ? "failed" : "could not judge";
  return `gate      ${gate_id}${step_id === undefined ? "" : ` of ${step_id}`} ${verdict}${required ? "" : " (optional)"}${dry_run === true ? " (dry run)" : ""}${reason === null ? "" : `: ${reason}`}`;
}
