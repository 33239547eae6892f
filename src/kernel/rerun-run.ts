/** `run rerun`: a person asks for steps again. They and all that needs them are done again; nothing recorded is touched (E2). */
import { clipText } from "../base/clip-text.ts";
import { LilyError } from "../base/lily-error.ts";
import { timeText } from "../base/time-text.ts";
import type { Why } from "../artifacts/builtin-schemas.ts";
import type { EventBody } from "../contracts/event.ts";
import { nearestName } from "../graph/nearest-name.ts";
import type { RunState, StepState } from "../graph/run-state.ts";
import { strictDependents } from "../graph/step-phase.ts";
import type { RunContext } from "../runtime/run-context.ts";
import { artifactIdsOf, stepReferences } from "../runtime/step-references.ts";
import { storedBody } from "../runtime/step-report.ts";
import type { KernelCore } from "./core.ts";
import type { RerunOptions, RunHandle } from "./kernel.ts";
import { reasonMax, reopenBody } from "./reopen-run.ts";
import { takeUpRun } from "./take-up-run.ts";

/** Leads the run, resets the steps, and drives it on like a start. */
export async function rerunRun(core: KernelCore, runText: string, options: RerunOptions): Promise<RunHandle> {
  const runId = await core.findRun(runText);
  return takeUpRun(core, runId, options.parallel, (state, token) => {
    const targets = stepsNamed(state, options.from);
    const reopened = reopenBody(state, token, options.reason, options.unblockReason);
    return async (run) => {
      await requireInputs(run, targets);
      return [reopened, ...(await rerunBodies(run, targets, token, options.reason))];
    };
  });
}

/** The steps that a person names, each once. Throws USAGE_INVALID. */
export function stepsNamed(state: Pick<RunState, "runId" | "byId" | "steps">, names: readonly string[]): readonly StepState[] {
  if (names.length === 0) throw new LilyError("USAGE_INVALID", "no step is named; say from which one on with --from STEP");
  const ids = state.steps.map((step) => step.plan.id);
  return [...new Set(names)].map((name) => {
    const step = state.byId.get(name);
    if (step !== undefined) return step;
    const near = nearestName(name, ids);
    const known = near === null ? `its steps are ${ids.slice(0, 20).join(", ")}${ids.length > 20 ? ", ..." : ""}` : `did you mean ${near}?`;
    throw new LilyError("USAGE_INVALID", `run ${state.runId} has no step ${JSON.stringify(name.slice(0, 80))}; ${known}`, { details: { run_id: state.runId } });
  });
}

/**
 * What the steps take from elsewhere must be there before the run is reopened: a run that had come to rest is not left open over a
 * missing object. Throws OBJECT_MISSING.
 */
async function requireInputs(run: RunContext, targets: readonly StepState[]): Promise<void> {
  const { state, deps } = run;
  const again = new Set(targets.flatMap((target) => [target.index, ...strictDependents(state, target.index)]));
  const made = new Set([...again].flatMap((position) => [...(state.steps[position]?.outputs.values() ?? [])].flat()));
  for (const position of again) {
    const step = state.steps[position];
    if (step === undefined) continue;
    for (const id of artifactIdsOf(state, stepReferences(step.plan))) {
      const stored = state.artifacts.get(id);
      if (made.has(id) || stored === undefined || stored.inline !== null || (await deps.objects.stat(stored.ref.digest)) !== null) continue;
      throw new LilyError(
        "OBJECT_MISSING",
        `step ${step.plan.id} cannot be done again: artifact ${id} is not in the store any more; restore it, or start a new run`,
        {
          details: { step_id: step.plan.id, artifact_id: id },
        },
      );
    }
  }
}

/** The request and its why, not yet appended. */
export async function rerunBodies(run: RunContext, targets: readonly StepState[], token: number, reason: string): Promise<readonly EventBody[]> {
  const ids = targets.map((step) => step.plan.id);
  const why = await storeWhy(run, targets, `why/rerun/${token}`, reason);
  return [
    storedBody(why),
    {
      kind: "RERUN_REQUESTED",
      key: `RERUN_REQUESTED/${token}`,
      data: { step_ids: ids, reason: clipText(reason, reasonMax), why_artifact_id: why.artifact.artifact_id },
    },
  ];
}

function storeWhy(run: RunContext, targets: readonly StepState[], name: string, reason: string): ReturnType<RunContext["deps"]["artifacts"]["prepareJson"]> {
  const [first] = targets;
  const said = clipText(reason, reasonMax);
  const why: Why = {
    subject: "rerun",
    step_id: first?.plan.id ?? "none",
    attempt: first?.attempt ?? 0,
    compared_with: null,
    inputs: 0,
    changed: targets.map((step) => ({ kind: "request", name: step.plan.id, before: null, after: said })),
    because: `${run.principal} asked for ${targets.map((step) => step.plan.id).join(", ")} again: ${said}`,
    timestamp: timeText(run.deps.clock.nowMs()),
  };
  return run.deps.artifacts.prepareJson({
    run_id: run.runId,
    artifact_type: "why.v1",
    schema_id: "why.v1",
    producer_id: "kernel",
    producer_kind: "system",
    attempt: 0,
    inputs: [],
    name,
    value: why,
  });
}
