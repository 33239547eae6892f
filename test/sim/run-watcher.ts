/**
 * Owns: an own, simple account of a run, kept from its events alone and compared with what the scheduler does.
 * Invariants it checks: E1, E2, E3, E4, L5, S1 and the limit of steps at once; that only what was asked for again, and its strict
 * dependents, is done again. It knows nothing of the scheduler's state.
 */
import type { FoldedEvent } from "../../src/contracts/event.ts";
import type { PlanDocument } from "../../src/contracts/plan-document.ts";

type Phase = "none" | "running" | "completed" | "failed" | "interrupted" | "skipped";

interface Account {
  phase: Phase;
  attempt: number;
  forgiven: number;
  readonly verdicts: Map<string, string>;
}

export class RunWatcher {
  readonly #plan: PlanDocument;
  readonly #limited: boolean;
  readonly #steps = new Map<string, Account>();
  readonly #keys = new Set<string>();
  readonly #routes = new Map<string, number>();
  #runVerdicts = new Map<string, string>();
  #round = 1;
  #parallel = 1;
  #escalated: string | null = null;
  #isIncomplete = false;

  /** The limit of steps at once binds who drives a run, not who reads its record. */
  constructor(plan: PlanDocument, options: { readonly limited: boolean }) {
    this.#plan = plan;
    this.#limited = options.limited;
    for (const step of plan.steps) this.#steps.set(step.id, { phase: "none", attempt: 0, forgiven: 0, verdicts: new Map() });
  }

  /** Throws an Error that starts with the invariant when an accepted event breaks it. */
  see(event: FoldedEvent): void {
    if (this.#keys.has(event.key)) throw new Error(`L5: key ${event.key} is recorded twice`);
    this.#keys.add(event.key);
    if (this.#isIncomplete && !isFactOfRest(event)) throw new Error(`S1: ${event.kind} after the run was INCOMPLETE`);
    switch (event.kind) {
      case "RUN_STARTED":
        this.#parallel = event.data.parallel;
        return;
      case "STEP_STARTED":
        return this.#started(event.data.step_id, event.data.attempt);
      case "STEP_COMPLETED":
        return this.#ended(event.data, "completed");
      case "STEP_FAILED":
        return this.#ended(event.data, "failed");
      case "STEP_INTERRUPTED":
        return this.#ended(event.data, "interrupted");
      case "STEP_REUSED":
        return this.#reused(event.data.step_id, event.data.attempt);
      case "RERUN_REQUESTED":
        return this.#asked(event.data.step_ids);
      case "ARTIFACT_REPLACED":
        return this.#replaced(event.data.step_id);
      case "RUN_INCOMPLETE":
        this.#isIncomplete = true;
        return;
      case "STEP_SKIPPED":
        this.#skipped(event.data.step_id, event.data.because);
        return;
      case "GATE_PASSED":
      case "GATE_FAILED":
      case "GATE_ERROR":
        return this.#judged(event.kind, event.data);
      case "ROUTE_TAKEN":
        return this.#routed(event.data);
      case "RUN_UNBLOCKED":
        return this.#unblocked();
      case "RUN_SUCCEEDED":
        return this.#succeeded();
      default:
        return;
    }
  }

  #account(id: string): Account {
    const account = this.#steps.get(id);
    if (account === undefined) throw new Error(`E1: step ${id} is not in the plan`);
    return account;
  }

  #started(id: string, attempt: number): void {
    const account = this.#account(id);
    if (this.#hasSucceeded(id)) throw new Error(`E2: ${id} started again, though it had succeeded and nothing asked for it`);
    for (const need of this.#plan.steps.find((step) => step.id === id)?.needs ?? []) {
      if (!this.#hasSucceeded(need)) throw new Error(`E1: ${id} started before ${need} succeeded`);
    }
    if (attempt !== account.attempt + 1) throw new Error(`E2: attempt ${attempt} of ${id} after ${account.attempt}`);
    if (attempt - account.forgiven > this.#plan.policy.attempts_max) throw new Error(`E3: ${id} started more than ${this.#plan.policy.attempts_max} times`);
    if (this.#limited) this.#requireSlot();
    Object.assign(account, { phase: "running", attempt });
    account.verdicts.clear();
  }

  #reused(id: string, attempt: number): void {
    const account = this.#account(id);
    for (const need of this.#plan.steps.find((step) => step.id === id)?.needs ?? []) {
      if (!this.#hasSucceeded(need)) throw new Error(`E1: ${id} was reused before ${need} succeeded`);
    }
    if (attempt !== account.attempt || account.phase === "running")
      throw new Error(`E2: ${id} was reused after attempt ${attempt}, ${account.attempt} was the newest`);
    account.phase = "completed";
    // They passed when the results were made.
    for (const gate of this.#plan.steps.find((step) => step.id === id)?.gates ?? []) account.verdicts.set(gate.id, "GATE_PASSED");
  }

  /** A person asks: the steps and their dependents have not succeeded any more, all others are what they were. */
  #asked(ids: readonly string[]): void {
    this.#reopened();
    for (const id of ids) this.#reset(id);
  }

  /** The gates of the step judge again; what needs it has not succeeded any more. */
  #replaced(id: string | undefined): void {
    this.#reopened();
    if (id === undefined) return;
    const account = this.#account(id);
    account.verdicts.clear();
    account.forgiven = account.attempt;
    for (const step of this.#plan.steps) if (step.needs.includes(id)) this.#reset(step.id);
  }

  /** Routes have a fresh allowance, the run's gates judge anew, and what the end had cut off may go on. */
  #reopened(): void {
    this.#routes.clear();
    this.#runVerdicts = new Map();
    for (const [id, account] of this.#steps) if (account.phase === "interrupted") this.#reset(id);
  }

  #requireSlot(): void {
    const inFlight = [...this.#steps].filter(([step, other]) => other.phase === "running" || (other.phase === "completed" && !this.#judgedAll(step))).length;
    if (inFlight >= this.#parallel) throw new Error(`E1: ${inFlight} steps are in flight where ${this.#parallel} may be`);
  }

  #ended(data: { readonly step_id: string; readonly attempt: number }, phase: Phase): void {
    const account = this.#account(data.step_id);
    if (account.attempt !== data.attempt) throw new Error(`E2: attempt ${data.attempt} of ${data.step_id} ended, ${account.attempt} was the newest`);
    account.phase = phase;
  }

  #skipped(id: string, because: string): void {
    const account = this.#account(id);
    const step = this.#plan.steps.find((one) => one.id === id);
    if (step === undefined || !step.needs.includes(because)) throw new Error(`E1: ${id} was skipped because of ${because}, which it does not need`);
    if (this.#hasSucceeded(because)) throw new Error(`E1: ${id} was skipped because of ${because}, which succeeded`);
    account.phase = "skipped";
  }

  #judged(
    kind: string,
    data: { readonly gate_id: string; readonly step_id?: string | undefined; readonly attempt: number; readonly dry_run?: boolean | undefined },
  ): void {
    if (data.dry_run === true) return;
    if (data.step_id !== undefined) this.#account(data.step_id).verdicts.set(data.gate_id, kind);
    else {
      if (data.attempt < this.#round) throw new Error(`E2: round ${data.attempt} of the run's gates after ${this.#round}`);
      if (data.attempt > this.#round) this.#runVerdicts = new Map();
      this.#round = data.attempt;
      this.#runVerdicts.set(data.gate_id, kind);
    }
  }

  #routed(data: {
    readonly route_id: string | null;
    readonly action: string;
    readonly step_id?: string | undefined;
    readonly target?: string | undefined;
  }): void {
    if (data.action === "goto" && data.target !== undefined) this.#reset(data.target, false);
    if (data.action === "escalate") this.#escalated = data.step_id ?? null;
    if (data.route_id === null) return;
    const taken = (this.#routes.get(data.route_id) ?? 0) + 1;
    this.#routes.set(data.route_id, taken);
    const action = this.#plan.routes.find((route) => route.id === data.route_id)?.do;
    if (action !== undefined && "max" in action && taken > action.max) throw new Error(`E3: route ${data.route_id} was taken ${taken} times of ${action.max}`);
  }

  /** What is done again has not succeeded any more. */
  #reset(target: string, forgive = true): void {
    const reset = new Set([target]);
    for (let size = 0; size < reset.size; ) {
      size = reset.size;
      for (const step of this.#plan.steps) if (step.needs.some((need) => reset.has(need))) reset.add(step.id);
    }
    for (const id of reset) {
      const account = this.#account(id);
      account.phase = "none";
      if (forgive) account.forgiven = account.attempt;
    }
  }

  #unblocked(): void {
    const account = this.#escalated === null ? undefined : this.#steps.get(this.#escalated);
    if (account !== undefined) account.forgiven = account.attempt;
    this.#escalated = null;
  }

  #succeeded(): void {
    for (const step of this.#plan.steps) if (!this.#hasSucceeded(step.id)) throw new Error(`E4: the run succeeded, step ${step.id} did not`);
    for (const gate of this.#plan.gates) {
      if (gate.required && this.#runVerdicts.get(gate.id) !== "GATE_PASSED") throw new Error(`E4: the run succeeded, its gate ${gate.id} did not pass`);
    }
  }

  #judgedAll(id: string): boolean {
    const account = this.#account(id);
    return (this.#plan.steps.find((step) => step.id === id)?.gates ?? []).every((gate) => account.verdicts.has(gate.id));
  }

  #hasSucceeded(id: string): boolean {
    const account = this.#account(id);
    const gates = this.#plan.steps.find((step) => step.id === id)?.gates ?? [];
    return (
      account.phase === "completed" && gates.every((gate) => (gate.required ? account.verdicts.get(gate.id) === "GATE_PASSED" : account.verdicts.has(gate.id)))
    );
  }
}

/** What may follow the end of a run without taking it up again. */
function isFactOfRest(event: FoldedEvent): boolean {
  const isDry = (event.kind === "GATE_PASSED" || event.kind === "GATE_FAILED" || event.kind === "GATE_ERROR") && event.data.dry_run === true;
  return isDry || event.kind === "RUN_SEALED" || event.kind === "ARTIFACT_STORED" || event.kind === "LEADER_TAKEN" || event.kind === "RECORD_RECOVERED";
}
