import type { PlanGate, PlanStep } from "../contracts/plan-document.ts";
import { referencesIn } from "./resolve-template.ts";

/**
 * Whether a step can have been made from an input of the run: it or one of its gates names it, it reads it in place, or it is given every
 * input because it works in a folder of its own. A pure step is given only what it names.
 */
export function usesInput(step: PlanStep, name: string): boolean {
  if (step.reads?.includes(name) === true) return true;
  if (step.workdir === "isolated" && !step.pure) return true;
  const { executor } = step;
  const texts = [executor.kind === "process" ? executor.argv : [], step.env, step.with, ...step.gates.flatMap(gateTexts)];
  return referencesIn(texts).some((reference) => reference.kind === "input" && reference.name === name);
}

function gateTexts({ check }: PlanGate): Parameters<typeof referencesIn>[0][] {
  switch (check.kind) {
    case "command":
      return [check.argv, check.env];
    case "schema":
      return [check.of];
    case "module":
      return [check.with];
    case "hash":
      return [];
  }
}
