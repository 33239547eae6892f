import { LilyError } from "../base/lily-error.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import type { ProcessRunner } from "../ports/process-runner.ts";

/**
 * A policy that says `sandbox: require` demands that what it forbids is prevented: a machine without a sandbox, or a plan with a module,
 * which runs without one, is refused before anything starts. Throws SANDBOX_UNAVAILABLE, POLICY_VIOLATION.
 */
export async function requireSandbox(plan: PlanDocument, processes: ProcessRunner): Promise<void> {
  if (plan.policy.sandbox !== "require") return;
  const { name, reason } = await processes.sandbox();
  if (name === null) {
    throw new LilyError("SANDBOX_UNAVAILABLE", `the policy says sandbox: require, and there is no sandbox on this machine: ${reason ?? "unknown"}`);
  }
  const step = plan.steps.find(({ executor, gates }) => executor.kind === "module" || gates.some(({ check }) => check.kind === "module"));
  const gate = plan.gates.find(({ check }) => check.kind === "module");
  if (step === undefined && gate === undefined) return;
  const who = step === undefined ? `gate ${gate?.id}` : `step ${step.id}`;
  throw new LilyError("POLICY_VIOLATION", `${who} runs a module, which does not run in a sandbox, and the policy says sandbox: require`);
}
