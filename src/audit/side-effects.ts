/** Side effects of a run: what its plan declares of the steps that ran, what was observed, and whether there may have been others (H4). */
import type { ExecutionRecord } from "../artifacts/builtin-schemas.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { ExecutorSummary } from "../contracts/events.ts";
import type { PlanDocument, PlanGate } from "../contracts/plan-document.ts";

export type SideEffectReport = ExecutionRecord["side_effects"];
export type SideEffect = SideEffectReport["declared"][number];

export function sideEffectReport(events: readonly LedgerEvent[], plan: PlanDocument | null): SideEffectReport {
  return { declared: declaredEffects(events, plan), observed: observedEffects(events), unknown_effects: mayHideEffects(events, plan) };
}

/** In plan order, at the time when the step first started; a step that never started changed nothing. */
function declaredEffects(events: readonly LedgerEvent[], plan: PlanDocument | null): SideEffect[] {
  const firstStart = new Map<string, string>();
  for (const event of events) if (event.kind === "STEP_STARTED" && !firstStart.has(event.data.step_id)) firstStart.set(event.data.step_id, event.at);
  return (plan?.steps ?? []).flatMap((step) => {
    const timestamp = firstStart.get(step.id);
    if (timestamp === undefined) return [];
    return step.effects.map(({ category, description, reversible, hint }) => ({
      category,
      description,
      timestamp,
      reversible,
      step: step.id,
      details: hint === null ? {} : { hint },
    }));
  });
}

function observedEffects(events: readonly LedgerEvent[]): SideEffect[] {
  return events.flatMap((event) => {
    if (event.kind !== "SIDE_EFFECT_OBSERVED") return [];
    const { step_id: step, attempt, category, description, reversible, source, details } = event.data;
    return [{ category, description, timestamp: event.at, reversible, step, details: { ...details, attempt: String(attempt), source } }];
  });
}

/**
 * True unless the record shows of everything that ran how it was held. An attempt counts as held when it ended, in a sandbox without network,
 * and its writes were prevented or compared. An attempt that was cut off, an in-process module and a gate that runs something are not.
 */
function mayHideEffects(events: readonly LedgerEvent[], plan: PlanDocument | null): boolean {
  const gates = gatesOf(plan);
  const open = new Set<string>();
  for (const event of events) {
    switch (event.kind) {
      case "STEP_STARTED":
        open.add(attemptName(event.data));
        break;
      case "STEP_COMPLETED":
      case "STEP_FAILED":
        if (!isHeld(event.data.executor)) return true;
        open.delete(attemptName(event.data));
        break;
      case "GATE_PASSED":
      case "GATE_FAILED":
      case "GATE_ERROR":
        if (runsSomething(gates.get(event.data.gate_id))) return true;
        break;
      default:
        break;
    }
  }
  return open.size > 0;
}

function attemptName(data: { readonly step_id: string; readonly attempt: number }): string {
  return `${data.step_id}/${data.attempt}`;
}

function isHeld(executor: ExecutorSummary | undefined): boolean {
  const { network, write } = executor?.enforcement ?? {};
  return executor?.sandbox !== undefined && network === "prevented" && (write === "prevented" || write === "observed");
}

/** By id: gate ids are unique in a plan, whatever step they belong to. */
function gatesOf(plan: PlanDocument | null): ReadonlyMap<string, PlanGate> {
  const all = plan === null ? [] : [...plan.gates, ...plan.steps.flatMap((step) => step.gates)];
  return new Map(all.map((gate) => [gate.id, gate]));
}

/** A gate that no plan tells of is taken for one that does. */
function runsSomething(gate: PlanGate | undefined): boolean {
  return gate === undefined || gate.check.kind === "command" || gate.check.kind === "module";
}
