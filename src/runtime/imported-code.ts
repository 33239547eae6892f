/**
 * Owns: the digests of code files, by absolute path, when this process first ran an in-process module beside them. A loader reads what a
 * module imports once a process, so a file that changed since then may still run as it was.
 */
import type { PlanStep } from "../contracts/plan-document.ts";
import type { RunContext } from "./run-context.ts";

const firstSeen = new Map<string, string>();
const noted = new WeakSet<RunContext>();

/** Called before a step runs. Only in-process modules import into this process. */
export function noteImports(run: RunContext, { executor }: PlanStep): void {
  if (executor.kind !== "module" || executor.isolation !== "none" || noted.has(run)) return;
  noted.add(run);
  for (const { path, digest } of run.plan.code) {
    const place = `${run.sourceDir}/${path}`;
    if (!firstSeen.has(place)) firstSeen.set(place, digest);
  }
}

/** True when a file of the step's code, other than its module's own (which is loaded by digest), is another than this process may have loaded. */
export function hasStaleImports(run: RunContext, step: PlanStep): boolean {
  const own = new Set(step.code ?? []);
  const modules = new Set(run.plan.modules.map(({ path }) => path));
  return run.plan.code.some(({ path, digest }) => own.has(path) && !modules.has(path) && firstSeen.get(`${run.sourceDir}/${path}`) !== digest);
}
