/** Which rules of a run's policy nothing holds its commands to, so that nobody takes a rule that is written for one that is kept (S6). */
import type { LedgerEvent } from "../contracts/event.ts";
import { runStream } from "../contracts/ids.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import { enforcementSummary } from "../judge/policy.ts";
import { committedPlan } from "../runtime/resume-run.ts";
import type { KernelCore } from "./core.ts";

export interface UnenforcedRules {
  /** `network`, `subprocesses` (what commands start in turn), `write`, `diff`. Never empty. */
  readonly rules: readonly string[];
  /** What the policy says of sandboxes. */
  readonly sandbox: PlanDocument["policy"]["sandbox"];
}

/**
 * Null when every rule is held, or none is made. What commands of the run were held to counts; before the first has ended, what this
 * machine can do. Modules, which run without a sandbox anywhere, are not looked at. RUN_NOT_FOUND, RUN_AMBIGUOUS.
 */
export async function unenforcedRules(core: KernelCore, runText: string): Promise<UnenforcedRules | null> {
  const ledger = await core.ledger();
  const events: LedgerEvent[] = [];
  for await (const event of ledger.readStream(runStream(await core.findRun(runText)))) events.push(event);
  const committed = await committedPlan(await core.artifactStore(), events);
  if (committed === null) return null;
  const { policy } = committed.plan;
  const { tools, write, network, sandbox, diff_bytes_max: diff } = policy;
  if (tools === null && write === null && network === "allow" && diff === undefined) return null;
  const summary = enforcementSummary({
    tools: tools !== null,
    write: write !== null,
    diff: diff !== undefined,
    network: network === "deny",
    environment: false,
    sandboxed: sandbox !== "off" && (sandboxedSoFar(events) ?? (await core.parts.processes.sandbox()).name !== null),
    writesExact: true,
    compared: core.parts.observers !== undefined,
    process: true,
  });
  const rules = Object.keys(summary).filter((rule) => summary[rule] === "unenforced");
  return rules.length === 0 ? null : { rules, sandbox };
}

/** Whether each command that was started and has ended ran in a sandbox; null when none has. */
function sandboxedSoFar(events: readonly LedgerEvent[]): boolean | null {
  const commands = events.flatMap((event) => {
    if (event.kind !== "STEP_COMPLETED" && event.kind !== "STEP_FAILED") return [];
    const { executor } = event.data;
    return executor?.tool === undefined ? [] : [executor];
  });
  return commands.length === 0 ? null : commands.every(({ sandbox }) => sandbox !== undefined);
}
