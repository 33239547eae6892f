import type { PlanRoute } from "../contracts/plan-document.ts";
import { countedAttempts, type Failure, type RunState, type StepState } from "./run-state.ts";
import { strictDependents } from "./step-phase.ts";

/** What follows a failure, before it is recorded. */
export interface RouteChoice {
  readonly routeId: string | null;
  readonly action: "retry" | "goto" | "escalate" | "abort" | "continue";
  readonly target: string | null;
  readonly gateId: string | null;
  readonly reason: string;
}

/**
 * The first route in document order that matches and whose bounds are not used up (E3); else the built-in rule: abort.
 * `step` is null for a failure of the run's own gates.
 */
export function chooseRoute(state: RunState, failure: Failure, step: StepState | null): RouteChoice {
  const exhausted: string[] = [];
  for (const route of state.plan.routes) {
    const gateId = matchedGate(route, failure, step);
    if (gateId === undefined) continue;
    if (route.when.exhausted !== undefined && route.when.exhausted !== (failure.spent || exhausted.length > 0)) continue;
    const bound = boundReached(state, route, step);
    if (bound === null) return choice(route, gateId, failure.reason);
    exhausted.push(bound);
  }
  const reason = exhausted.length === 0 ? failure.reason : `${failure.reason}; ${exhausted.join("; ")}`;
  return { routeId: null, action: "abort", target: null, gateId: failure.gates[0]?.id ?? null, reason };
}

function choice(route: PlanRoute, gateId: string | null, failureReason: string): RouteChoice {
  const shared = { routeId: route.id, gateId };
  switch (route.do.kind) {
    case "goto":
      return { ...shared, action: "goto", target: route.do.target, reason: failureReason };
    case "escalate":
    case "abort":
      return { ...shared, action: route.do.kind, target: null, reason: route.do.reason === "" ? failureReason : route.do.reason };
    case "retry":
    case "continue":
      return { ...shared, action: route.do.kind, target: null, reason: failureReason };
  }
}

/** The gate that made the route match, null when it matched without one, undefined when it does not match. */
function matchedGate(route: PlanRoute, failure: Failure, step: StepState | null): string | null | undefined {
  const { when } = route;
  if (when.step !== null && when.step !== step?.plan.id) return undefined;
  if (when.violation !== null && when.violation !== (failure.kind === "violation")) return undefined;
  if (failure.kind !== "gate") {
    if (when.gate !== null) return undefined;
    return when.status === null || when.status === failure.status ? null : undefined;
  }
  const gate = failure.gates.find((one) => (when.gate === null || when.gate === one.id) && (when.status === null || when.status === one.status));
  return gate?.id;
}

/** Why a matching route may not be taken again, or null. */
function boundReached(state: RunState, route: PlanRoute, step: StepState | null): string | null {
  const { attempts_max: attemptsMax, retry_max: retryMax } = state.plan.policy;
  if (route.do.kind !== "retry" && route.do.kind !== "goto") return null;
  if ((state.routeCounts.get(route.id) ?? 0) >= route.do.max) return `route ${route.id} was taken ${route.do.max} times already`;
  if (route.do.kind === "retry" && step !== null && retryMax !== undefined && countedAttempts(step) > retryMax)
    return `step ${step.plan.id} was tried ${countedAttempts(step)} times, and the policy allows ${retryMax} retries`;
  const again = route.do.kind === "goto" ? stepsFrom(state, route.do.target) : step === null ? [] : [step];
  const spent = again.find((one) => countedAttempts(one) >= attemptsMax);
  return spent === undefined ? null : `step ${spent.plan.id} used its ${attemptsMax} attempts`;
}

/** A goto does its target and everything behind it again, so each of them must have an attempt left. */
function stepsFrom(state: RunState, id: string): readonly StepState[] {
  const target = state.byId.get(id);
  if (target === undefined) return [];
  return [target.index, ...strictDependents(state, target.index)].flatMap((position) => state.steps[position] ?? []);
}
