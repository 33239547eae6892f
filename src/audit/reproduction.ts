/** Which steps of a run gave the same results when they were done again (B10). */
import type { Change } from "./plan-changes.ts";
import type { RunStatus, RunView } from "../contracts/run-view.ts";
import type { ComparedStep, RunComparison, StepVerdict } from "./run-comparison.ts";

export interface ReproducedRun {
  readonly run_id: string;
  readonly status: RunComparison["b"]["status"];
}

export interface ReproducedStep {
  readonly step_id: string;
  /** Null where there is nothing to compare. */
  readonly reproducible: boolean | null;
  /** One for each run, in their order. */
  readonly verdicts: readonly StepVerdict[];
  /** Of the first run that differed. */
  readonly reason: string | null;
}

export interface Difference {
  readonly run_id: string;
  readonly step_id: string;
  /** Null when the step rested in another way. */
  readonly output: string | null;
  readonly reason: string;
  /** What was recorded of both runs and differs before the step; empty when the step itself gives other results. */
  readonly causes: readonly Change[];
}

/** A run that was stopped before it could show anything. */
export interface Interruption {
  readonly run_id: string;
  readonly run_status: Extract<RunStatus, "incomplete" | "canceled">;
  readonly reason: string | null;
}

export interface Reproduction {
  readonly run_id: string;
  /** True when every run ended as the first one did and no step differed; null when nothing differed and a run was interrupted. */
  readonly reproducible: boolean | null;
  readonly runs: readonly ReproducedRun[];
  readonly steps: readonly ReproducedStep[];
  /** The first step that differed while nothing that it needs did, in the first run that differed. */
  readonly first_difference: Difference | null;
  /** What was not as it was for the first run: the machine, its tools, the source. */
  readonly changes: readonly Change[];
  /** The run that was stopped; it is among no `runs` and is not compared. Null when each came to its own end. */
  readonly interrupted: Interruption | null;
}

/** A run that a person canceled or an escalation ended is no evidence for or against. Null when the run came to its own end. */
export function interruptionOf({ run_id, status, reason }: Pick<RunView, "run_id" | "status" | "reason">): Interruption | null {
  return status === "incomplete" || status === "canceled" ? { run_id, run_status: status, reason } : null;
}

/** Nothing done again shows nothing. `comparisons` are of the first run with each later one. */
export function judgeReproduction(runId: string, comparisons: readonly RunComparison[], interrupted: Interruption | null = null): Reproduction {
  const ids = [...new Set(comparisons.flatMap((comparison) => comparison.steps.map((step) => step.step_id)))];
  const steps = ids.map((id) => stepOf(id, comparisons));
  const endedAlike = comparisons.every((comparison) => comparison.b.status === comparison.a.status);
  const isAlike = endedAlike && steps.every((step) => step.reproducible !== false);
  return {
    run_id: runId,
    reproducible: isAlike && interrupted !== null ? null : isAlike && comparisons.length > 0,
    runs: comparisons.map(({ b }) => ({ run_id: b.run_id, status: b.status })),
    steps,
    first_difference: firstDifference(comparisons),
    changes: comparisons[0]?.changes ?? [],
    interrupted,
  };
}

function stepOf(id: string, comparisons: readonly RunComparison[]): ReproducedStep {
  const found = comparisons.flatMap((comparison) => comparison.steps.filter((step) => step.step_id === id));
  const bad = found.find((step) => !step.same);
  const compared = found.some((step) => step.verdict !== "not_comparable");
  return {
    step_id: id,
    reproducible: bad === undefined ? (compared ? true : null) : false,
    verdicts: found.map((step) => step.verdict),
    reason: bad?.reason ?? null,
  };
}

function firstDifference(comparisons: readonly RunComparison[]): Difference | null {
  for (const { b, first_divergence: first, steps } of comparisons) {
    if (first === null) continue;
    const step: ComparedStep | undefined = steps.find((one) => one.step_id === first.step_id);
    const output = step?.outputs.find((one) => one.verdict !== "identical" && one.verdict !== "equal_by_schema");
    return { run_id: b.run_id, step_id: first.step_id, output: output?.name ?? null, reason: output?.reason ?? first.reason, causes: first.causes };
  }
  return null;
}
