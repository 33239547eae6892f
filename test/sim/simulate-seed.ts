import { Random } from "./random.ts";
import { randomPlan, smallPlans } from "./random-plan.ts";
import { type Simulation, simulate } from "./simulate.ts";

/** The run that a seed stands for: every tenth plan is larger, every third run crashes, hostile events are offered now and then. */
export function simulateSeed(seed: number): Simulation {
  const random = new Random(seed);
  const plan = randomPlan(random, seed % 10 === 0 ? { stepsMax: 24, gatesMax: 3, routesMax: 8 } : smallPlans);
  return simulate({ plan, random, crashShare: seed % 3 === 0 ? 0.05 : 0, hostileShare: 0.05 });
}
