/** Random plans: graphs, gates, routes, retries. The same random numbers give the same plan. */
import { taggedDigest } from "../../src/base/digest.ts";
import type { PlanDocument, PlanGate, PlanRoute, PlanRouteAction, PlanRouteCondition, PlanStep } from "../../src/contracts/plan-document.ts";
import type { Random } from "./random.ts";

export interface PlanShape {
  readonly stepsMax: number;
  readonly gatesMax: number;
  readonly routesMax: number;
}

export const smallPlans: PlanShape = { stepsMax: 7, gatesMax: 2, routesMax: 4 };

export function randomPlan(random: Random, shape: PlanShape = smallPlans): PlanDocument {
  const count = 1 + random.below(shape.stepsMax);
  const ids = random.shuffled(Array.from({ length: count }, (_, at) => `s${at}`));
  // Edges follow `ids`; the document's order is another one, because a document need not be in order of dependency.
  const needs = new Map(ids.map((id, at) => [id, ids.slice(0, at).filter(() => random.chance(0.35))]));
  const order = random.shuffled(ids);
  const steps = order.map((id) =>
    planStep(
      random,
      id,
      order.filter((other) => needs.get(id)?.includes(other)),
      shape,
    ),
  );
  const gates = planGates(random, "run", random.chance(0.4) ? shape.gatesMax : 0);
  const gateIds = [...steps.flatMap((step) => step.gates), ...gates].map((gate) => gate.id);
  const routes = Array.from({ length: random.below(shape.routesMax + 1) }, (_, at) => planRoute(random, `r${at}`, ids, gateIds));
  return {
    v: 1,
    workflow: "simulated",
    title: null,
    params: {},
    inputs: {},
    policy: { tools: null, write: null, network: "allow", sandbox: "off", attempts_max: 1 + random.below(6) },
    policy_digest: taggedDigest("policy", "simulated"),
    steps,
    gates,
    routes,
    code: [],
    modules: [],
    schemas: [],
  };
}

function planStep(random: Random, id: string, needs: readonly string[], shape: PlanShape): PlanStep {
  return {
    id,
    title: null,
    needs,
    executor: { kind: "process", argv: ["true"] },
    with: {},
    outputs: { o: { path: `${id}.txt`, glob: null, schema: null, media_type: null, optional: false } },
    workdir: "source",
    timeout_ms: null,
    retry: { max: random.below(3), backoff_ms: random.below(3) * 100, factor: 2, max_backoff_ms: 1_000 },
    pure: random.chance(0.3),
    effects: [],
    gates: planGates(random, id, random.chance(0.5) ? shape.gatesMax : 0),
    log_bytes_max: 1_000,
    env: {},
    env_from: [],
    secrets: [],
  };
}

function planGates(random: Random, owner: string, max: number): readonly PlanGate[] {
  return Array.from({ length: random.below(max + 1) }, (_, at) => ({
    id: `${owner}-g${at}`,
    required: random.chance(0.75),
    timeout_ms: 1_000,
    check: { kind: "command", argv: ["true"], env: {}, env_from: [], secrets: [] },
  }));
}

function planRoute(random: Random, id: string, steps: readonly string[], gates: readonly string[]): PlanRoute {
  const byGate = gates.length > 0 && random.chance(0.5);
  const when: PlanRouteCondition = {
    step: random.chance(0.4) ? random.pick(steps) : null,
    gate: byGate ? random.pick(gates) : null,
    status: random.chance(0.5) ? null : byGate ? random.pick(["failed", "error"] as const) : random.pick(["failed", "timeout", "interrupted"] as const),
    violation: random.chance(0.9) ? null : random.chance(0.5),
  };
  return { id, when, do: routeAction(random, steps) };
}

function routeAction(random: Random, steps: readonly string[]): PlanRouteAction {
  const max = 1 + random.below(3);
  switch (random.below(8)) {
    case 0:
    case 1:
      return { kind: "retry", max };
    case 2:
    case 3:
    case 4:
      return { kind: "goto", target: random.pick(steps), max };
    case 5:
      return { kind: "escalate", reason: random.chance(0.5) ? "" : "a person must look" };
    case 6:
      return { kind: "abort", reason: "no use" };
    default:
      return { kind: "continue" };
  }
}
