/**
 * The local shell: drives one run in this process.
 *
 * Owns: the live state of the run, what is in flight, and the order "record, commit, then act".
 * States: driving -> resting (sealed) | escalated -> resting (incomplete) | stopped (lease lost or a write failed).
 * Invariants:
 *   E1 an effect starts only after the event that says so is durable.
 *   S1 the security state is read before each batch, and again between the event of a start and its effect; an escalation ends everything
 *   in flight and closes the run in one batch. Of what ended effects report only side effects are still recorded, before that batch.
 *   E6 the shell rests only when no effect is in flight.
 *   E7 what an ended effect would have reported is not recorded, but for side effects that were seen: it is STEP_INTERRUPTED.
 *   L2 listeners see an event only after it is durable.
 * Not responsible for: deciding (graph/decide), judging, how a step or gate is performed, leases (lease-keeper).
 */
import { assert } from "../base/assert.ts";
import { clipText } from "../base/clip-text.ts";
import { timeText } from "../base/time-text.ts";
import type { EventBody, EventDraft, LedgerEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { PlanGate } from "../contracts/plan-document.ts";
import { applyEvent } from "../graph/apply-event.ts";
import { type Command, type Decision, decide } from "../graph/decide.ts";
import type { RunState, StepState } from "../graph/run-state.ts";
import type { StreamWriter } from "../ledger/ledger.ts";
import type { Clock } from "../ports/clock.ts";
import type { SecurityState } from "../ports/security-monitor.ts";
import type { Delivery, Effect } from "./effect.ts";
import { type Escalation, type SecurityWatch, snapshotBody, worseReading } from "./security-watch.ts";

const reasonMax = 4096;

type InterruptReason = "cancel" | "abort" | "goto" | "shutdown" | "security";

/** Whether a step that the record allows to start does start now. */
export type StartVerdict =
  /** It starts; these are recorded with its start, and the start names the `why.v1` among them. */
  | { readonly kind: "start"; readonly bodies: readonly EventBody[]; readonly why: ArtifactId | null }
  /** Somebody looks for earlier results first, holds the step, and delivers what was found; not held, it is decided at the next delivery. */
  | { readonly kind: "wait" };

interface InFlight {
  readonly effect: Effect;
  readonly step: StepState | null;
  readonly attempt: number;
  interrupted: InterruptReason | null;
}

export interface Performer {
  startStep(step: StepState, attempt: number): Effect;
  startGate(gate: PlanGate, step: StepState | null, attempt: number): Effect;
  /** Artifact ids that the step's references name, for STEP_STARTED. */
  inputsOf(step: StepState): EventBodyInputs;
  /** True while the step may not start: an earlier attempt is trusted code that has not settled (E6), or earlier results are looked for. */
  isHeld(step: StepState): boolean;
  beforeStart(step: StepState): StartVerdict;
  /** Why a step is skipped, as a stored `why.v1`. */
  explainSkip(data: EventData["STEP_SKIPPED"]): { readonly body: EventBody; readonly why: ArtifactId };
}
type EventBodyInputs = Extract<EventBody, { readonly kind: "STEP_STARTED" }>["data"]["inputs"];

export interface RunShellOptions {
  readonly state: RunState;
  readonly writer: StreamWriter;
  readonly clock: Clock;
  readonly principal: string;
  readonly performer: Performer;
  readonly onEvents: (events: readonly LedgerEvent[]) => void;
  readonly security: SecurityWatch;
}

/** Events that came in, and who they are signed by. */
interface Signed extends Delivery {
  readonly by: string;
}

interface Batch {
  readonly drafts: EventDraft[];
  readonly effects: (() => void)[];
  /** Gates that this batch starts. */
  readonly gates: Set<string>;
  seals: boolean;
  /** True when it starts steps or gates. */
  starts: boolean;
}

export class RunShell {
  readonly #state: RunState;
  readonly #options: RunShellOptions;
  readonly #inFlight = new Map<string, InFlight>();
  #inbox: Signed[] = [];
  #wake: (() => void) | null = null;
  #fault: unknown = null;
  #escalation: Escalation | null = null;
  #at = "";

  constructor(options: RunShellOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  /** Runs until the run rests and is sealed. Rejects with the fault that stopped it; what was committed stays. */
  async drive(): Promise<void> {
    try {
      // What makes this process the leader, and what was in flight before, is recorded first, whatever the security state is by then.
      for (let isFirst = true; ; isFirst = false) {
        if (!isFirst) await this.#options.security.look();
        if (this.#escalation !== null && !isFirst) return await this.#closeIncomplete(this.#escalation);
        const { batch, decision } = this.#gather();
        await this.#commit(batch);
        if (batch.starts) await this.#options.security.look();
        if (this.#fault !== null) throw this.#fault;
        if (this.#escalation !== null) continue;
        for (const act of batch.effects) act();
        if (this.#state.sealed && this.#inFlight.size === 0) return;
        await this.#signal(decision.wakeAtMs);
      }
    } catch (thrown) {
      await this.#endAll();
      throw thrown;
    }
  }

  /** Records events that come from outside the plan, such as a cancel, in the name of `by`. */
  deliver(bodies: readonly EventBody[], by: string = this.#options.principal): void {
    this.#receive({ bodies }, by);
  }

  /** What somebody found who is not performing a step or a gate, such as earlier results that stand in for a step. */
  receive(delivery: Delivery): void {
    this.#receive(delivery, this.#options.principal);
  }

  #receive(delivery: Delivery, by: string): void {
    this.#inbox.push({ ...delivery, by });
    this.#rouse();
  }

  /** The security state rose: the run is closed as incomplete (S1). A run that rests already has nothing to be closed. */
  escalate(escalation: Escalation): void {
    this.#escalation ??= escalation;
    this.#rouse();
  }

  /** Stops driving: the lease is lost, or the store cannot be written. */
  fail(fault: unknown): void {
    this.#fault ??= fault;
    this.#rouse();
  }

  /** Folds what came in, and decides until nothing new comes. Nothing is performed yet. */
  #gather(): { readonly batch: Batch; readonly decision: Decision } {
    const batch = newBatch();
    const nowMs = this.#options.clock.nowMs();
    this.#at = timeText(nowMs);
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const delivery of inbox) {
      if (delivery.isStale?.() === true) continue;
      for (const body of delivery.bodies) if (!this.#isLate(body)) this.#record(batch, body, delivery.by);
    }
    if (this.#endsRunGate(batch)) return { batch, decision: { commands: [], wakeAtMs: null } };
    for (;;) {
      const decision = decide(this.#state, nowMs, (step) => this.#options.performer.isHeld(step));
      let changed = false;
      for (const command of decision.commands) changed = this.#take(batch, command) || changed;
      if (!changed) return { batch, decision };
    }
  }

  /** A cancel that comes when the run has ended says nothing any more; a blocked run has not ended. */
  #isLate(body: EventBody): boolean {
    const { phase } = this.#state;
    return body.kind === "CANCEL_REQUESTED" && (phase === "succeeded" || phase === "failed" || phase === "canceled");
  }

  /** An artifact id commits to its bytes: a second storing, such as an output equal to its log, says nothing new (L5). */
  #isKnown(body: EventBody): boolean {
    return body.kind === "ARTIFACT_STORED" && this.#state.artifacts.has(body.data.artifact.artifact_id);
  }

  /** A run that is ending waits for its own gate to be gone first (E6); the verdict is then not recorded. */
  #endsRunGate(batch: Batch): boolean {
    if (this.#state.ending === null) return false;
    for (const entry of this.#inFlight.values()) {
      if (entry.step !== null) continue;
      if (entry.interrupted === null) batch.effects.push(() => entry.effect.end());
      entry.interrupted = "cancel";
      return true;
    }
    return false;
  }

  /** True when the command changed the state, so that deciding again makes sense. */
  #take(batch: Batch, command: Command): boolean {
    switch (command.kind) {
      case "record":
        this.#takeRecord(batch, command.body);
        return true;
      case "start":
        return this.#takeStart(batch, command.step, command.attempt);
      case "gate":
        this.#takeGate(batch, command.gate, command.step, command.attempt);
        return false;
      case "interrupt":
        this.#takeInterrupt(batch, command.step, command.reason);
        return false;
      case "seal":
        this.#record(batch, sealBody(this.#state));
        batch.seals = true;
        return true;
    }
  }

  #takeRecord(batch: Batch, body: EventBody): void {
    const { performer, security } = this.#options;
    if (body.kind === "STEP_SKIPPED") {
      const explained = performer.explainSkip(body.data);
      this.#record(batch, explained.body);
      return this.#record(batch, { ...body, data: { ...body.data, why_artifact_id: explained.why } });
    }
    if (body.kind === "RUN_SUCCEEDED") this.#record(batch, snapshotBody("post", security.latest(), "completed", this.#state.events));
    if (body.kind === "RUN_FAILED" || body.kind === "RUN_BLOCKED" || body.kind === "RUN_CANCELED")
      this.#record(batch, snapshotBody("post", security.latest(), "failed", this.#state.events));
    this.#record(batch, body);
  }

  #takeStart(batch: Batch, step: StepState, attempt: number): boolean {
    const { performer } = this.#options;
    const verdict = performer.beforeStart(step);
    if (verdict.kind === "wait") return performer.isHeld(step);
    for (const body of verdict.bodies) this.#record(batch, body);
    const data = {
      step_id: step.plan.id,
      attempt,
      cause: step.cause,
      ...(step.routeId === null ? {} : { route_id: step.routeId }),
      inputs: performer.inputsOf(step),
      ...(verdict.why === null ? {} : { why_artifact_id: verdict.why }),
    };
    batch.starts = true;
    this.#record(batch, { kind: "STEP_STARTED", key: `STEP_STARTED/${step.plan.id}/${attempt}`, data });
    batch.effects.push(() => this.#watch(`${step.plan.id}/${attempt}`, step, attempt, () => performer.startStep(step, attempt)));
    return true;
  }

  #takeGate(batch: Batch, gate: PlanGate, step: StepState | null, attempt: number): void {
    const key = `gate ${gate.id}/${attempt}`;
    // `decide` names a gate until its verdict is applied, and is asked several times a batch. What runs is known now, not at the act:
    // by then the gate may have ended, with its verdict waiting in the inbox.
    if (this.#inFlight.has(key) || batch.gates.has(key)) return;
    batch.gates.add(key);
    batch.starts = true;
    batch.effects.push(() => this.#watch(key, step, attempt, () => this.#options.performer.startGate(gate, step, attempt)));
  }

  #takeInterrupt(batch: Batch, step: StepState, reason: InterruptReason): void {
    const entry = [...this.#inFlight.values()].find((one) => one.step === step);
    // A gate that was decided but not started yet has no effect to end.
    if (entry === undefined) this.deliver([interruptedBody(step, step.attempt, reason)]);
    else if (entry.interrupted === null) {
      entry.interrupted = reason;
      batch.effects.push(() => entry.effect.end());
    }
  }

  #watch(key: string, step: StepState | null, attempt: number, start: () => Effect): void {
    if (this.#inFlight.has(key)) return;
    const effect = start();
    const entry: InFlight = { effect, step, attempt, interrupted: null };
    this.#inFlight.set(key, entry);
    effect.done.then(
      (delivery) => this.#finish(key, entry, delivery),
      (fault: unknown) => {
        this.#inFlight.delete(key);
        this.fail(fault);
      },
    );
  }

  #finish(key: string, entry: InFlight, delivery: Delivery): void {
    this.#inFlight.delete(key);
    const { interrupted, step } = entry;
    if (interrupted === null || (interrupted !== "goto" && isAbandoned(delivery))) this.receive(delivery);
    else this.deliver([...sideEffectsIn(delivery), ...(step === null ? [] : [interruptedBody(step, entry.attempt, interrupted)])]);
  }

  #record(batch: Batch, body: EventBody, by: string = this.#options.principal): void {
    if (this.#isKnown(body)) return;
    const draft: EventDraft = { ...body, by, at: this.#at };
    applyEvent(this.#state, { ...body, at: this.#at });
    batch.drafts.push(draft);
  }

  async #commit(batch: Batch): Promise<void> {
    if (batch.drafts.length === 0) return;
    const events = await this.#options.writer.append(batch.drafts, batch.seals ? { leaf: "seal" } : {});
    assert(events.length === batch.drafts.length, "L2: every draft is acknowledged");
    this.#options.onEvents(events);
  }

  /** Ends what is in flight, drops what it reports but for side effects, and closes the run in one batch. */
  async #closeIncomplete({ from, reading }: Escalation): Promise<void> {
    const goesOn = await this.#endAll();
    const state = this.#state;
    if (state.sealed) return;
    this.#at = timeText(this.#options.clock.nowMs());
    await this.#commit(this.#lastFacts());
    const batch = newBatch();
    const reason = reading.reason ?? `the security state rose from ${from} to ${reading.state}`;
    this.#record(batch, {
      kind: "SECURITY_ESCALATED",
      key: `SECURITY_ESCALATED/${state.events}`,
      data: { from, to: reading.state, reason: clipText(reason, reasonMax) },
    });
    const open = [...state.running, ...state.gating].sort((a, b) => a - b).flatMap((index) => state.steps[index] ?? []);
    for (const step of open) this.#record(batch, interruptedBody(step, step.attempt, goesOn.has(step) ? "abandoned" : "security"));
    this.#record(batch, snapshotBody("post", worseReading(reading, this.#options.security.latest()), "escalation", state.events));
    this.#record(batch, incompleteBody(state, from, reading.state, [...goesOn]));
    this.#record(batch, sealBody(state));
    batch.seals = true;
    await this.#commit(batch);
  }

  /** Side effects that were reported and not recorded yet: whoever comes after an escalation needs them most. */
  #lastFacts(): Batch {
    const batch = newBatch();
    for (const delivery of this.#inbox) for (const body of sideEffectsIn(delivery)) this.#record(batch, body, delivery.by);
    this.#inbox = [];
    return batch;
  }

  async #signal(wakeAtMs: number | null): Promise<void> {
    if (this.#inbox.length > 0 || this.#fault !== null || this.#escalation !== null) return;
    const { clock } = this.#options;
    const roused = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (wakeAtMs === null) {
      await roused;
    } else {
      const timer = new AbortController();
      await Promise.race([roused, clock.sleep(Math.max(0, wakeAtMs - clock.nowMs()), timer.signal)]);
      timer.abort();
    }
    this.#wake = null;
  }

  #rouse(): void {
    this.#wake?.();
  }

  /** Ends everything; answers the steps whose trusted code goes on all the same (E6). */
  async #endAll(): Promise<ReadonlySet<StepState>> {
    const goesOn = new Set<StepState>();
    const open = [...this.#inFlight.values()];
    for (const entry of open) entry.effect.end();
    const ended = await Promise.allSettled(open.map((entry) => entry.effect.done));
    for (const [index, result] of ended.entries()) {
      const step = open[index]?.step ?? null;
      if (step !== null && result.status === "fulfilled" && isAbandoned(result.value)) goesOn.add(step);
    }
    return goesOn;
  }
}

function newBatch(): Batch {
  return { drafts: [], effects: [], gates: new Set(), seals: false, starts: false };
}

function interruptedBody(step: StepState, attempt: number, reason: InterruptReason | "abandoned"): EventBody {
  const data = { step_id: step.plan.id, attempt, reason };
  return { kind: "STEP_INTERRUPTED", key: `STEP_INTERRUPTED/${step.plan.id}/${attempt}`, data };
}

/** What an attempt changed stays true when the attempt itself counts as interrupted. */
function sideEffectsIn({ bodies }: Delivery): readonly EventBody[] {
  return bodies.filter((body) => body.kind === "SIDE_EFFECT_OBSERVED");
}

/** Trusted code that goes on is named as such, whatever ended it (E6); a goto needs its own reason to reset the step. */
function isAbandoned({ bodies }: Delivery): boolean {
  return bodies.some((body) => body.kind === "STEP_INTERRUPTED" && body.data.reason === "abandoned");
}

function incompleteBody(state: RunState, from: SecurityState, to: SecurityState, goesOn: readonly StepState[]): EventBody {
  const rose = `the security state rose from ${from} to ${to} while the run was going on`;
  const names = goesOn.map((step) => step.plan.id).join(", ");
  const reason =
    names === "" ? rose : `${rose}; module code of ${names} did not stop and goes on, without its context, until the process that led the run ends`;
  return { kind: "RUN_INCOMPLETE", key: `RUN_INCOMPLETE/${state.events}`, data: { reason: clipText(reason, reasonMax), code: "SECURITY_ESCALATED" } };
}

/** RUN_SEALED over everything before it. */
export function sealBody(state: RunState): EventBody {
  const { phase } = state;
  assert(phase !== "created" && phase !== "running", `L4: a run that is ${phase} is not sealed`);
  const counts = { steps: state.steps.length, ...state.counts };
  return { kind: "RUN_SEALED", key: `RUN_SEALED/${state.events}`, data: { outcome: phase, events: state.events, counts } };
}
