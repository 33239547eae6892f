/**
 * The scheduler under virtual time: a seed chooses the plan, how each attempt and gate ends and when, cancels, crashes and resumes. What
 * the run shell does with real effects happens here with none, so that a run costs a fraction of a millisecond.
 */
import { type Digest, taggedDigest } from "../../src/base/digest.ts";
import { isLilyError } from "../../src/base/lily-error.ts";
import { timeText } from "../../src/base/time-text.ts";
import type { EventBody, EventBodyOf, FoldedEvent } from "../../src/contracts/event.ts";
import { type ArtifactId, parseRunId } from "../../src/contracts/ids.ts";
import type { PlanDocument, PlanGate } from "../../src/contracts/plan-document.ts";
import { applyEvent } from "../../src/graph/apply-event.ts";
import { isReplaceable, isRested } from "../../src/graph/apply-person.ts";
import { type Command, decide } from "../../src/graph/decide.ts";
import { createRunState, type RunState, type StepState } from "../../src/graph/run-state.ts";
import { resumeBodies } from "../../src/runtime/resume-run.ts";
import type { Random } from "./random.ts";
import { RunWatcher } from "./run-watcher.ts";
import { hostileBody } from "./hostile-body.ts";
import { artifactId, simulatedArtifact } from "./simulated-artifact.ts";
import { stateText } from "./state-text.ts";

export interface SimulationOptions {
  readonly plan: PlanDocument;
  readonly random: Random;
  /** Share of turns in which the process dies. */
  readonly crashShare?: number;
  /** Share of turns in which something that may be illegal is offered. */
  readonly hostileShare?: number;
}

export interface Simulation {
  readonly events: readonly FoldedEvent[];
  readonly state: RunState;
  readonly crashes: number;
  readonly refused: number;
  /** Reruns, replacements and dry runs that a person asked for. */
  readonly requests: number;
  readonly reuses: number;
}

interface Effect {
  readonly step: StepState | null;
  readonly attempt: number;
  readonly dueMs: number;
  readonly bodies: readonly EventBody[];
  interrupted: "cancel" | "abort" | "goto" | "security" | null;
}

const eventsMax = 4_000;
const turnsMax = 20_000;
const requestsMax = 4;

/** Throws an Error that starts with the invariant that was broken. */
export function simulate(options: SimulationOptions): Simulation {
  return new SimulatedRun(options).drive();
}

class SimulatedRun {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #events: FoldedEvent[] = [];
  readonly #effects = new Map<string, Effect>();
  readonly #watcher: RunWatcher;
  #state: RunState;
  #nowMs = Date.UTC(2026, 0, 1);
  #inbox: EventBody[] = [];
  #crashes = 0;
  #refused = 0;
  #unblocks = 0;
  #requests = 0;
  #reuses = 0;
  #artifacts = 0;
  #token = 1;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#state = createRunState(options.plan, "simulated");
    this.#watcher = new RunWatcher(options.plan, { limited: true });
  }

  drive(): Simulation {
    this.#begin();
    for (let turn = 0; ; turn++) {
      if (turn > turnsMax || this.#events.length > eventsMax) throw new Error(`E3: the run does not come to rest within ${this.#events.length} events`);
      this.#offerHostile();
      const wakeAtMs = this.#decideAll();
      if (this.#state.sealed && this.#effects.size === 0) {
        if (!this.#unblock() && !this.#askAgain()) break;
        continue;
      }
      if (this.#random.chance(this.#options.crashShare ?? 0)) this.#crash();
      else if (this.#random.chance(0.004)) this.#cancel();
      else if (this.#random.chance(0.002)) this.#escalate();
      else this.#wait(wakeAtMs);
    }
    this.#compareWithFold();
    return { events: this.#events, state: this.#state, crashes: this.#crashes, refused: this.#refused, requests: this.#requests, reuses: this.#reuses };
  }

  #begin(): void {
    const planHash = taggedDigest("plan", "simulated");
    this.#append({ kind: "RUN_CREATED", key: "RUN_CREATED", data: { workspace_id: "ws", format: 1, kernel_version: "0", kind: "workflow" } });
    this.#append({
      kind: "PLAN_COMMITTED",
      key: "PLAN_COMMITTED",
      data: { plan_hash: planHash, artifact_id: artifactId, workflow: "simulated", source_dir: "src" },
    });
    this.#append({ kind: "RUN_STARTED", key: "RUN_STARTED", data: { inputs: {}, parallel: 1 + this.#random.below(4) } });
  }

  #append(body: EventBody): void {
    const event: FoldedEvent = { ...body, at: timeText(this.#nowMs) };
    applyEvent(this.#state, event);
    this.#watcher.see(event);
    this.#events.push(event);
  }

  #decideAll(): number | null {
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const body of inbox) this.#append(body);
    for (let rounds = 0; rounds < eventsMax; rounds++) {
      const before = stateText(this.#state);
      const decision = decide(this.#state, this.#nowMs);
      if (stateText(this.#state) !== before) throw new Error("L6: decide changed the state");
      let changed = false;
      for (const command of decision.commands) changed = this.#take(command) || changed;
      if (!changed) return decision.wakeAtMs;
    }
    throw new Error("E3: decisions do not come to an end");
  }

  #take(command: Command): boolean {
    switch (command.kind) {
      case "record":
        this.#append(command.body);
        return true;
      case "start":
        this.#start(command.step, command.attempt);
        return true;
      case "gate":
        this.#startGate(command.gate, command.step, command.attempt);
        return false;
      case "interrupt":
        this.#interrupt(command.step, command.reason);
        return false;
      case "seal":
        this.#seal();
        return true;
    }
  }

  #start(step: StepState, attempt: number): void {
    const id = step.plan.id;
    // What a person asked for is really done again.
    if (step.phase === "ready" && step.plan.pure && step.cause !== "rerun" && this.#random.chance(0.3)) return this.#reuse(step);
    const data = { step_id: id, attempt, cause: step.cause, ...(step.routeId === null ? {} : { route_id: step.routeId }), inputs: [] };
    this.#append({ kind: "STEP_STARTED", key: `STEP_STARTED/${id}/${attempt}`, data });
    this.#addEffect(`${id}/${attempt}`, step, attempt, this.#attemptEnd(id, attempt));
  }

  #reuse(step: StepState): void {
    this.#reuses++;
    const { stored, outputs, artifacts } = this.#output();
    this.#append(stored);
    const from = { run_id: parseRunId("earlier"), step_id: step.plan.id, attempt: 1, event: taggedDigest("event", "earlier") };
    const data = { step_id: step.plan.id, attempt: step.attempt, cause: "pure" as const, from, outputs, artifacts, why_artifact_id: artifactId };
    this.#append({ kind: "STEP_REUSED", key: `STEP_REUSED/${step.plan.id}/${this.#events.length}`, data });
  }

  /** A new artifact, as an output of a step. */
  #output(): { readonly stored: EventBodyOf<"ARTIFACT_STORED">; readonly outputs: Record<string, Digest>; readonly artifacts: ArtifactId[] } {
    const artifact = simulatedArtifact(++this.#artifacts);
    const id = artifact.artifact_id;
    return { stored: { kind: "ARTIFACT_STORED", key: `ARTIFACT_STORED/${id}`, data: { artifact } }, outputs: { o: artifact.digest }, artifacts: [id] };
  }

  #startGate(gate: PlanGate, step: StepState | null, attempt: number): void {
    const key = `gate ${gate.id}/${attempt}`;
    if (this.#effects.has(key)) return;
    const kind = this.#random.chance(0.7) ? "GATE_PASSED" : this.#random.pick(["GATE_FAILED", "GATE_ERROR"] as const);
    const data = {
      gate_id: gate.id,
      ...(step === null ? {} : { step_id: step.plan.id }),
      attempt,
      required: gate.required,
      reason: null,
      result_artifact_id: artifactId,
      log_artifact_ids: [],
      duration_ms: 1,
    };
    const again = step === null || step.replacements === 0 ? "" : `-r${step.replacements}`;
    this.#addEffect(key, step, attempt, [{ kind, key: `${kind}/${gate.id}/${step === null ? "run" : step.plan.id}/${attempt}${again}`, data }]);
  }

  #attemptEnd(id: string, attempt: number): readonly EventBody[] {
    const shared = { step_id: id, attempt, logs: [], duration_ms: 1 };
    if (this.#random.chance(0.6)) {
      const { stored, outputs, artifacts } = this.#output();
      const data = { ...shared, outputs, artifacts, executor: { kind: "process" as const } };
      return [stored, { kind: "STEP_COMPLETED", key: `STEP_COMPLETED/${id}/${attempt}`, data }];
    }
    if (this.#random.chance(0.1)) {
      return [{ kind: "STEP_INTERRUPTED", key: `STEP_INTERRUPTED/${id}/${attempt}`, data: { step_id: id, attempt, reason: "abandoned" } }];
    }
    const outcome = this.#random.pick(["failed", "failed", "timeout"] as const);
    const failed: EventBody = { kind: "STEP_FAILED", key: `STEP_FAILED/${id}/${attempt}`, data: { ...shared, outcome, code: "STEP_FAILED", reason: outcome } };
    if (this.#random.chance(0.85)) return [failed];
    const violation = { step_id: id, attempt, violation_type: "write_denied", details: "out", artifact_id: artifactId } as const;
    return [{ kind: "POLICY_VIOLATION", key: `POLICY_VIOLATION/${id}/${attempt}`, data: violation }, failed];
  }

  #addEffect(key: string, step: StepState | null, attempt: number, bodies: readonly EventBody[]): void {
    if (this.#effects.has(key)) throw new Error(`E2: ${key} is performed twice at once`);
    this.#effects.set(key, { step, attempt, dueMs: this.#nowMs + this.#random.below(300), bodies, interrupted: null });
  }

  #interrupt(step: StepState, reason: "cancel" | "abort" | "goto" | "security"): void {
    for (const effect of this.#effects.values()) {
      if (effect.step !== step) continue;
      effect.interrupted ??= reason;
      return;
    }
    this.#inbox.push({
      kind: "STEP_INTERRUPTED",
      key: `STEP_INTERRUPTED/${step.plan.id}/${step.attempt}`,
      data: { step_id: step.plan.id, attempt: step.attempt, reason },
    });
  }

  #seal(): void {
    const { phase } = this.#state;
    if (phase === "created" || phase === "running") throw new Error(`L4: a run that is ${phase} is sealed`);
    const data = { outcome: phase, events: this.#state.events, counts: { ...this.#state.counts } };
    this.#append({ kind: "RUN_SEALED", key: `RUN_SEALED/${this.#state.events}`, data });
  }

  /** Time goes on to whatever comes first. Without anything to come the run would hang. */
  #wait(wakeAtMs: number | null): void {
    const due = [...this.#effects].sort(([, one], [, other]) => one.dueMs - other.dueMs)[0];
    if (this.#inbox.length > 0) return;
    if (due === undefined && wakeAtMs === null) throw new Error(`E1: the run hangs: ${stateText(this.#state)}`);
    const next = Math.min(due?.[1].dueMs ?? Number.POSITIVE_INFINITY, wakeAtMs ?? Number.POSITIVE_INFINITY);
    this.#nowMs = Math.max(this.#nowMs, next);
    if (due !== undefined && due[1].dueMs <= this.#nowMs) this.#finish(due[0], due[1]);
  }

  #finish(key: string, effect: Effect): void {
    this.#effects.delete(key);
    const { interrupted, step, attempt } = effect;
    if (step === null && this.#state.ending !== null) return;
    if (interrupted === null) this.#inbox.push(...effect.bodies);
    else if (step !== null) {
      const data = { step_id: step.plan.id, attempt, reason: interrupted };
      this.#inbox.push({ kind: "STEP_INTERRUPTED", key: `STEP_INTERRUPTED/${step.plan.id}/${attempt}`, data });
    }
  }

  #cancel(): void {
    if (this.#state.phase !== "running" || this.#state.ending !== null) return;
    for (const [key, effect] of this.#effects) if (effect.step === null) this.#effects.delete(key);
    this.#inbox.push({ kind: "CANCEL_REQUESTED", key: `CANCEL_REQUESTED/${this.#state.events}`, data: { reason: "enough" } });
  }

  /** The process is gone with all it performed; the next one folds the record and resumes. */
  #crash(): void {
    this.#crashes++;
    this.#token++;
    this.#effects.clear();
    this.#inbox = [];
    this.#compareWithFold();
    if (this.#state.phase !== "running") return;
    for (const body of resumeBodies(this.#state, this.#token, { unblock: null })) this.#append(body);
  }

  #unblock(): boolean {
    if (this.#state.phase !== "blocked" || this.#unblocks >= 2 || !this.#random.chance(0.6)) return false;
    this.#unblocks++;
    this.#token++;
    for (const body of resumeBodies(this.#state, this.#token, { unblock: "go on" })) this.#append(body);
    return true;
  }

  /** The security state rose: what runs is ended, and the run is closed at once, for good. */
  #escalate(): void {
    if (this.#state.phase !== "running") return;
    this.#effects.clear();
    this.#inbox = [];
    const { events } = this.#state;
    this.#append({ kind: "SECURITY_ESCALATED", key: `SECURITY_ESCALATED/${events}`, data: { from: "OPERATIONAL", to: "LOCKDOWN", reason: "simulated" } });
    for (const index of [...this.#state.running, ...this.#state.gating].sort((a, b) => a - b)) {
      const step = this.#state.steps[index];
      if (step === undefined) continue;
      const data = { step_id: step.plan.id, attempt: step.attempt, reason: "security" as const };
      this.#append({ kind: "STEP_INTERRUPTED", key: `STEP_INTERRUPTED/${step.plan.id}/${step.attempt}`, data });
    }
    this.#append({ kind: "RUN_INCOMPLETE", key: `RUN_INCOMPLETE/${events}`, data: { reason: "simulated", code: "SECURITY_ESCALATED" } });
  }

  /** A person asks for steps again, replaces what a step put out, or has gates judged as a dry run. */
  #askAgain(): boolean {
    if (this.#requests >= requestsMax || !this.#random.chance(0.5)) return false;
    this.#requests++;
    this.#token++;
    if (this.#random.chance(0.25)) return this.#judgeDry();
    if (!isRested(this.#state.phase)) return false;
    const replaceable = this.#state.steps.filter((step) => isReplaceable(step) && step.outputs.size > 0);
    const body = replaceable.length > 0 && this.#random.chance(0.5) ? this.#replacement(this.#random.pick(replaceable)) : this.#rerun();
    this.#append({ kind: "RUN_REOPENED", key: `RUN_REOPENED/${this.#token}`, data: { reason: "again" } });
    this.#append(body);
    return true;
  }

  #rerun(): EventBody {
    const ids = [this.#random.pick(this.#state.steps).plan.id, ...(this.#random.chance(0.3) ? [this.#random.pick(this.#state.steps).plan.id] : [])];
    return { kind: "RERUN_REQUESTED", key: `RERUN_REQUESTED/${this.#token}`, data: { step_ids: ids, reason: "again" } };
  }

  #replacement(step: StepState): EventBody {
    const { stored, artifacts } = this.#output();
    this.#append(stored);
    const data = {
      original_artifact_id: step.outputs.get("o")?.[0] ?? artifactId,
      replacement_artifact_id: artifacts[0] ?? artifactId,
      artifact_id: artifactId,
      step_id: step.plan.id,
      name: "o",
      reason: "mended",
    };
    return { kind: "ARTIFACT_REPLACED", key: `ARTIFACT_REPLACED/${this.#token}`, data };
  }

  /** E5: the state before and after is the same, but for the count of events. */
  #judgeDry(): boolean {
    const { events: before, ...rest } = JSON.parse(stateText(this.#state));
    for (const step of this.#state.steps) {
      for (const gate of step.plan.gates) {
        const kind = this.#random.pick(["GATE_PASSED", "GATE_FAILED", "GATE_ERROR"] as const);
        const shared = { gate_id: gate.id, step_id: step.plan.id, attempt: step.attempt, required: gate.required, dry_run: true, reason: null };
        const data = { ...shared, result_artifact_id: artifactId, log_artifact_ids: [], duration_ms: 1 };
        this.#append({ kind, key: `${kind}/${gate.id}/${step.plan.id}/${step.attempt}-dry${this.#token}`, data });
      }
    }
    this.#seal();
    const { events: after, ...restAfter } = JSON.parse(stateText(this.#state));
    if (JSON.stringify(rest) !== JSON.stringify(restAfter) || !(after > before)) throw new Error("E5: a dry run changed the state");
    return true;
  }

  #fold(): RunState {
    const state = createRunState(this.#options.plan, "simulated");
    for (const event of this.#events) applyEvent(state, event);
    return state;
  }

  /** L6: what the record folds to is what the process had. It goes on with the folded one. */
  #compareWithFold(): void {
    const folded = this.#fold();
    if (stateText(folded) !== stateText(this.#state)) throw new Error(`L6: the record folds to another state\n${stateText(folded)}\n${stateText(this.#state)}`);
    this.#state = folded;
  }

  /** Whatever is offered is either refused by its code or keeps every invariant; nothing else may happen. */
  #offerHostile(): void {
    if (!this.#random.chance(this.#options.hostileShare ?? 0)) return;
    const body = hostileBody(this.#random, this.#state, this.#events.length);
    const event: FoldedEvent = { ...body, at: timeText(this.#nowMs) };
    const state = this.#fold();
    try {
      applyEvent(state, event);
    } catch (thrown) {
      if (!isLilyError(thrown, "LEDGER_TRANSITION_ILLEGAL")) throw thrown;
      this.#refused++;
      return;
    }
    const inFlight = this.#state.running.size + this.#state.gating.size;
    if ((body.kind === "RERUN_REQUESTED" || body.kind === "ARTIFACT_REPLACED") && inFlight > 0)
      throw new Error(`L4: ${body.kind} was accepted with steps in flight`);
    if (this.#state.phase === "incomplete" && body.kind !== "RUN_SEALED") throw new Error(`S1: ${body.kind} was accepted after the run was INCOMPLETE`);
    const watcher = new RunWatcher(this.#options.plan, { limited: false });
    for (const seen of this.#events) watcher.see(seen);
    if (body.kind === "STEP_STARTED" || body.kind === "RUN_SUCCEEDED") watcher.see(event);
  }
}
