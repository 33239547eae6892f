/** The answer of a comparison of two runs (docs/howto/compare-runs.md). Times, ids and durations are shown and never count as a difference. */
import type { ExecutionRecord } from "../artifacts/builtin-schemas.ts";
import type { RunStatus, StepStatus } from "../contracts/run-view.ts";
import type { ContentVerdict } from "./compare-content.ts";
import type { Change } from "./plan-changes.ts";
import type { SecurityComparison } from "./run-summary.ts";

export type StepVerdict = ContentVerdict | "only_in_a" | "only_in_b";

export interface ComparedSide {
  readonly run_id: string;
  readonly workflow: string | null;
  readonly plan_hash: string | null;
  readonly status: ExecutionRecord["status"];
  readonly reason: string;
  readonly run_status: RunStatus;
  /** Milliseconds; null while the run is open. */
  readonly duration_ms: number | null;
  readonly security: SecurityComparison;
}

export interface ComparedOutput {
  readonly name: string;
  readonly verdict: StepVerdict;
  /** Null when identical. */
  readonly reason: string | null;
  /** Artifact ids, files of a glob in path order. */
  readonly a: readonly string[];
  readonly b: readonly string[];
}

export interface StepSide {
  readonly status: StepStatus;
  readonly attempts: number;
  readonly duration_ms: number | null;
  /** The attempt whose results stand in, as `RUN/STEP/ATTEMPT`; null when the step was done. */
  readonly reused_from: string | null;
}

export interface ComparedStep {
  readonly step_id: string;
  readonly verdict: StepVerdict;
  readonly reason: string | null;
  /** True when the steps rest alike and no output diverged. */
  readonly same: boolean;
  readonly outputs: readonly ComparedOutput[];
  readonly a: StepSide | null;
  readonly b: StepSide | null;
}

export interface ComparedGate {
  /** `GATE`, or `STEP/GATE` for a step's gate. */
  readonly gate: string;
  /** Newest verdict; null when there is none. */
  readonly a: "passed" | "failed" | "error" | null;
  readonly b: "passed" | "failed" | "error" | null;
  /** Metrics that differ, as `name: a -> b`. */
  readonly metrics: readonly string[];
}

/** What one run shares with another that it was forked from. */
export interface SharedPrefix {
  readonly fork: "a" | "b";
  readonly events: number;
  readonly head: string;
  /** True when the other run's record has this head at this place: links make every event before it the same. */
  readonly proven: boolean;
  /** Steps that the fork began anew, with all that needs them. */
  readonly step_ids: readonly string[];
}

export interface FirstDivergence {
  readonly step_id: string;
  readonly reason: string;
  /** Differences that can reach the step, itself or through what it needs; empty when nothing that was recorded differs. */
  readonly causes: readonly Change[];
}

export interface RunComparison {
  readonly same: boolean;
  readonly a: ComparedSide;
  readonly b: ComparedSide;
  readonly shared: SharedPrefix | null;
  readonly changes: readonly Change[];
  /** In plan order. */
  readonly steps: readonly ComparedStep[];
  readonly gates: readonly ComparedGate[];
  /** The first step in plan order that diverged while nothing that it needs did; null when none diverged. */
  readonly first_divergence: FirstDivergence | null;
}
