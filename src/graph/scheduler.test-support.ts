import { taggedDigest } from "../base/digest.ts";
import { timeText } from "../base/time-text.ts";
import { artifactIdSchema } from "../contracts/artifact-ref.ts";
import type { EventBody, FoldedEvent } from "../contracts/event.ts";
import type { PlanDocument, PlanGate, PlanRoute, PlanRouteCondition, PlanStep } from "../contracts/plan-document.ts";
import { applyEvent } from "./apply-event.ts";
import { type Command, type Decision, decide } from "./decide.ts";
import { createRunState, type RunState } from "./run-state.ts";

export const someArtifact = artifactIdSchema.parse(`art_${"0".repeat(32)}`);
export const startMs = Date.UTC(2026, 0, 1);

export function gate(id: string, required = true): PlanGate {
  return { id, required, timeout_ms: 1_000, check: { kind: "command", argv: ["true"], env: {}, env_from: [], secrets: [] } };
}

export function step(id: string, needs: readonly string[] = [], more: Partial<PlanStep> = {}): PlanStep {
  return {
    id,
    title: null,
    needs,
    executor: { kind: "process", argv: ["true"] },
    with: {},
    outputs: {},
    workdir: "source",
    timeout_ms: null,
    retry: { max: 0, backoff_ms: 0, factor: 2, max_backoff_ms: 1_000 },
    pure: false,
    effects: [],
    gates: [],
    log_bytes_max: 1_000,
    env: {},
    env_from: [],
    secrets: [],
    ...more,
  };
}

export function route(id: string, when: Partial<PlanRouteCondition>, action: PlanRoute["do"]): PlanRoute {
  return { id, when: { step: null, gate: null, status: null, violation: null, ...when }, do: action };
}

export function planOf(
  steps: readonly PlanStep[],
  more: { readonly gates?: readonly PlanGate[]; readonly routes?: readonly PlanRoute[]; readonly attemptsMax?: number } = {},
): PlanDocument {
  return {
    v: 1,
    workflow: "w",
    title: null,
    params: {},
    inputs: {},
    policy: { tools: null, write: null, network: "allow", sandbox: "off", attempts_max: more.attemptsMax ?? 10 },
    policy_digest: taggedDigest("policy", "p"),
    steps,
    gates: more.gates ?? [],
    routes: more.routes ?? [],
    code: [],
    modules: [],
    schemas: [],
  };
}

/** A run whose outcomes the test tells; decisions that only record are applied at once. */
export class ToldRun {
  readonly state: RunState;
  nowMs = startMs;

  constructor(plan: PlanDocument, options: { readonly parallel?: number; readonly started?: boolean } = {}) {
    this.state = createRunState(plan, "run-a");
    if (options.started === false) return;
    this.apply({ kind: "RUN_CREATED", key: "RUN_CREATED", data: { workspace_id: "ws", format: 1, kernel_version: "0", kind: "workflow" } });
    this.apply({
      kind: "PLAN_COMMITTED",
      key: "PLAN_COMMITTED",
      data: { plan_hash: taggedDigest("plan", "p"), artifact_id: someArtifact, workflow: "w", source_dir: "s" },
    });
    this.apply({ kind: "RUN_STARTED", key: "RUN_STARTED", data: { inputs: {}, parallel: options.parallel ?? 4 } });
  }

  apply(body: EventBody): void {
    const event: FoldedEvent = { ...body, at: timeText(this.nowMs) };
    applyEvent(this.state, event);
  }

  /** Decides, applies what only records and starts, and returns what is left to perform: `gate g`, `interrupt s goto`, `seal`. */
  settle(): { readonly started: readonly string[]; readonly left: readonly string[]; readonly recorded: readonly string[]; readonly wakeAtMs: number | null } {
    const started: string[] = [];
    const recorded: string[] = [];
    for (;;) {
      const decision: Decision = decide(this.state, this.nowMs);
      const left = decision.commands.map(nameOf);
      const [command] = decision.commands.filter((each) => each.kind === "record" || each.kind === "start");
      if (command === undefined) return { started, left, recorded, wakeAtMs: decision.wakeAtMs };
      if (command.kind === "start") started.push(this.start(command.step.plan.id));
      else if (command.kind === "record") {
        this.apply(command.body);
        recorded.push(command.body.kind);
      }
    }
  }

  start(id: string, attempt = (this.state.byId.get(id)?.attempt ?? 0) + 1): string {
    this.apply({ kind: "STEP_STARTED", key: `STEP_STARTED/${id}/${attempt}`, data: { step_id: id, attempt, cause: "ready", inputs: [] } });
    return `${id}/${attempt}`;
  }

  complete(id: string): void {
    const attempt = this.state.byId.get(id)?.attempt ?? 0;
    this.apply({
      kind: "STEP_COMPLETED",
      key: `STEP_COMPLETED/${id}/${attempt}`,
      data: { step_id: id, attempt, outputs: {}, artifacts: [], logs: [], duration_ms: 1, executor: { kind: "process" } },
    });
  }

  fail(id: string, outcome: "failed" | "timeout" = "failed"): void {
    const attempt = this.state.byId.get(id)?.attempt ?? 0;
    this.apply({
      kind: "STEP_FAILED",
      key: `STEP_FAILED/${id}/${attempt}`,
      data: { step_id: id, attempt, outcome, code: "STEP_FAILED", reason: `it ${outcome}`, logs: [], duration_ms: 1 },
    });
  }

  interrupt(id: string, reason: "crash" | "cancel" | "goto" | "abort" | "abandoned" | "shutdown"): void {
    const attempt = this.state.byId.get(id)?.attempt ?? 0;
    this.apply({ kind: "STEP_INTERRUPTED", key: `STEP_INTERRUPTED/${id}/${attempt}`, data: { step_id: id, attempt, reason } });
  }

  /** Verdict of the gate of a step's newest attempt, or of the run's newest round. */
  judge(
    kind: "GATE_PASSED" | "GATE_FAILED" | "GATE_ERROR",
    gateId: string,
    stepId: string | null = null,
    more: { readonly required?: boolean; readonly dry_run?: boolean } = {},
  ): void {
    const attempt = stepId === null ? this.state.runGateRound : (this.state.byId.get(stepId)?.attempt ?? 0);
    this.apply({
      kind,
      key: `${kind}/${gateId}/${stepId ?? "run"}/${attempt}/${this.state.events}`,
      data: {
        gate_id: gateId,
        ...(stepId === null ? {} : { step_id: stepId }),
        attempt,
        required: true,
        reason: null,
        result_artifact_id: someArtifact,
        log_artifact_ids: [],
        duration_ms: 1,
        ...more,
      },
    });
  }

  phases(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.state.steps.map((each) => [each.plan.id, each.phase]));
  }
}

function nameOf(command: Command): string {
  switch (command.kind) {
    case "record":
      return command.body.kind;
    case "start":
      return `start ${command.step.plan.id}`;
    case "gate":
      return `gate ${command.gate.id}`;
    case "interrupt":
      return `interrupt ${command.step.plan.id} ${command.reason}`;
    case "seal":
      return "seal";
  }
}
