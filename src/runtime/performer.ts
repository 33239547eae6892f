/** Starts the attempts and gates of one run, and says which steps have to wait for trusted code that goes on after its end (E6). */
import type { EventBody } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import type { PlanGate } from "../contracts/plan-document.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { StepState } from "../graph/run-state.ts";
import { artifactIdsOf, stepReferences } from "./step-references.ts";
import type { Delivery, Effect } from "./effect.ts";
import { EndSignal } from "./end-signal.ts";
import { performGate } from "./perform-gate.ts";
import { type AttemptHooks, performStep } from "./perform-step.ts";
import { withMaterials } from "./record-materials.ts";
import type { RunContext } from "./run-context.ts";
import type { Performer, StartVerdict } from "./run-shell.ts";
import { explainSkip } from "./explain-skip.ts";
import { ReuseDesk } from "./reuse-desk.ts";

export class RunPerformer implements Performer {
  readonly #run: RunContext;
  readonly #reuse: ReuseDesk;
  readonly #awaited = new Set<Promise<void>>();
  readonly #deliver: (delivery: Delivery) => void;

  /** `deliver` takes what is found beside performing; an empty delivery lets a held step be decided again. */
  constructor(run: RunContext, deliver: (delivery: Delivery) => void) {
    this.#run = run;
    this.#deliver = deliver;
    this.#reuse = new ReuseDesk(run, deliver);
  }

  startStep(step: StepState, attempt: number): Effect {
    const end = new EndSignal();
    const hooks: AttemptHooks = {
      onAbandoned: (settled) => this.#run.deps.unsettled.keep(this.#run.runId, step.plan.id, settled),
      onEffect: (body) => this.#deliver({ bodies: [body] }),
    };
    const done = withMaterials(this.#run, step, attempt, () => performStep(this.#run, step, attempt, end, hooks));
    return { done, end: () => end.end() };
  }

  startGate(gate: PlanGate, step: StepState | null, attempt: number): Effect {
    const end = new EndSignal();
    return { done: performGate(this.#run, gate, step, attempt, end), end: () => end.end() };
  }

  inputsOf(step: StepState): ArtifactId[] {
    return [...artifactIdsOf(this.#run.state, stepReferences(step.plan))];
  }

  isHeld(step: StepState): boolean {
    return this.#reuse.isLooking(step) || this.#isUnsettled(step);
  }

  beforeStart(step: StepState): StartVerdict {
    return this.#reuse.beforeStart(step) ?? { kind: "start", bodies: [], why: step.askedWhy };
  }

  explainSkip(data: EventData["STEP_SKIPPED"]): { readonly body: EventBody; readonly why: ArtifactId } {
    return explainSkip(this.#run, data);
  }

  #isUnsettled(step: StepState): boolean {
    const settling = this.#run.deps.unsettled.settlingOf(this.#run.runId, step.plan.id);
    if (settling === null) return false;
    if (!this.#awaited.has(settling)) void settling.then(() => this.#deliver({ bodies: [] }));
    this.#awaited.add(settling);
    return true;
  }
}
