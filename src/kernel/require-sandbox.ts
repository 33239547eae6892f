import { LilyError } from "../base/lily-error.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import { writePlaces } from "../judge/write-places.ts";
import type { ProcessRunner } from "../ports/process-runner.ts";

/**
 * A policy that says `sandbox: require` demands that what it forbids is prevented: a machine without a sandbox, a rule about
 * writes that no sandbox holds, and a plan with a module, which runs without one, are refused before anything starts. Throws SANDBOX_UNAVAILABLE, POLICY_VIOLATION.
 */
export async function requireSandbox(plan: PlanDocument, processes: ProcessRunner): Promise<void> {
  if (plan.policy.sandbox !== "require") return;
  const { name, reason } = await processes.sandbox();
  if (name === null) {
    throw new LilyError("SANDBOX_UNAVAILABLE", `the policy says sandbox: require, and there is no sandbox on this machine: ${reason ?? "unknown"}`);
  }
  const inexact = plan.policy.write === null ? null : writePlaces(plan.policy.write).inexact;
  if (inexact !== null) {
    const help = "a sandbox holds whole folders and single files, as in out/** or out/log.txt";
    throw new LilyError("POLICY_VIOLATION", `the policy says sandbox: require, and a sandbox cannot hold ${inexact}: ${help}`);
  }
  const step = plan.steps.find(({ executor, gates }) => executor.kind === "module" || gates.some(({ check }) => check.kind === "module"));
  const gate = plan.gates.find(({ check }) => check.kind === "module");
  if (step === undefined && gate === undefined) return;
  const who = step === undefined ? `gate ${gate?.id}` : `step ${step.id}`;
  throw new LilyError("POLICY_VIOLATION", `${who} runs a module, which does not run in a sandbox, and the policy says sandbox: require`);
}
