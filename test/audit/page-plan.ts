import { plan, step } from "../../src/audit/audit.test-support.ts";
import type { PlanDocument, PlanEffect } from "../../src/contracts/plan-document.ts";

export type PlanSteps = readonly { readonly id: string; readonly effects: readonly PlanEffect[] }[];

/** The plan of a format page: what it does not show does not matter to its examples. */
export function made(steps: PlanSteps): PlanDocument {
  return plan(steps.map(({ id, effects }) => step(id, { effects })));
}
