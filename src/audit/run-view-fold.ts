/**
 * Owns: what people are shown of a run, folded from its record event by event.
 * Invariants: L6 the view depends on events and plan alone; it is never written by hand and never trusted over the record.
 * Not responsible for: deciding what comes next (graph), refusing illegal transitions (graph/apply-event does, on the same events).
 */
import type { Digest } from "../base/digest.ts";
import { timeMs } from "../base/time-text.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import type { AttemptView, GateView, PersonActView, RouteView, RunStatus, RunView } from "../contracts/run-view.ts";
import { usesInput } from "../graph/input-users.ts";
import { personAct } from "./person-act.ts";
import { logPaths, type StepDraft, stepView } from "./step-draft.ts";

export class RunViewFold {
  readonly #runId: string;
  readonly #runDir: string;
  readonly #steps = new Map<string, StepDraft>();
  readonly #gates: GateView[] = [];
  readonly #routes: RouteView[] = [];
  readonly #digests = new Map<string, Digest>();
  readonly #dependents = new Map<string, readonly string[]>();
  readonly #inputUsers = new Map<string, readonly string[]>();
  #kind = "workflow";
  #status: RunStatus = "created";
  #workflow: string | null = null;
  #title: string | null = null;
  #planTitle: string | null = null;
  #reason: string | null = null;
  #planHash: Digest | null = null;
  #createdAt = "";
  #finishedAt: string | null = null;
  #inputs: Readonly<Record<string, string>> = {};
  #environment: string | null = null;
  #events = 0;
  #head: Digest | null = null;
  #sealed = false;
  #forkedFrom: RunView["forked_from"];
  readonly #acts: PersonActView[] = [];

  constructor(runId: string, runDir: string) {
    this.#runId = runId;
    this.#runDir = runDir;
  }

  /** Steps of the plan show as pending before their first event. */
  usePlan(plan: PlanDocument): void {
    for (const name of Object.keys(plan.inputs)) {
      this.#inputUsers.set(
        name,
        plan.steps.filter((step) => usesInput(step, name)).map((step) => step.id),
      );
    }
    for (const step of plan.steps) {
      this.#step(step.id);
      for (const need of step.needs) this.#dependents.set(need, [...(this.#dependents.get(need) ?? []), step.id]);
    }
    this.#planTitle = plan.title;
  }

  get planArtifactId(): string | null {
    return this.#planArtifactId;
  }
  #planArtifactId: string | null = null;

  add(event: LedgerEvent): void {
    this.#events = event.seq + 1;
    this.#head = event.hash;
    const act = personAct(event);
    if (act !== null) this.#acts.push(act);
    this.#fold(event);
  }

  view(): RunView {
    return {
      run_id: this.#runId,
      kind: this.#kind,
      status: this.#status,
      workflow: this.#workflow,
      title: this.#title ?? this.#planTitle,
      reason: this.#reason,
      plan_hash: this.#planHash,
      created_at: this.#createdAt,
      finished_at: this.#finishedAt,
      steps: [...this.#steps.values()].map(stepView),
      gates: this.#gates,
      routes: this.#routes,
      inputs: this.#inputs,
      environment_artifact_id: this.#environment,
      record: { events: this.#events, head: this.#head, sealed: this.#sealed },
      run_dir: this.#runDir,
      ...(this.#forkedFrom === undefined ? {} : { forked_from: this.#forkedFrom }),
      ...(this.#acts.length === 0 ? {} : { acts: this.#acts }),
    };
  }

  #fold(event: LedgerEvent): void {
    switch (event.kind) {
      case "RUN_CREATED":
        this.#kind = event.data.kind;
        this.#title = event.data.title ?? null;
        this.#createdAt = event.at;
        return;
      case "PLAN_COMMITTED":
        this.#status = "planned";
        this.#workflow = event.data.workflow;
        this.#planHash = event.data.plan_hash;
        this.#planArtifactId = event.data.artifact_id;
        return;
      case "ENVIRONMENT_CAPTURED":
        this.#environment = event.data.artifact_id;
        return;
      case "RUN_STARTED":
        this.#status = "running";
        this.#inputs = event.data.inputs;
        return;
      case "RUN_RESUMED":
      case "RUN_UNBLOCKED":
      case "RUN_REOPENED":
        this.#status = "running";
        this.#reason = null;
        this.#finishedAt = null;
        this.#sealed = false;
        return;
      case "ARTIFACT_STORED":
        this.#digests.set(event.data.artifact.artifact_id, event.data.artifact.digest);
        return;
      case "STEP_STARTED":
      case "STEP_COMPLETED":
      case "STEP_FAILED":
      case "STEP_INTERRUPTED":
      case "STEP_SKIPPED":
      case "STEP_REUSED":
      case "POLICY_VIOLATION":
        return this.#foldStep(event);
      case "RERUN_REQUESTED":
        this.#status = "running";
        for (const id of event.data.step_ids) this.#reset(id);
        return;
      case "ARTIFACT_REPLACED":
        return this.#replace(event.data);
      case "RUN_INCOMPLETE":
        return this.#end("incomplete", event.data.reason, event.at);
      case "GATE_PASSED":
        return this.#foldGate("passed", event.data);
      case "GATE_FAILED":
        return this.#foldGate("failed", event.data);
      case "GATE_ERROR":
        return this.#foldGate("error", event.data);
      case "ROUTE_TAKEN":
        return this.#foldRoute(event.data);
      case "RUN_SUCCEEDED":
        return this.#end("succeeded", event.data.reason, event.at);
      case "RUN_FAILED":
        return this.#end("failed", event.data.reason, event.at);
      case "RUN_BLOCKED":
        return this.#end("blocked", event.data.reason, event.at);
      case "RUN_CANCELED":
        return this.#end("canceled", event.data.reason, event.at);
      case "RUN_SEALED":
        this.#sealed = true;
        return;
      case "CANCEL_REQUESTED":
      case "LEADER_TAKEN":
      case "RECORD_RECOVERED":
      case "WORKSPACE_CREATED":
      case "CHECKPOINT_CUT":
      case "SECURITY_SNAPSHOT":
      case "SECURITY_ESCALATED":
      case "SECURITY_STATE_CHANGED":
      case "AUTH_DENIED":
      case "SIDE_EFFECT_OBSERVED":
        return;
      case "RUN_FORKED":
        this.#forkedFrom = { run_id: event.data.from.run_id, events: event.data.prefix.events };
        return;
    }
  }

  #end(status: RunStatus, reason: string, at: string): void {
    this.#status = status;
    this.#reason = reason;
    this.#finishedAt = at;
    this.#markGateFailures(status);
  }

  /** A step that rests without having passed its required gates did not succeed. */
  #markGateFailures(status: RunStatus): void {
    if (status === "succeeded") return;
    for (const step of this.#steps.values()) {
      if (step.status === "succeeded" && step.isRejected) step.status = "failed";
    }
  }

  #foldStep(event: Extract<LedgerEvent, { readonly kind: `STEP_${string}` | "POLICY_VIOLATION" }>): void {
    switch (event.kind) {
      case "STEP_STARTED":
        return this.#startStep(event.data, event.at);
      case "STEP_COMPLETED": {
        const step = this.#step(event.data.step_id);
        this.#endAttempt(step, event.at, event.data.duration_ms, "completed", null, event.data.executor);
        step.status = "succeeded";
        step.produced = event.data.artifacts;
        const attempt = step.attempts.at(-1);
        if (attempt !== undefined) {
          attempt.output_artifact_hashes = this.#hashes(event.data.artifacts);
          attempt.log_paths = logPaths(step.id, attempt.n, event.data.executor);
        }
        return;
      }
      case "STEP_FAILED": {
        const step = this.#step(event.data.step_id);
        this.#endAttempt(
          step,
          event.at,
          event.data.duration_ms,
          event.data.outcome,
          { code: event.data.code, reason: event.data.reason },
          event.data.executor ?? null,
        );
        step.status = "failed";
        const attempt = step.attempts.at(-1);
        if (attempt !== undefined && event.data.executor !== undefined) attempt.log_paths = logPaths(step.id, attempt.n, event.data.executor);
        return;
      }
      case "STEP_INTERRUPTED": {
        const step = this.#step(event.data.step_id);
        const startedAt = step.attempts.at(-1)?.started_at ?? event.at;
        this.#endAttempt(
          step,
          event.at,
          Math.max(0, timeMs(event.at) - timeMs(startedAt)),
          "interrupted",
          { code: "INTERRUPTED", reason: event.data.reason },
          null,
        );
        step.status = "interrupted";
        return;
      }
      case "STEP_SKIPPED": {
        const step = this.#step(event.data.step_id);
        step.status = "skipped";
        step.why = event.data.why_artifact_id ?? step.why;
        return;
      }
      case "STEP_REUSED": {
        const step = this.#step(event.data.step_id);
        step.status = "reused";
        step.isRejected = false;
        step.produced = event.data.artifacts;
        step.why = event.data.why_artifact_id;
        const { run_id, step_id, attempt } = event.data.from;
        step.reusedFrom = { run_id, step_id, attempt };
        step.isReplaced = false;
        return;
      }
      case "POLICY_VIOLATION":
        this.#step(event.data.step_id).violations.push(event.data.artifact_id);
        return;
    }
  }

  #startStep(data: EventData["STEP_STARTED"], at: string): void {
    const step = this.#step(data.step_id);
    step.status = "running";
    step.isRejected = false;
    step.why = data.why_artifact_id ?? step.why;
    step.produced = [];
    step.reusedFrom = undefined;
    step.isReplaced = false;
    step.attempts.push({
      n: data.attempt,
      started_at: at,
      finished_at: null,
      duration_ms: null,
      outcome: "running",
      error: null,
      log_paths: [],
      executor_summary: null,
      input_artifact_hashes: this.#hashes(data.inputs),
      output_artifact_hashes: {},
      cause: data.route_id === undefined ? data.cause : `${data.cause} ${data.route_id}`,
    });
  }

  #endAttempt(
    step: StepDraft,
    at: string,
    durationMs: number,
    outcome: AttemptView["outcome"],
    error: AttemptView["error"],
    executor: Readonly<Record<string, unknown>> | null,
  ): void {
    const attempt = step.attempts.at(-1);
    if (attempt === undefined) return;
    attempt.finished_at = at;
    attempt.duration_ms = durationMs;
    attempt.outcome = outcome;
    attempt.error = error;
    attempt.executor_summary = executor;
  }

  #foldGate(status: GateView["status"], data: EventData["GATE_PASSED"]): void {
    this.#gates.push({
      gate_id: data.gate_id,
      step_id: data.step_id ?? null,
      attempt: data.attempt,
      status,
      required: data.required,
      reason: data.reason,
      metrics: data.metrics ?? null,
      result_artifact_id: data.result_artifact_id,
      log_artifact_ids: data.log_artifact_ids,
      ...(data.dry_run === true ? { dry_run: true } : {}),
      ...(data.step_id !== undefined && this.#step(data.step_id).isReplaced ? { replaced: true } : {}),
    });
    if (data.step_id === undefined || data.dry_run === true) return;
    const step = this.#step(data.step_id);
    step.gateResults.push(data.result_artifact_id);
    if (!data.required || status === "passed") return;
    step.status = "failed";
    step.isRejected = true;
  }

  /** A step that a route resets is pending again; its earlier attempts stay in the list. */
  #foldRoute(data: EventData["ROUTE_TAKEN"]): void {
    const { route_id, action, step_id, gate_id, target, reason } = data;
    this.#routes.push({ route_id, action, step_id: step_id ?? null, gate_id: gate_id ?? null, target: target ?? null, reason });
    if (action === "goto" && target !== undefined) this.#reset(target);
    if (action === "retry" && step_id !== undefined) this.#step(step_id).status = "pending";
  }

  #replace(data: EventData["ARTIFACT_REPLACED"]): void {
    const { step_id, name, original_artifact_id, replacement_artifact_id } = data;
    this.#status = "running";
    if (step_id === undefined) {
      this.#inputs = { ...this.#inputs, [name]: replacement_artifact_id };
      for (const id of this.#inputUsers.get(name) ?? []) this.#reset(id);
      return;
    }
    const step = this.#step(step_id);
    step.produced = step.produced.map((id) => (id === original_artifact_id ? replacement_artifact_id : id));
    step.isRejected = false;
    step.isReplaced = true;
    if (step.status === "failed") step.status = "succeeded";
    for (const id of this.#dependents.get(step_id) ?? []) this.#reset(id);
  }

  #reset(target: string): void {
    const open = [target];
    const seen = new Set<string>();
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (seen.has(id)) continue;
      seen.add(id);
      const step = this.#step(id);
      step.status = "pending";
      step.produced = [];
      step.reusedFrom = undefined;
      open.push(...(this.#dependents.get(id) ?? []));
    }
  }

  #hashes(ids: readonly string[]): Readonly<Record<string, Digest>> {
    return Object.fromEntries(
      ids.flatMap((id) => {
        const digest = this.#digests.get(id);
        return digest === undefined ? [] : [[id, digest]];
      }),
    );
  }

  #step(id: string): StepDraft {
    const known = this.#steps.get(id);
    if (known !== undefined) return known;
    const made: StepDraft = {
      id,
      status: "pending",
      attempts: [],
      produced: [],
      gateResults: [],
      violations: [],
      why: null,
      isRejected: false,
      reusedFrom: undefined,
      isReplaced: false,
    };
    this.#steps.set(id, made);
    return made;
  }
}
