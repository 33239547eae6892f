/**
 * One random workflow through the real run shell, watch and ledger over memory adapters, while the security state rises at a random moment,
 * in a random way, and the power may be cut. Throws an Error naming the invariant.
 */
import { taggedDigest } from "../../src/base/digest.ts";
import { isLilyError } from "../../src/base/lily-error.ts";
import { createMemorySecurityMonitor, type MemorySecurityMonitor } from "../../src/adapters/memory/security-monitor.ts";
import { artifactIdSchema } from "../../src/contracts/artifact-ref.ts";
import type { EventBody, LedgerEvent } from "../../src/contracts/event.ts";
import { parseRunId, runStream } from "../../src/contracts/ids.ts";
import type { PlanDocument, PlanGate } from "../../src/contracts/plan-document.ts";
import { applyEvent } from "../../src/graph/apply-event.ts";
import { createRunState, type RunState, type StepState } from "../../src/graph/run-state.ts";
import type { StreamWriter } from "../../src/ledger/ledger.ts";
import type { Delivery, Effect } from "../../src/runtime/effect.ts";
import { effectBody } from "../../src/runtime/effect-report.ts";
import { foldRun, resumeBodies } from "../../src/runtime/resume-run.ts";
import { type Performer, RunShell, type StartVerdict } from "../../src/runtime/run-shell.ts";
import { readSecurity, watchSecurity } from "../../src/runtime/security-watch.ts";
import { allEvents, MemoryWorkspace } from "../../src/testkit/memory-workspace.ts";
import { Random } from "../sim/random.ts";
import { randomPlan } from "../sim/random-plan.ts";
import { RunWatcher } from "../sim/run-watcher.ts";
import { stateText } from "../sim/state-text.ts";

const runId = parseRunId("run-a");
const stream = runStream(runId);
const artifactId = artifactIdSchema.parse(`art_${"0".repeat(32)}`);

/** Whether the run was left incomplete, and how often the power was cut. */
export async function escalatedRun(seed: number): Promise<{ readonly incomplete: boolean; readonly cuts: number }> {
  const random = new Random(seed);
  const plan = randomPlan(random);
  const workspace = new MemoryWorkspace(seed);
  const monitor = createMemorySecurityMonitor();
  let cuts = 0;
  for (let life = 0; ; life++) {
    const cut = random.chance(0.3) && life < 3;
    const ended = await new Life(workspace, plan, random, monitor, life).lead(cut);
    if (!cut || ended) break;
    cuts++;
    requireWhole(await recordOf(workspace), plan);
  }
  const events = await recordOf(workspace);
  const watcher = new RunWatcher(plan, { limited: true });
  for (const event of events) watcher.see(event);
  const state = foldRun(plan, runId, events);
  if (!state.sealed) throw new Error("S1: the run does not rest");
  requireWhole(events, plan);
  if (state.phase === "incomplete") requireFinal(state, events);
  return { incomplete: state.phase === "incomplete", cuts };
}

async function recordOf(workspace: MemoryWorkspace): Promise<readonly LedgerEvent[]> {
  return allEvents((await workspace.open()).ledger.readStream(stream));
}

/** One process that leads the run, until the run rests or the power goes. */
class Life {
  readonly #workspace: MemoryWorkspace;
  readonly #plan: PlanDocument;
  readonly #random: Random;
  readonly #monitor: MemorySecurityMonitor;
  readonly #life: number;
  readonly #alive = new Set<object>();
  readonly #reported: string[] = [];
  /** How often the monitor had been read when the state rose; null before that. */
  #looksAtRise: number | null = null;
  #abandoned = 0;
  #broken: string | null = null;

  constructor(workspace: MemoryWorkspace, plan: PlanDocument, random: Random, monitor: MemorySecurityMonitor, life: number) {
    this.#workspace = workspace;
    this.#plan = plan;
    this.#random = random;
    this.#monitor = monitor;
    this.#life = life;
  }

  /** True when the run came to rest. */
  async lead(cut: boolean): Promise<boolean> {
    const { clock } = this.#workspace;
    const { ledger } = await this.#workspace.open();
    const writer = await ledger.openWriter(stream, { token: 0 });
    const events = await allEvents(ledger.readStream(stream));
    const state = foldRun(this.#plan, runId, events);
    if (state.sealed) return true;
    // Nothing starts while the state is not OPERATIONAL; an operator who says so is waited for.
    this.#monitor.break(null);
    await this.#monitor.set("OPERATIONAL", "checked", "user:ada");
    const first = await readSecurity(this.#monitor, clock);
    const security = watchSecurity(this.#monitor, clock, first, (escalation) => shell.escalate(escalation));
    const performer = this.#performer((delivery) => shell.receive(delivery));
    const shell = new RunShell({ state, writer: this.#watched(writer, state), clock, principal: "user:ada", performer, onEvents: () => {}, security });
    shell.deliver(state.phase === "running" ? resumeBodies(state, this.#life + 1, { unblock: null }) : events.length === 0 ? beginBodies(this.#random) : []);
    if (this.#random.chance(0.1)) shell.deliver([{ kind: "CANCEL_REQUESTED", key: `CANCEL_REQUESTED/${this.#life}`, data: { reason: "enough" } }]);
    const raising = this.#random.chance(0.8) ? this.#raise() : Promise.resolve();
    const driven = shell.drive().then(
      () => true,
      (thrown: unknown) => {
        if (!cut) throw thrown;
        return false;
      },
    );
    if (cut) {
      for (let turns = this.#random.below(60); turns > 0; turns--) await clock.nextTurn();
      this.#workspace.powerCut((below) => this.#random.below(below));
    }
    const ended = await driven;
    await security.stop();
    await raising;
    if (this.#broken !== null) throw new Error(this.#broken);
    if (cut) return ended && state.sealed;
    await ledger.settle();
    const record = await allEvents(ledger.readStream(stream));
    const folded = foldRun(this.#plan, runId, record);
    if (stateText(folded) !== stateText(state)) throw new Error(`L6: the record folds to another state:\n${stateText(folded)}\n${stateText(state)}`);
    const keys = new Set(record.map((event) => event.key));
    const lost = this.#reported.find((key) => !keys.has(key));
    if (lost !== undefined && state.phase === "incomplete") throw new Error(`S1: the escalation lost the reported effect ${lost}`);
    return true;
  }

  async #raise(): Promise<void> {
    for (let turns = this.#random.below(40); turns > 0; turns--) await this.#workspace.clock.nextTurn();
    const how = this.#random.below(5);
    if (how === 0) this.#monitor.break("fail");
    else if (how === 1) this.#monitor.break({ answer: { state: "FINE" } });
    else if (how === 2) this.#monitor.break("hang");
    else await this.#monitor.set(this.#random.pick(["DEGRADED", "COMPROMISED", "LOCKDOWN"]), "random", "user:eve");
    this.#looksAtRise = this.#monitor.looks;
  }

  /** The writer, with what may not be committed any more once the state rose. */
  #watched(writer: StreamWriter, state: RunState): StreamWriter {
    return {
      stream: writer.stream,
      token: writer.token,
      get head() {
        return writer.head;
      },
      get events() {
        return writer.events;
      },
      append: (drafts, options) => {
        const kinds = drafts.map((draft) => draft.kind);
        const looked = this.#looksAtRise !== null && this.#monitor.looks > this.#looksAtRise;
        const isLast = kinds.includes("SECURITY_ESCALATED");
        if (isLast && this.#alive.size > this.#abandoned) this.#broken ??= `S1: ${this.#alive.size} effects are alive when the run is closed`;
        if (isLast && !/^SECURITY_ESCALATED,(STEP_INTERRUPTED,)*SECURITY_SNAPSHOT,RUN_INCOMPLETE,RUN_SEALED$/.test(kinds.join()))
          this.#broken ??= `S1: an escalation closes the run with ${kinds.join()}`;
        if (looked && !isLast && state.sealed) this.#broken ??= `S1: the run ended as ${state.phase} after a look that saw the state rise`;
        return writer.append(drafts, options);
      },
    };
  }

  #performer(receive: (delivery: Delivery) => void): Performer {
    return {
      startStep: (step, attempt) => this.#effect(this.#stepEnd(step, attempt), { step, attempt, receive }),
      startGate: (gate, step, attempt) => this.#effect(gateEnd(this.#random, gate, step, attempt), null),
      inputsOf: () => [],
      isHeld: () => false,
      beforeStart: (): StartVerdict => ({ kind: "start", bodies: [], why: null }),
      explainSkip: (data) => ({ body: skipBody(data.step_id, data.attempt, this.#random), why: artifactId }),
    };
  }

  #stepEnd(step: StepState, attempt: number): EventBody {
    const shared = { step_id: step.plan.id, attempt, logs: [], duration_ms: 1 };
    if (this.#random.chance(0.65)) {
      const data = { ...shared, outputs: {}, artifacts: [], executor: { kind: "process" as const } };
      return { kind: "STEP_COMPLETED", key: `STEP_COMPLETED/${step.plan.id}/${attempt}`, data };
    }
    const data = { ...shared, outcome: "failed" as const, code: "STEP_FAILED", reason: "random" };
    return { kind: "STEP_FAILED", key: `STEP_FAILED/${step.plan.id}/${attempt}`, data };
  }

  /** Ends after some turns, or soon after it is told to; a step may report effects meanwhile, or not stop at all. */
  #effect(body: EventBody, reporter: { readonly step: StepState; readonly attempt: number; readonly receive: (delivery: Delivery) => void } | null): Effect {
    // A cut process is gone with all it would have started.
    if (this.#looksAtRise !== null) this.#broken ??= `S1: ${body.key} was started after the state rose`;
    const self = {};
    this.#alive.add(self);
    let toldToEnd = false;
    const work = async (): Promise<Delivery> => {
      for (let turns = this.#random.below(12); turns > 0 && !toldToEnd; turns--) {
        await this.#workspace.clock.nextTurn();
        if (reporter !== null && this.#random.chance(0.1)) this.#report(reporter, turns);
      }
      if (toldToEnd && reporter !== null && this.#random.chance(0.2)) {
        this.#abandoned++;
        const data = { step_id: reporter.step.plan.id, attempt: reporter.attempt, reason: "abandoned" as const };
        return { bodies: [{ kind: "STEP_INTERRUPTED", key: `STEP_INTERRUPTED/${data.step_id}/${data.attempt}`, data }] };
      }
      this.#alive.delete(self);
      return { bodies: [body] };
    };
    return {
      done: work(),
      end: () => {
        toldToEnd = true;
      },
    };
  }

  #report(
    { step, attempt, receive }: { readonly step: StepState; readonly attempt: number; readonly receive: (delivery: Delivery) => void },
    mark: number,
  ): void {
    const body = effectBody(step.plan.id, attempt, "module", mark, { category: "other", description: "random", reversible: null });
    this.#reported.push(body.key);
    receive({ bodies: [body] });
  }
}

/** S1: what closes a run is in the record whole or not at all, whenever the power went. */
function requireWhole(events: readonly LedgerEvent[], plan: PlanDocument): void {
  const at = events.findIndex((event) => event.kind === "SECURITY_ESCALATED");
  if (at < 0) return;
  const before = createRunState(plan, runId);
  for (const event of events.slice(0, at)) applyEvent(before, event);
  const inFlight = [...before.running, ...before.gating].sort((a, b) => a - b).map((index) => before.steps[index]?.plan.id);
  const closing = events.slice(at);
  const interrupted = closing.flatMap((event) => (event.kind === "STEP_INTERRUPTED" ? [event.data.step_id] : []));
  if (interrupted.join() !== inFlight.join()) throw new Error(`S1: ${interrupted.join()} were interrupted, ${inFlight.join()} were in flight`);
  if (new Set(closing.map((event) => event.at)).size !== 1) throw new Error("S1: the run was closed in more than one batch");
  const kinds = closing.map((event) => event.kind).filter((kind) => kind !== "STEP_INTERRUPTED");
  if (kinds.join() !== "SECURITY_ESCALATED,SECURITY_SNAPSHOT,RUN_INCOMPLETE,RUN_SEALED") throw new Error(`S1: the record ends with ${kinds.join()}`);
}

/** S1: nothing goes on with an incomplete run. */
function requireFinal(state: RunState, events: readonly LedgerEvent[]): void {
  const at = events.at(-1)?.at ?? "";
  const tries: readonly EventBody[] = [
    { kind: "RUN_REOPENED", key: "t1", data: { reason: "r" } },
    { kind: "RUN_RESUMED", key: "t2", data: { reason: "r" } },
    { kind: "RUN_UNBLOCKED", key: "t3", data: { reason: "r" } },
    { kind: "CANCEL_REQUESTED", key: "t4", data: { reason: "r" } },
    { kind: "RERUN_REQUESTED", key: "t5", data: { step_ids: [state.steps[0]?.plan.id ?? ""], reason: "r" } },
  ];
  for (const body of tries) {
    const copy = foldRun(state.plan, runId, events);
    try {
      applyEvent(copy, { ...body, at });
    } catch (thrown) {
      if (isLilyError(thrown, "LEDGER_TRANSITION_ILLEGAL")) continue;
      throw thrown;
    }
    throw new Error(`S1: ${body.kind} was accepted by an incomplete run`);
  }
}

function beginBodies(random: Random): readonly EventBody[] {
  const created = { workspace_id: "ws", format: 1, kernel_version: "0", kind: "workflow" } as const;
  return [
    { kind: "RUN_CREATED", key: "RUN_CREATED", data: created },
    {
      kind: "PLAN_COMMITTED",
      key: "PLAN_COMMITTED",
      data: { plan_hash: taggedDigest("plan", "random"), artifact_id: artifactId, workflow: "w", source_dir: "s" },
    },
    { kind: "RUN_STARTED", key: "RUN_STARTED", data: { inputs: {}, parallel: 1 + random.below(4) } },
  ];
}

function gateEnd(random: Random, gate: PlanGate, step: StepState | null, attempt: number): EventBody {
  const kind = random.chance(0.75) ? "GATE_PASSED" : random.pick(["GATE_FAILED", "GATE_ERROR"] as const);
  const owner = step === null ? {} : { step_id: step.plan.id };
  const shared = { gate_id: gate.id, ...owner, attempt, required: gate.required, reason: null };
  const data = { ...shared, result_artifact_id: artifactId, log_artifact_ids: [], duration_ms: 1 };
  return { kind, key: `${kind}/${gate.id}/${step === null ? "run" : step.plan.id}/${attempt}`, data };
}

function skipBody(stepId: string, attempt: number, random: Random): EventBody {
  const artifact = {
    artifact_id: artifactId,
    run_id: runId,
    artifact_type: "why.v1",
    storage_kind: "json" as const,
    digest: taggedDigest("plan", "why"),
    size: 1,
    media_type: "application/json",
    artifact_name: `why/${stepId}`,
    producer_id: "kernel",
    producer_kind: "system" as const,
    created_at: "2026-01-01T00:00:00.000Z",
    inputs: [],
  };
  return { kind: "ARTIFACT_STORED", key: `ARTIFACT_STORED/${stepId}/${attempt}/${random.below(1e9)}`, data: { artifact } };
}
