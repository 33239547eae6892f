/** What people and programs are shown of a run: folds of its record, never truth themselves. JSON shapes of the CLI (`--json`). */
import type { Digest } from "../base/digest.ts";
import type { ArtifactRef } from "./artifact-ref.ts";

export const runStatuses = ["created", "planned", "running", "succeeded", "failed", "blocked", "canceled", "incomplete"] as const;
export type RunStatus = (typeof runStatuses)[number];

export const stepStatuses = ["pending", "running", "succeeded", "failed", "skipped", "reused", "interrupted"] as const;
export type StepStatus = (typeof stepStatuses)[number];

export interface AttemptView {
  readonly n: number;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly duration_ms: number | null;
  readonly outcome: "running" | "completed" | "failed" | "timeout" | "interrupted";
  readonly error: { readonly code: string; readonly reason: string } | null;
  /** Relative to the run folder; a stream without output has no file. */
  readonly log_paths: readonly string[];
  readonly executor_summary: Readonly<Record<string, unknown>> | null;
  /** artifact id -> digest of stored bytes. */
  readonly input_artifact_hashes: Readonly<Record<string, Digest>>;
  readonly output_artifact_hashes: Readonly<Record<string, Digest>>;
  /** Why it started: ready, retry, route (with the route's id), resume, rerun. */
  readonly cause: string;
}

/** StepRunRecord of docs/formats. */
export interface StepView {
  readonly step_id: string;
  readonly status: StepStatus;
  /** Every attempt, first to last; none is ever overwritten (E2). */
  readonly attempts: readonly AttemptView[];
  readonly produced_artifact_ids: readonly string[];
  readonly gate_result_ids: readonly string[];
  readonly policy_violation_ids: readonly string[];
  /** The newest `why.v1` of the step: why it was reused, done again or skipped. Null when nothing had to be explained. */
  readonly why_id: string | null;
  /** The attempt whose results stand in, with its verdicts in its own run. Absent when the step was done in this run, or not at all. */
  readonly reused_from?: { readonly run_id: string; readonly step_id: string; readonly attempt: number };
}

export interface GateView {
  readonly gate_id: string;
  readonly step_id: string | null;
  readonly attempt: number;
  readonly status: "passed" | "failed" | "error";
  readonly required: boolean;
  readonly reason: string | null;
  readonly metrics: Readonly<Record<string, number>> | null;
  readonly result_artifact_id: string;
  readonly log_artifact_ids: readonly string[];
  /** A dry run: judged on what is stored, and counted for nothing (E5). Absent for verdicts that count. */
  readonly dry_run?: boolean;
  /** Judged on a replacement that a person gave, after the attempt. Absent otherwise. */
  readonly replaced?: boolean;
}

/** What a person did with a run beside starting it: who, when and why. */
export interface PersonActView {
  readonly act: "rerun" | "replaced" | "unblocked" | "forked";
  readonly at: string;
  readonly by: string;
  /** What it was done to: steps, an output or input with both artifacts, the run that was forked; null for the run itself. */
  readonly target: string | null;
  readonly reason: string;
}

export interface RouteView {
  readonly route_id: string | null;
  readonly action: string;
  readonly step_id: string | null;
  readonly gate_id: string | null;
  readonly target: string | null;
  readonly reason: string;
}

export interface RunView {
  readonly run_id: string;
  readonly kind: string;
  readonly status: RunStatus;
  readonly workflow: string | null;
  readonly title: string | null;
  readonly reason: string | null;
  readonly plan_hash: Digest | null;
  readonly created_at: string;
  readonly finished_at: string | null;
  readonly steps: readonly StepView[];
  readonly gates: readonly GateView[];
  readonly routes: readonly RouteView[];
  readonly inputs: Readonly<Record<string, string>>;
  readonly environment_artifact_id: string | null;
  readonly record: { readonly events: number; readonly head: Digest | null; readonly sealed: boolean };
  /** Absolute folder of the run. */
  readonly run_dir: string;
  /** The run of whose first so many events this one is a fork. Absent when it is none. */
  readonly forked_from?: { readonly run_id: string; readonly events: number };
  /** What people did with the run, in the order of the record. Absent when nobody did. */
  readonly acts?: readonly PersonActView[];
}

export interface VerifyView {
  readonly run_id: string;
  readonly result: "anchored" | "unanchored" | "behind_anchor" | "corrupt";
  /** What the record is anchored by, as `local key lily/<workspace_id>, checkpoint of 12 leaves`; null when it is not. */
  readonly anchor: string | null;
  readonly events: number;
  readonly head: Digest | null;
  /** Each names the place: line, offset, what was expected and seen. */
  readonly problems: readonly string[];
  /** Of a fork: what it shares, and whether that was compared with the run it came from. Absent otherwise. */
  readonly notes?: readonly string[];
}

export interface ArtifactView extends ArtifactRef {
  /** Where the bytes are: `object` or `record`. */
  readonly stored_in: "object" | "record";
}

export interface ProblemView {
  readonly code: string;
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  /** Path inside the document, as steps.clean.run. */
  readonly path: string | null;
  /** What was probably meant. */
  readonly suggestion: string | null;
}
