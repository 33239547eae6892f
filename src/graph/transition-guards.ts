/** What a transition may rely on; everything else is LEDGER_TRANSITION_ILLEGAL (L4). */
import { LilyError } from "../base/lily-error.ts";
import type { FoldedEvent } from "../contracts/event.ts";
import type { RunPhase, RunState, StepState } from "./run-state.ts";

export function requirePhase(state: RunState, event: FoldedEvent, ...phases: readonly RunPhase[]): void {
  if (!phases.includes(state.phase)) throw illegal(event, `the run is ${state.phase}`);
}

export function requireStep(state: RunState, event: FoldedEvent, stepId: string): StepState {
  const step = state.byId.get(stepId);
  if (step === undefined) throw illegal(event, `the plan has no step ${stepId}`);
  return step;
}

export function illegal(event: FoldedEvent, why: string): LilyError {
  return new LilyError("LEDGER_TRANSITION_ILLEGAL", `${event.key}: ${event.kind} is not allowed: ${why}`, { details: { kind: event.kind, key: event.key } });
}
