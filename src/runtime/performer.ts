/** Starts the attempts and gates of one run, and says which steps have to wait for trusted code that goes on after its end (E6). */
import type { PlanGate } from "../contracts/plan-document.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { StepState } from "../graph/run-state.ts";
import { artifactIdsOf, stepReferences } from "./step-references.ts";
import type { Effect } from "./effect.ts";
import { EndSignal } from "./end-signal.ts";
import { performGate } from "./perform-gate.ts";
import { performStep } from "./perform-step.ts";
import type { RunContext } from "./run-context.ts";
import type { Performer } from "./run-shell.ts";

export class RunPerformer implements Performer {
  readonly #run: RunContext;
  readonly #awaited = new Set<Promise<void>>();
  readonly #onSettled: () => void;

  /** `onSettled` is called when unsettled code settles, so that its step may be decided again. */
  constructor(run: RunContext, onSettled: () => void) {
    this.#run = run;
    this.#onSettled = onSettled;
  }

  startStep(step: StepState, attempt: number): Effect {
    const end = new EndSignal();
    const done = performStep(this.#run, step, attempt, end, (settled) => this.#run.deps.unsettled.keep(this.#run.runId, step.plan.id, settled));
    return { done, end: () => end.end() };
  }

  startGate(gate: PlanGate, step: StepState | null, attempt: number): Effect {
    const end = new EndSignal();
    return { done: performGate(this.#run, gate, step, attempt, end), end: () => end.end() };
  }

  inputsOf(step: StepState): ArtifactId[] {
    return [...artifactIdsOf(this.#run.state, stepReferences(step.plan))];
  }

  isUnsettled(step: StepState): boolean {
    const settling = this.#run.deps.unsettled.settlingOf(this.#run.runId, step.plan.id);
    if (settling === null) return false;
    if (!this.#awaited.has(settling)) void settling.then(this.#onSettled);
    this.#awaited.add(settling);
    return true;
  }
}
