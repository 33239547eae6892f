/**
 * Owns: what a report knows of a run, folded from its events and the documents that they name.
 * Invariants: L6 it depends on these alone, so folding them again in the reader's browser gives the same. The page holds the text of this very
 * function: it names nothing from outside of itself.
 * Not responsible for: words (report-lists, report-story), drawing (report-timeline, report-graph).
 */
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { ExecutorSummary } from "../contracts/events.ts";
import type { PlanDocument, PlanStep } from "../contracts/plan-document.ts";

export interface ReportAttempt {
  readonly step: string;
  readonly n: number;
  readonly cause: string;
  readonly startedAt: string;
  endedAt: string | null;
  durationMs: number | null;
  outcome: "running" | "completed" | "failed" | "timeout" | "interrupted";
  /** Code and reason of what went wrong. */
  problem: string | null;
  executor: ExecutorSummary | null;
  logs: readonly string[];
  artifacts: readonly string[];
}

export interface ReportGate {
  readonly id: string;
  readonly step: string | null;
  readonly attempt: number;
  readonly verdict: "passed" | "failed" | "error";
  readonly required: boolean;
  readonly isDryRun: boolean;
  readonly reason: string | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly logs: readonly string[];
  readonly durationMs: number;
  readonly at: string;
}

export interface ReportStep {
  readonly id: string;
  readonly plan: PlanStep | null;
  status: "pending" | "running" | "succeeded" | "failed" | "skipped" | "reused" | "interrupted";
  readonly attempts: ReportAttempt[];
  produced: readonly string[];
  /** Artifact of the newest `why.v1`. */
  why: string | null;
  /** In words of the record, when there is no such artifact. */
  because: string | null;
}

export interface ReportRun {
  readonly id: string;
  readonly workspaceId: string | null;
  readonly events: readonly LedgerEvent[];
  readonly plan: PlanDocument | null;
  readonly steps: readonly ReportStep[];
  readonly gates: readonly ReportGate[];
  readonly artifacts: ReadonlyMap<string, { readonly ref: ArtifactRef; readonly inline: string | null }>;
  readonly inputs: Readonly<Record<string, string>>;
  readonly status: string;
  readonly reason: string | null;
  readonly endedAt: string | null;
  readonly isSealed: boolean;
  /** The text of an artifact: from the record, or from a document whose digest the record names; null when neither is here. */
  textOf(artifactId: string): string | null;
  /** The payload of an envelope, or the value of a JSON artifact. */
  valueOf(artifactId: string): unknown;
}

/** `documents`: digest of stored bytes to text. */
export type ReportFold = (events: readonly LedgerEvent[], documents: ReadonlyMap<string, string>) => ReportRun;

export function reportFold(): ReportFold {
  return (events, documents) => {
    const artifacts = new Map<string, { readonly ref: ArtifactRef; readonly inline: string | null }>();
    const steps = new Map<string, ReportStep>();
    const gates: ReportGate[] = [];
    let plan: PlanDocument | null = null;
    let inputs: Readonly<Record<string, string>> = {};
    let [status, reason, endedAt, isSealed]: [string, string | null, string | null, boolean] = ["created", null, null, false];

    const textOf = (id: string): string | null => {
      const found = artifacts.get(id);
      return found === undefined ? null : (found.inline ?? documents.get(found.ref.digest) ?? null);
    };
    const valueOf = (id: string): unknown => {
      const text = textOf(id);
      if (text === null) return null;
      try {
        const value: unknown = JSON.parse(text);
        return typeof value === "object" && value !== null && "meta" in value && "payload" in value ? value.payload : value;
      } catch {
        return null;
      }
    };
    const stepOf = (id: string): ReportStep => {
      const known = steps.get(id);
      if (known !== undefined) return known;
      const made: ReportStep = { id, plan: null, status: "pending", attempts: [], produced: [], why: null, because: null };
      steps.set(id, made);
      return made;
    };
    const usePlan = (id: string): void => {
      const value = valueOf(id);
      if (typeof value !== "object" || value === null || !("steps" in value) || !Array.isArray(value.steps)) return;
      // The digest in the record was compared with these bytes; `compilePlan` is what wrote them.
      plan = value as PlanDocument;
      for (const step of plan.steps) steps.set(step.id, { id: step.id, plan: step, status: "pending", attempts: [], produced: [], why: null, because: null });
    };
    const reset = (target: string): void => {
      const open = [target];
      const seen = new Set<string>();
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        if (seen.has(id)) continue;
        seen.add(id);
        const step = stepOf(id);
        step.status = "pending";
        step.produced = [];
        for (const other of steps.values()) if (other.plan?.needs.includes(id) === true) open.push(other.id);
      }
    };
    /** Which steps can have been made from an input of the run: graph/input-users says the same. */
    const usersOf = (name: string): readonly string[] =>
      [...steps.values()].flatMap(({ id, plan: step }) => {
        if (step === null) return [];
        const givesAll = step.workdir === "isolated" && !step.pure;
        return givesAll || step.reads?.includes(name) === true || JSON.stringify(step).includes(`{inputs.${name}}`) ? [id] : [];
      });
    const end = (next: string, why: string, at: string): void => {
      [status, reason, endedAt] = [next, why, at];
      if (next === "succeeded") return;
      for (const step of steps.values()) {
        const n = step.attempts.at(-1)?.n;
        const isBad = gates.some((gate) => gate.step === step.id && gate.attempt === n && gate.required && gate.verdict !== "passed");
        if (step.status === "succeeded" && isBad) step.status = "failed";
      }
    };
    const endAttempt = (step: ReportStep, found: Partial<ReportAttempt>): void => {
      const attempt = step.attempts.at(-1);
      if (attempt !== undefined) Object.assign(attempt, found);
    };
    const judge = (verdict: ReportGate["verdict"], event: Extract<LedgerEvent, { readonly kind: "GATE_PASSED" | "GATE_FAILED" | "GATE_ERROR" }>): void => {
      const { gate_id, step_id, attempt, required, dry_run, log_artifact_ids, duration_ms, metrics } = event.data;
      const isDryRun = dry_run === true;
      gates.push({
        id: gate_id,
        step: step_id ?? null,
        attempt,
        verdict,
        required,
        isDryRun,
        reason: event.data.reason,
        metrics: metrics ?? {},
        logs: log_artifact_ids,
        durationMs: duration_ms,
        at: event.at,
      });
      if (step_id !== undefined && !isDryRun && required && verdict !== "passed") stepOf(step_id).status = "failed";
    };

    const start = (event: Extract<LedgerEvent, { readonly kind: "STEP_STARTED" }>): void => {
      const { step_id, attempt, cause, route_id, why_artifact_id } = event.data;
      const step = stepOf(step_id);
      step.status = "running";
      step.produced = [];
      step.why = why_artifact_id ?? step.why;
      step.because = null;
      step.attempts.push({
        step: step_id,
        n: attempt,
        cause: route_id === undefined ? cause : `${cause} ${route_id}`,
        startedAt: event.at,
        endedAt: null,
        durationMs: null,
        outcome: "running",
        problem: null,
        executor: null,
        logs: [],
        artifacts: [],
      });
    };
    const finish = (event: Extract<LedgerEvent, { readonly kind: "STEP_COMPLETED" | "STEP_FAILED" | "STEP_INTERRUPTED" }>): void => {
      const step = stepOf(event.data.step_id);
      switch (event.kind) {
        case "STEP_COMPLETED": {
          const { executor, logs, artifacts: made, duration_ms } = event.data;
          step.status = "succeeded";
          step.produced = made;
          return endAttempt(step, { outcome: "completed", endedAt: event.at, durationMs: duration_ms, executor, logs, artifacts: made });
        }
        case "STEP_FAILED": {
          const { outcome, code, executor, logs, duration_ms } = event.data;
          step.status = "failed";
          const problem = `${code}: ${event.data.reason}`;
          return endAttempt(step, { outcome, endedAt: event.at, durationMs: duration_ms, executor: executor ?? null, logs, problem });
        }
        case "STEP_INTERRUPTED":
          step.status = "interrupted";
          return endAttempt(step, { outcome: "interrupted", endedAt: event.at, problem: `interrupted: ${event.data.reason}` });
      }
    };
    const standIn = (event: Extract<LedgerEvent, { readonly kind: "STEP_SKIPPED" | "STEP_REUSED" }>): void => {
      const step = stepOf(event.data.step_id);
      step.why = event.data.why_artifact_id ?? step.why;
      if (event.kind === "STEP_SKIPPED") {
        step.status = "skipped";
        step.because = event.data.reason;
        return;
      }
      const { from } = event.data;
      step.status = "reused";
      step.produced = event.data.artifacts;
      step.because = `the results of attempt ${from.attempt} in run ${from.run_id} stand in`;
    };
    const replace = ({ data }: Extract<LedgerEvent, { readonly kind: "ARTIFACT_REPLACED" }>): void => {
      const { step_id, name, original_artifact_id, replacement_artifact_id } = data;
      status = "running";
      if (step_id === undefined) {
        inputs = { ...inputs, [name]: replacement_artifact_id };
        for (const id of usersOf(name)) reset(id);
        return;
      }
      const step = stepOf(step_id);
      step.produced = step.produced.map((id) => (id === original_artifact_id ? replacement_artifact_id : id));
      for (const other of [...steps.values()]) if (other.plan?.needs.includes(step_id) === true) reset(other.id);
    };
    const route = ({ data }: Extract<LedgerEvent, { readonly kind: "ROUTE_TAKEN" }>): void => {
      const { action, target, step_id } = data;
      if (action === "goto" && target !== undefined) reset(target);
      if (action === "retry" && step_id !== undefined) stepOf(step_id).status = "pending";
    };

    const apply = (event: LedgerEvent): void => {
      switch (event.kind) {
        case "PLAN_COMMITTED":
          status = "planned";
          return usePlan(event.data.artifact_id);
        case "RUN_STARTED":
          status = "running";
          inputs = event.data.inputs;
          return;
        case "RUN_RESUMED":
        case "RUN_UNBLOCKED":
        case "RUN_REOPENED":
          [status, reason, endedAt, isSealed] = ["running", null, null, false];
          return;
        case "ARTIFACT_STORED":
          artifacts.set(event.data.artifact.artifact_id, { ref: event.data.artifact, inline: event.data.inline ?? null });
          return;
        case "STEP_STARTED":
          return start(event);
        case "STEP_COMPLETED":
        case "STEP_FAILED":
        case "STEP_INTERRUPTED":
          return finish(event);
        case "STEP_SKIPPED":
        case "STEP_REUSED":
          return standIn(event);
        case "RERUN_REQUESTED":
          status = "running";
          for (const id of event.data.step_ids) reset(id);
          return;
        case "ARTIFACT_REPLACED":
          return replace(event);
        case "ROUTE_TAKEN":
          return route(event);
        case "GATE_PASSED":
          return judge("passed", event);
        case "GATE_FAILED":
          return judge("failed", event);
        case "GATE_ERROR":
          return judge("error", event);
        case "RUN_SUCCEEDED":
        case "RUN_FAILED":
        case "RUN_BLOCKED":
        case "RUN_CANCELED":
        case "RUN_INCOMPLETE":
          return end(event.kind.slice(4).toLowerCase(), event.data.reason, event.at);
        case "RUN_SEALED":
          isSealed = true;
          return;
        default:
          return;
      }
    };
    for (const event of events) apply(event);
    const created = events[0];
    return {
      id: created === undefined ? "" : created.stream.slice(created.stream.indexOf("/") + 1),
      workspaceId: created?.kind === "RUN_CREATED" ? created.data.workspace_id : null,
      events,
      plan,
      steps: [...steps.values()],
      gates,
      artifacts,
      inputs,
      status,
      reason,
      endedAt,
      isSealed,
      textOf,
      valueOf,
    };
  };
}
