/**
 * The fold: `applyEvent(state, event)` is the transition function of a run, used by the writer before it appends and by every reader.
 * A transition that the state does not allow is LEDGER_TRANSITION_ILLEGAL, on reading as on writing (L4). Costs what changed.
 */
import { unreachable } from "../base/assert.ts";
import { timeMs } from "../base/time-text.ts";
import type { FoldedEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import { isRested, replaceArtifact, rerunSteps } from "./apply-person.ts";
import { noteReplacement, noteRerun } from "./note-request.ts";
import { resetFrom, restartRunGates, tolerate } from "./reset-steps.ts";
import { backoffMs } from "./retry-backoff.ts";
import { countedAttempts, type Failure, type RunPhase, type RunState, type StepState } from "./run-state.ts";
import { movePhase, wakeIfMet } from "./step-phase.ts";
import { illegal, requirePhase, requireStep } from "./transition-guards.ts";

/** Changes `state` in place; the caller owns it. Throws LEDGER_TRANSITION_ILLEGAL and leaves the state unusable then. */
export function applyEvent(state: RunState, event: FoldedEvent): void {
  requireOpen(state, event);
  applyKind(state, event);
  state.events++;
}

/** After the seal only what reopens the run, or is a fact about it, may follow. */
function requireOpen(state: RunState, event: FoldedEvent): void {
  if (!state.sealed) return;
  const kinds: readonly string[] = ["RUN_REOPENED", "RUN_UNBLOCKED", "RECORD_RECOVERED", "LEADER_TAKEN", "RUN_SEALED"];
  const dryRun = (event.kind === "GATE_PASSED" || event.kind === "GATE_FAILED" || event.kind === "GATE_ERROR") && event.data.dry_run === true;
  const canceled = event.kind === "CANCEL_REQUESTED" && state.phase === "blocked";
  const fact = canceled || event.kind === "ARTIFACT_STORED" || dryRun || kinds.includes(event.kind);
  if (!fact) throw illegal(event, "the run is sealed");
}

function applyKind(state: RunState, event: FoldedEvent): void {
  switch (event.kind) {
    case "RUN_CREATED":
      if (state.events !== 0) throw illegal(event, "a record is created once");
      return;
    case "PLAN_COMMITTED":
      if (state.planHash !== null) throw illegal(event, "the plan is committed already");
      state.planHash = event.data.plan_hash;
      return;
    case "RUN_STARTED":
      return startRun(state, event, event.data);
    case "STEP_STARTED":
      return startStep(state, event, event.data);
    case "STEP_COMPLETED":
      return completeStep(state, event, event.data);
    case "STEP_FAILED":
      return failStep(state, event, event.data);
    case "STEP_INTERRUPTED":
      return interruptStep(state, event, event.data);
    case "STEP_SKIPPED":
      return skipStep(state, event, event.data.step_id);
    case "STEP_REUSED":
      return reuseStep(state, event, event.data);
    case "SIDE_EFFECT_OBSERVED":
      if (requireStep(state, event, event.data.step_id).attempt < event.data.attempt) throw illegal(event, "there was no such attempt");
      state.counts.effects++;
      return;
    case "RERUN_REQUESTED":
      rerunSteps(state, event, event.data.step_ids);
      return noteRerun(state, event.data);
    case "ARTIFACT_REPLACED":
      replaceArtifact(state, event, event.data);
      return noteReplacement(state, event.data);
    case "RUN_FORKED":
      return forkRun(state, event, event.data.step_ids);
    case "SECURITY_ESCALATED":
      requirePhase(state, event, "created", "running");
      state.ending = { outcome: "incomplete", reason: event.data.reason, stepId: null, gateId: null, interrupts: "security" };
      return;
    case "SECURITY_SNAPSHOT":
      return;
    case "POLICY_VIOLATION":
      requireAttempt(state, event, event.data).violated = true;
      state.counts.violations++;
      return;
    case "GATE_PASSED":
    case "GATE_FAILED":
    case "GATE_ERROR":
      return judgeGate(state, event, event.kind, event.data);
    case "ROUTE_TAKEN":
      return takeRoute(state, event, event.data);
    case "CANCEL_REQUESTED":
      requirePhase(state, event, "created", "running", "blocked");
      state.phase = "running";
      state.sealed = false;
      state.ending = { outcome: "canceled", reason: event.data.reason, stepId: null, gateId: null, interrupts: "cancel" };
      return;
    case "RUN_SUCCEEDED":
    case "RUN_FAILED":
    case "RUN_BLOCKED":
    case "RUN_CANCELED":
    case "RUN_INCOMPLETE":
      return endRun(state, event, event.kind);
    case "RUN_UNBLOCKED":
      return unblockRun(state, event);
    case "RUN_SEALED":
      if (state.phase === "created" || state.phase === "running") throw illegal(event, `a run that is ${state.phase} is not sealed`);
      state.sealed = true;
      return;
    case "RUN_REOPENED":
      if (!isRested(state.phase)) throw illegal(event, `a run that is ${state.phase} is not reopened`);
      state.escalated = false;
      state.sealed = false;
      return;
    case "ARTIFACT_STORED":
      state.artifacts.set(event.data.artifact.artifact_id, { ref: event.data.artifact, inline: event.data.inline ?? null });
      state.counts.artifacts++;
      return;
    case "RUN_RESUMED":
      requirePhase(state, event, "created", "running");
      return;
    case "LEADER_TAKEN":
    case "ENVIRONMENT_CAPTURED":
    case "RECORD_RECOVERED":
      return;
    case "WORKSPACE_CREATED":
    case "CHECKPOINT_CUT":
    case "SECURITY_STATE_CHANGED":
    case "AUTH_DENIED":
      throw illegal(event, "it belongs to the workspace stream");
    default:
      return unreachable(event);
  }
}

function startRun(state: RunState, event: FoldedEvent, data: EventData["RUN_STARTED"]): void {
  requirePhase(state, event, "created");
  if (state.planHash === null) throw illegal(event, "no plan is committed");
  state.phase = "running";
  state.parallel = data.parallel;
  state.reuse = data.reuse ?? true;
  for (const [name, id] of Object.entries(data.inputs)) state.inputs.set(name, id);
  for (const step of state.steps) wakeIfMet(state, step);
}

/** What a person forks from is really done again, whatever could stand in for it. */
function forkRun(state: RunState, event: FoldedEvent, stepIds: readonly string[]): void {
  requirePhase(state, event, "created");
  for (const id of stepIds) {
    const step = state.byId.get(id);
    if (step !== undefined) step.cause = "rerun";
  }
}

function startStep(state: RunState, event: FoldedEvent, data: EventData["STEP_STARTED"]): void {
  requirePhase(state, event, "running");
  if (state.ending !== null) throw illegal(event, "the run is ending");
  const step = requireStep(state, event, data.step_id);
  if (step.phase !== "ready" && step.phase !== "backoff") throw illegal(event, `the step is ${step.phase}`);
  if (step.unmet !== 0) throw illegal(event, "E1: a dependency has not succeeded");
  if (data.attempt !== step.attempt + 1) throw illegal(event, `attempt ${step.attempt + 1} is next`);
  if (countedAttempts(step) >= state.plan.policy.attempts_max) throw illegal(event, "E3: the attempts of the step are used up");
  step.attempt = data.attempt;
  step.gateIndex = 0;
  step.badGates = [];
  step.failure = null;
  step.violated = false;
  step.askedWhy = null;
  step.replacements = 0;
  state.counts.attempts++;
  movePhase(state, step, "running");
}

function completeStep(state: RunState, event: FoldedEvent, data: EventData["STEP_COMPLETED"]): void {
  const step = requireAttempt(state, event, data);
  step.outputs = outputsOf(data);
  if (step.plan.gates.length === 0) movePhase(state, step, "succeeded");
  else movePhase(state, step, "gating");
}

/** Earlier results stand in for an attempt: no attempt, no gates, because they passed then. */
function reuseStep(state: RunState, event: FoldedEvent, data: EventData["STEP_REUSED"]): void {
  requirePhase(state, event, "running");
  if (state.ending !== null) throw illegal(event, "the run is ending");
  const step = requireStep(state, event, data.step_id);
  if (step.phase !== "ready") throw illegal(event, `the step is ${step.phase}`);
  if (step.unmet !== 0) throw illegal(event, "E1: a dependency has not succeeded");
  if (data.attempt !== step.attempt) throw illegal(event, `${step.attempt} is the last attempt`);
  step.outputs = outputsOf(data);
  step.failure = null;
  step.reuses++;
  state.counts.reuses++;
  movePhase(state, step, "succeeded");
}

/** `artifacts` lists ids in the order of output names, files of a glob in path order. */
function outputsOf(data: Pick<EventData["STEP_COMPLETED"], "outputs" | "artifacts">): ReadonlyMap<string, readonly ArtifactId[]> {
  const outputs = new Map<string, readonly ArtifactId[]>();
  let from = 0;
  for (const name of Object.keys(data.outputs).sort()) {
    const value = data.outputs[name];
    const length = Array.isArray(value) ? value.length : 1;
    outputs.set(name, data.artifacts.slice(from, from + length));
    from += length;
  }
  return outputs;
}

function failStep(state: RunState, event: FoldedEvent, data: EventData["STEP_FAILED"]): void {
  const step = requireAttempt(state, event, data);
  const reason = `step ${step.plan.id}, attempt ${step.attempt}: ${data.reason}`;
  settleFailure(state, event, step, { kind: step.violated ? "violation" : "step", status: data.outcome, spent: false, gates: [], reason });
}

/** A failed attempt is retried while `retry.max` and `attempts_max` allow it; a violation never is; else it is decided by the routes. */
function settleFailure(state: RunState, event: FoldedEvent, step: StepState, failure: Failure): void {
  step.failure = failure;
  if (state.ending !== null && state.ending.interrupts !== null) return movePhase(state, step, "failed");
  step.failures++;
  const { retry } = step.plan;
  const { attempts_max: attemptsMax, retry_max: retryMax } = state.plan.policy;
  const isSpent = countedAttempts(step) >= attemptsMax || (retryMax !== undefined && countedAttempts(step) > retryMax);
  const retries = failure.kind === "step" && step.failures <= retry.max && !isSpent;
  if (!retries) {
    step.failure = { ...failure, spent: failure.kind === "step" };
    return movePhase(state, step, "deciding");
  }
  step.cause = "retry";
  step.routeId = null;
  step.readyAtMs = timeMs(event.at) + backoffMs(retry, step.failures, `${state.runId}/${step.plan.id}/${step.attempt}`);
  movePhase(state, step, "backoff");
}

function interruptStep(state: RunState, event: FoldedEvent, data: EventData["STEP_INTERRUPTED"]): void {
  const step = requireStep(state, event, data.step_id);
  if ((step.phase !== "running" && step.phase !== "gating") || step.attempt !== data.attempt) throw illegal(event, "the attempt is not in flight");
  const failure: Failure = {
    kind: "step",
    status: "interrupted",
    spent: countedAttempts(step) >= state.plan.policy.attempts_max,
    gates: [],
    reason: `step ${step.plan.id}, attempt ${step.attempt} was interrupted (${data.reason})`,
  };
  switch (data.reason) {
    case "crash":
    case "shutdown":
      return interruptedByCrash(state, step, failure);
    case "abandoned":
      return settleFailure(state, event, step, failure);
    case "goto":
      // Mostly reset at once by the goto; when a decision before it uses that route up, the step must still be able to go on.
      return interruptedByCrash(state, step, failure);
    case "cancel":
    case "abort":
    case "security":
      step.failure = failure;
      return movePhase(state, step, "failed");
  }
}

/** E7: neither done nor not done. Whoever resumes asks for another attempt; only `attempts_max` bounds that. */
function interruptedByCrash(state: RunState, step: StepState, failure: Failure): void {
  step.failure = failure;
  if (countedAttempts(step) >= state.plan.policy.attempts_max) return movePhase(state, step, "deciding");
  step.cause = "resume";
  step.routeId = null;
  movePhase(state, step, "ready");
}

function skipStep(state: RunState, event: FoldedEvent, stepId: string): void {
  const step = requireStep(state, event, stepId);
  if (!state.toSkip.remove(step.index)) throw illegal(event, "nothing that the step needs has failed");
  movePhase(state, step, "skipped");
}

type GateKind = "GATE_PASSED" | "GATE_FAILED" | "GATE_ERROR";

function judgeGate(state: RunState, event: FoldedEvent, kind: GateKind, data: EventData[GateKind]): void {
  if (data.dry_run === true) return;
  state.counts.gates++;
  if (data.step_id === undefined) return judgeRunGate(state, event, kind, data);
  const step = requireStep(state, event, data.step_id);
  const gate = step.plan.gates[step.gateIndex];
  if (step.phase !== "gating" || gate?.id !== data.gate_id || step.attempt !== data.attempt) throw illegal(event, "the gate is not due");
  if (kind !== "GATE_PASSED" && gate.required) step.badGates.push({ id: gate.id, status: kind === "GATE_ERROR" ? "error" : "failed" });
  step.gateIndex++;
  if (step.gateIndex < step.plan.gates.length) return;
  if (step.badGates.length === 0) return movePhase(state, step, "succeeded");
  step.failure = gateFailure(step.badGates, `step ${step.plan.id}, attempt ${step.attempt}`);
  movePhase(state, step, "deciding");
}

function judgeRunGate(state: RunState, event: FoldedEvent, kind: GateKind, data: EventData[GateKind]): void {
  requirePhase(state, event, "running");
  const gate = state.plan.gates[state.runGateIndex];
  if (gate?.id !== data.gate_id || data.attempt !== state.runGateRound || !stepsAllSucceeded(state)) throw illegal(event, "the gate is not due");
  if (kind !== "GATE_PASSED" && gate.required) state.badRunGates.push({ id: gate.id, status: kind === "GATE_ERROR" ? "error" : "failed" });
  state.runGateIndex++;
  if (state.runGateIndex === state.plan.gates.length && state.badRunGates.length > 0) state.runFailure = gateFailure(state.badRunGates, "the run");
}

function gateFailure(gates: Failure["gates"], where: string): Failure {
  const names = gates.map((gate) => `${gate.id} (${gate.status})`).join(", ");
  return { kind: "gate", status: gates[0]?.status ?? "failed", spent: false, gates, reason: `${where}: required gate ${names} did not pass` };
}

function takeRoute(state: RunState, event: FoldedEvent, data: EventData["ROUTE_TAKEN"]): void {
  requirePhase(state, event, "running");
  const step = data.step_id === undefined ? null : requireStep(state, event, data.step_id);
  if (step === null ? state.runFailure === null : step.phase !== "deciding") throw illegal(event, "no failure waits for a decision");
  if (data.route_id !== null) state.routeCounts.set(data.route_id, (state.routeCounts.get(data.route_id) ?? 0) + 1);
  state.counts.routes++;
  switch (data.action) {
    case "retry":
      return step === null ? restartRunGates(state) : retryByRoute(state, step, data.route_id);
    case "goto":
      return gotoByRoute(state, event, step, data);
    case "continue":
      return step === null ? endAs(state, data, "failed", "abort") : tolerate(state, step);
    case "escalate":
      return endAs(state, data, "blocked", null);
    case "abort":
      if (step !== null) movePhase(state, step, "failed");
      return endAs(state, data, "failed", "abort");
  }
}

function endAs(state: RunState, data: EventData["ROUTE_TAKEN"], outcome: "failed" | "blocked", interrupts: "abort" | null): void {
  state.ending = { outcome, reason: data.reason, stepId: data.step_id ?? null, gateId: data.gate_id ?? null, interrupts };
}

function retryByRoute(state: RunState, step: StepState, routeId: string | null): void {
  step.cause = "route";
  step.routeId = routeId;
  step.failures = 0;
  movePhase(state, step, "ready");
}

function gotoByRoute(state: RunState, event: FoldedEvent, step: StepState | null, data: EventData["ROUTE_TAKEN"]): void {
  const target = requireStep(state, event, data.target ?? "");
  const reset = resetFrom(state, target);
  if (reset === null) throw illegal(event, "a step that would be reset is still in flight");
  target.cause = "route";
  target.routeId = data.route_id;
  if (step !== null && step.phase === "deciding") tolerate(state, step);
}

function endRun(state: RunState, event: FoldedEvent, kind: "RUN_SUCCEEDED" | "RUN_FAILED" | "RUN_BLOCKED" | "RUN_CANCELED" | "RUN_INCOMPLETE"): void {
  requirePhase(state, event, "created", "running");
  if ((kind === "RUN_INCOMPLETE") !== (state.ending?.outcome === "incomplete"))
    throw illegal(event, "S1: an escalation, and nothing else, leaves a run incomplete");
  if (state.running.size + state.gating.size > 0) throw illegal(event, "steps are in flight");
  if (kind === "RUN_SUCCEEDED" && !(stepsAllSucceeded(state) && state.runGateIndex === state.plan.gates.length && state.runFailure === null)) {
    throw illegal(event, "E4: not every step succeeded and every required gate passed");
  }
  const phases: Record<typeof kind, RunPhase> = {
    RUN_SUCCEEDED: "succeeded",
    RUN_FAILED: "failed",
    RUN_BLOCKED: "blocked",
    RUN_CANCELED: "canceled",
    RUN_INCOMPLETE: "incomplete",
  };
  state.phase = phases[kind];
  if (kind === "RUN_BLOCKED") state.escalated = true;
}

/** A person lets a blocked run go on: the escalated step gets a fresh allowance, the number of attempts stays. */
function unblockRun(state: RunState, event: FoldedEvent): void {
  requirePhase(state, event, "blocked");
  const step = state.ending?.stepId === null || state.ending === null ? undefined : state.byId.get(state.ending.stepId);
  state.phase = "running";
  state.sealed = false;
  state.escalated = false;
  state.ending = null;
  if (step !== undefined && step.phase === "deciding") {
    step.forgiven = step.attempt;
    step.failures = 0;
    step.cause = "rerun";
    step.routeId = null;
    movePhase(state, step, "ready");
  }
  if (state.runFailure !== null) restartRunGates(state);
}

/** True when every step of the plan succeeded. */
export function stepsAllSucceeded(state: RunState): boolean {
  return state.succeededCount === state.steps.length;
}

function requireAttempt(state: RunState, event: FoldedEvent, data: { readonly step_id: string; readonly attempt: number }): StepState {
  const step = requireStep(state, event, data.step_id);
  if (step.phase !== "running" || step.attempt !== data.attempt) throw illegal(event, `attempt ${data.attempt} of step ${data.step_id} is not running`);
  return step;
}
