import { LilyError } from "../base/lily-error.ts";
import type { Digest } from "../base/digest.ts";
import type { EventBody } from "../contracts/event.ts";
import type { RunId } from "../contracts/ids.ts";
import type { PlanDocument, PlanPolicy } from "../contracts/plan-document.ts";
import type { RunState } from "../graph/run-state.ts";
import type { FileTree } from "../ports/file-tree.ts";
import type { SecurityReading } from "../ports/security-monitor.ts";
import { CodeGuard } from "../runtime/code-guard.ts";
import type { RunContext, RuntimeDeps } from "../runtime/run-context.ts";
import { readSecurity, snapshotBody } from "../runtime/security-watch.ts";

/** What is led, and where it works. */
export interface LedPlan {
  readonly runId: RunId;
  readonly plan: PlanDocument;
  readonly planHash: Digest;
  readonly state: RunState;
  readonly sourceDir: string;
  readonly tree: FileTree;
  readonly configDir: string;
  readonly security: SecurityReading;
  /** Default: earlier results may stand in for pure steps. */
  readonly reuse?: boolean;
}

export function runContextOf(deps: RuntimeDeps, led: LedPlan): RunContext {
  const { security, ...members } = led;
  return {
    reuse: true,
    ...members,
    deps,
    principal: deps.probe.principal(),
    loadedModules: new Map(),
    codeGuard: new CodeGuard(led.plan, led.tree),
    securityAtStart: security,
  };
}

/**
 * The security state, when it lets work start: OPERATIONAL, or UNKNOWN where nobody tells and the policy does not ask for more (S1).
 * Throws SECURITY_NOT_OPERATIONAL.
 */
export async function requireOperational(deps: Pick<RuntimeDeps, "security" | "clock">, policy: PlanPolicy | null): Promise<SecurityReading> {
  const reading = await readSecurity(deps.security, deps.clock);
  const { state, reason } = reading;
  if (state === "OPERATIONAL" || (state === "UNKNOWN" && policy?.security !== "operational")) return reading;
  throw new LilyError("SECURITY_NOT_OPERATIONAL", `the security state of the workspace is ${state}${reason === null ? "" : `: ${reason}`}; nothing starts`, {
    details: { state },
  });
}

/** SECURITY_SNAPSHOT for the events by which a process goes on with a run: what the state was when it took over. */
export function preSnapshot(run: Pick<RunContext, "securityAtStart" | "state">): EventBody {
  return snapshotBody("pre", run.securityAtStart, null, run.state.events);
}

/** What an escalation ended stays ended (S1). Throws SECURITY_ESCALATED. */
export function refuseIncomplete(state: Pick<RunState, "runId" | "phase">): void {
  if (state.phase !== "incomplete") return;
  throw new LilyError(
    "SECURITY_ESCALATED",
    `run ${state.runId} is INCOMPLETE: the security state rose while it was going on. It is never resumed, rerun or reopened; start a new run, or fork it, once the state is OPERATIONAL`,
    { details: { run_id: state.runId } },
  );
}
