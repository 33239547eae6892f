/** Why a step of a run was reused, done again, skipped or denied: the newest decision about it in the record, and its certificate. */
import { whySchema } from "../artifacts/builtin-schemas.ts";
import { LilyError } from "../base/lily-error.ts";
import type { EventOf, LedgerEvent } from "../contracts/event.ts";
import { type ArtifactId, runStream } from "../contracts/ids.ts";
import type { PlanStep } from "../contracts/plan-document.ts";
import type { WhyView } from "../contracts/why-view.ts";
import { committedPlan } from "../runtime/resume-run.ts";
import type { KernelCore } from "./core.ts";

type DecisionEvent = EventOf<"STEP_STARTED" | "STEP_REUSED" | "STEP_SKIPPED" | "POLICY_VIOLATION">;

/** RUN_NOT_FOUND, RUN_STATE_CONFLICT for a run without a plan, USAGE_INVALID for a step that it does not have. */
export async function whyRun(core: KernelCore, runText: string, stepId: string): Promise<WhyView> {
  const runId = await core.findRun(runText);
  const ledger = await core.ledger();
  const events: LedgerEvent[] = [];
  for await (const event of ledger.readStream(runStream(runId))) events.push(event);
  const committed = await committedPlan(await core.artifactStore(), events);
  if (committed === null) throw new LilyError("RUN_STATE_CONFLICT", `run ${runId} has no plan yet, so nothing was decided about its steps`);
  const step = committed.plan.steps.find((one) => one.id === stepId);
  if (step === undefined) {
    const known = committed.plan.steps.slice(0, 20).map((one) => one.id);
    throw new LilyError("USAGE_INVALID", `run ${runId} has no step ${stepId}; it has ${known.join(", ")}`, { details: { run_id: runId, step_id: stepId } });
  }
  const view = { run_id: runId, step_id: stepId, advice: null, why_artifact_id: null, compared_with: null, inputs: 0, changed: [] };
  const event = events.findLast((one) => isDecision(one, stepId));
  if (event === undefined || !isDecision(event, stepId))
    return { ...view, decision: "pending", because: `step ${stepId} has not started, and nothing was decided about it` };
  const decision = decisionOf(event);
  const whyId = event.data.why_artifact_id;
  const advice = isPlain(events) ? adviceOf(step, event) : null;
  if (whyId === undefined) return { ...view, decision, because: plainSentence(event, step), advice };
  return { ...view, decision, why_artifact_id: whyId, ...(await certificate(core, events, whyId)), advice };
}

/** Whether reuse is what the reader has to think of: not where a person asked for steps again, or the run was stopped. */
function isPlain(events: readonly LedgerEvent[]): boolean {
  return !events.some((event) => event.kind === "RERUN_REQUESTED" || event.kind === "RUN_FORKED" || event.kind === "RUN_INCOMPLETE");
}

function isDecision(event: LedgerEvent, stepId: string): event is DecisionEvent {
  switch (event.kind) {
    case "STEP_STARTED":
    case "STEP_REUSED":
    case "STEP_SKIPPED":
    case "POLICY_VIOLATION":
      return event.data.step_id === stepId;
    default:
      return false;
  }
}

function decisionOf({ kind }: DecisionEvent): WhyView["decision"] {
  const decisions = { STEP_STARTED: "ran", STEP_REUSED: "reused", STEP_SKIPPED: "skipped", POLICY_VIOLATION: "denied" } as const;
  return decisions[kind];
}

async function certificate(
  core: KernelCore,
  events: readonly LedgerEvent[],
  id: ArtifactId,
): Promise<Pick<WhyView, "because" | "compared_with" | "inputs" | "changed">> {
  const stored = events.find((one) => one.kind === "ARTIFACT_STORED" && one.data.artifact.artifact_id === id);
  if (stored?.kind !== "ARTIFACT_STORED") throw new LilyError("OBJECT_MISSING", `the certificate ${id} is not in the record`, { details: { artifact_id: id } });
  const artifacts = await core.artifactStore();
  const { artifact, inline } = stored.data;
  const why = whySchema.safeParse(artifacts.payloadOf(artifact, await artifacts.readArtifact(artifact, inline)));
  if (!why.success) throw new LilyError("OBJECT_CORRUPT", `artifact ${id} is no why.v1`, { details: { artifact_id: id } });
  const { because, compared_with, inputs, changed } = why.data;
  return { because, compared_with, inputs, changed };
}

const howto = "docs/howto/reuse-results.md";

function plainSentence(event: DecisionEvent, step: PlanStep): string {
  if (event.kind === "POLICY_VIOLATION") return `step ${step.id} was denied: ${event.data.details}`;
  return event.kind === "STEP_STARTED" ? startSentence(step, event.data) : `step ${step.id} was decided without a certificate`;
}

function startSentence(step: PlanStep, { attempt, cause, route_id: routeId }: EventOf<"STEP_STARTED">["data"]): string {
  switch (cause) {
    case "retry":
      return `step ${step.id}, attempt ${attempt}, is a retry: the attempt before it did not succeed`;
    case "route":
      return `step ${step.id}, attempt ${attempt}, was started by ${routeId === undefined ? "a route" : `route ${routeId}`}`;
    case "resume":
      return `step ${step.id}, attempt ${attempt}, was started because the attempt before it was interrupted`;
    case "rerun":
      return `step ${step.id}, attempt ${attempt}, was started because a person asked for it`;
    case "ready":
      if (attempt > 1) return `step ${step.id}, attempt ${attempt}, ran again because something it needs was done again`;
      return step.pure
        ? `step ${step.id} ran: earlier results were not looked for`
        : `step ${step.id} ran because it is not pure: such a step is done in every run`;
  }
}

function adviceOf(step: PlanStep, event: DecisionEvent): string | null {
  if (event.kind !== "STEP_STARTED" || event.data.cause !== "ready" || event.data.attempt > 1) return null;
  return step.pure ? null : `say pure: true where the same inputs always give the same outputs, so that it is reused while nothing changes (${howto})`;
}
