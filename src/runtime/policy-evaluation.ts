/** What the policy said of an attempt, as values: decisions with reasons, violations, and the envelopes that keep them. */
import { clipText } from "../base/clip-text.ts";
import type { JsonObject } from "../base/json-value.ts";
import { timeText } from "../base/time-text.ts";
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import type { PolicyEvaluation } from "../artifacts/builtin-schemas.ts";
import type { EventBody } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import type { PlanPolicy } from "../contracts/plan-document.ts";
import type { Enforcement } from "../judge/policy.ts";
import type { RunContext } from "./run-context.ts";
import { storedBody } from "./step-report.ts";
import { prepareWhy } from "./why-artifact.ts";

export type PolicyDecision = PolicyEvaluation["decisions"][number];
export type ViolationType = EventData["POLICY_VIOLATION"]["violation_type"];

/** One rule that an attempt broke. */
export interface Breach {
  readonly type: ViolationType;
  /** For people: what, and against which rule. */
  readonly details: string;
}

/** What a guard says when the attempt is over. */
export interface GuardReport {
  readonly decisions: readonly PolicyDecision[];
  readonly breaches: readonly Breach[];
  readonly enforcement: Readonly<Record<string, Enforcement>>;
}

const detailsMax = 2_000;

/** True when the policy says something of what a step may do. */
export function restricts({ tools, write, network, sandbox, diff_bytes_max: diff, env_allow: environment }: PlanPolicy): boolean {
  return tools !== null || write !== null || network === "deny" || sandbox !== "off" || diff !== undefined || environment !== undefined;
}

/** One sentence for a STEP_FAILED or a verdict; null when nothing was broken. */
export function breachText(breaches: readonly Breach[]): string | null {
  return breaches.length === 0 ? null : clipText(breaches.map(({ details }) => details).join("; "), detailsMax);
}

/** The `policy_evaluation.v1` of one attempt of a step, and for each broken rule its `policy_violation.v1` and POLICY_VIOLATION. */
export async function policyBodies(run: RunContext, stepId: string, attempt: number, report: GuardReport): Promise<readonly EventBody[]> {
  if (!restricts(run.plan.policy)) return [];
  const evaluation = await prepare(run, attempt, "policy_evaluation", `${stepId}/${attempt}`, {
    step_id: stepId,
    attempt,
    verdict: report.breaches.length === 0 ? "allow" : "block",
    policy_digest: run.plan.policy_digest,
    decisions: report.decisions.map(({ rule, verdict, reason }) => ({ rule, verdict, reason: clipText(reason, detailsMax) })),
    enforcement: { ...report.enforcement },
  });
  const bodies: EventBody[] = [storedBody(evaluation)];
  if (report.breaches.length === 0) return bodies;
  const why = await prepareWhy(
    run,
    {
      subject: "denied",
      step_id: stepId,
      attempt,
      compared_with: null,
      inputs: 0,
      changed: report.breaches.map(({ type }) => ({ kind: "policy", name: type, before: null, after: null })),
      because: `step ${stepId}, attempt ${attempt} did what the policy does not allow: ${breachText(report.breaches)}`,
    },
    `denied-${attempt}`,
  );
  bodies.push(storedBody(why));
  for (const breach of report.breaches) {
    const details = clipText(breach.details, detailsMax);
    const prepared = await prepare(run, attempt, "policy_violation", `${stepId}/${attempt}/${breach.type}`, {
      step_id: stepId,
      violation_type: breach.type,
      details,
    });
    bodies.push(storedBody(prepared), {
      kind: "POLICY_VIOLATION",
      key: `POLICY_VIOLATION/${stepId}/${attempt}/${breach.type}`,
      data: {
        step_id: stepId,
        attempt,
        violation_type: breach.type,
        details,
        artifact_id: prepared.artifact.artifact_id,
        why_artifact_id: why.artifact.artifact_id,
      },
    });
  }
  return bodies;
}

function prepare(run: RunContext, attempt: number, type: "policy_evaluation" | "policy_violation", name: string, value: JsonObject): Promise<PreparedArtifact> {
  return run.deps.artifacts.prepareJson({
    run_id: run.runId,
    artifact_type: `${type}.v1`,
    schema_id: `${type}.v1`,
    producer_id: "kernel",
    producer_kind: "system",
    attempt,
    inputs: [],
    name: `${type}/${name}`,
    value: { ...value, timestamp: timeText(run.deps.clock.nowMs()) },
  });
}
