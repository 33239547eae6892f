/** What a comparison needs of a run: how each step rests and with which results. Folded from events and plan alone. */
import type { Digest } from "../base/digest.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import type { RunView, StepView } from "../contracts/run-view.ts";
import { RunViewFold } from "./run-view-fold.ts";

export interface OutputFile {
  readonly artifactId: ArtifactId;
  /** Of the stored bytes. */
  readonly digest: Digest;
}

export interface StepFacts {
  readonly status: StepView["status"];
  /** In this run; a reuse is no attempt. */
  readonly attempts: number;
  /** Of the last attempt; null when there was none, or it did not end. */
  readonly durationMs: number | null;
  /** By output name, files of a glob in path order; null when the step rests without results. */
  readonly outputs: ReadonlyMap<string, readonly OutputFile[]> | null;
  /** Names of outputs that a person replaced, in this run or before they were reused from another. */
  readonly replaced: readonly string[];
  /** The run, step and attempt whose results stand in. */
  readonly reused: EventData["STEP_REUSED"]["from"] | null;
}

export interface RunFacts {
  readonly runId: string;
  readonly view: RunView;
  readonly plan: PlanDocument | null;
  readonly events: readonly LedgerEvent[];
  readonly steps: ReadonlyMap<string, StepFacts>;
  readonly fork: EventData["RUN_FORKED"] | null;
  /** Artifacts that the record of the run stored. */
  readonly refs: ReadonlyMap<string, ArtifactRef>;
}

export function runFacts(runId: string, events: readonly LedgerEvent[], plan: PlanDocument | null): RunFacts {
  const fold = new RunViewFold(runId, "");
  if (plan !== null) fold.usePlan(plan);
  for (const event of events) fold.add(event);
  const view = fold.view();
  const results = new Results();
  for (const event of events) results.add(event);
  return {
    runId,
    view,
    plan,
    events,
    steps: new Map(view.steps.map((step) => [step.step_id, stepFacts(step, results)])),
    fork: results.fork,
    refs: results.refs,
  };
}

function stepFacts(step: StepView, results: Results): StepFacts {
  const rests = step.status === "succeeded" || step.status === "reused";
  const result = rests ? results.of(step.step_id) : undefined;
  return {
    status: step.status,
    attempts: step.attempts.length,
    durationMs: step.attempts.at(-1)?.duration_ms ?? null,
    outputs: result?.outputs ?? null,
    replaced: result?.replaced ?? [],
    reused: step.status === "reused" ? (result?.reused ?? null) : null,
  };
}

interface Result {
  readonly outputs: Map<string, OutputFile[]>;
  readonly replaced: string[];
  readonly reused: EventData["STEP_REUSED"]["from"] | null;
}

/** The newest results of each step, with what people replaced in them. */
class Results {
  readonly refs = new Map<string, ArtifactRef>();
  readonly #steps = new Map<string, Result>();
  fork: EventData["RUN_FORKED"] | null = null;

  of(stepId: string): Result | undefined {
    return this.#steps.get(stepId);
  }

  add(event: LedgerEvent): void {
    switch (event.kind) {
      case "ARTIFACT_STORED":
        this.refs.set(event.data.artifact.artifact_id, event.data.artifact);
        return;
      case "STEP_COMPLETED":
        this.#steps.set(event.data.step_id, { outputs: outputsOf(event.data), replaced: [], reused: null });
        return;
      case "STEP_REUSED":
        return this.#reuse(event.data);
      case "ARTIFACT_REPLACED":
        return this.#replace(event.data);
      case "RUN_FORKED":
        this.fork = event.data;
        return;
      default:
        return;
    }
  }

  /** A fork keeps what a person had put in the place of an output: only replacements among outputs are made by people. */
  #reuse(data: EventData["STEP_REUSED"]): void {
    const outputs = outputsOf(data);
    const replaced = [...outputs].flatMap(([name, files]) => (files.some((file) => this.refs.get(file.artifactId)?.producer_kind === "human") ? [name] : []));
    this.#steps.set(data.step_id, { outputs, replaced, reused: data.from });
  }

  #replace(data: EventData["ARTIFACT_REPLACED"]): void {
    const result = data.step_id === undefined ? undefined : this.#steps.get(data.step_id);
    const digest = this.refs.get(data.replacement_artifact_id)?.digest;
    if (result === undefined || digest === undefined) return;
    for (const [name, files] of result.outputs) {
      const at = files.findIndex((file) => file.artifactId === data.original_artifact_id);
      if (at < 0) continue;
      files[at] = { artifactId: data.replacement_artifact_id, digest };
      result.replaced.push(name);
    }
  }
}

/** `artifacts` lists ids in the order of sorted output names, files of a glob in path order. */
function outputsOf(data: Pick<EventData["STEP_COMPLETED"], "outputs" | "artifacts">): Map<string, OutputFile[]> {
  const outputs = new Map<string, OutputFile[]>();
  let from = 0;
  for (const name of Object.keys(data.outputs).sort()) {
    const value = data.outputs[name];
    const digests = value === undefined ? [] : Array.isArray(value) ? value : [value];
    outputs.set(
      name,
      digests.flatMap((digest, index) => {
        const artifactId = data.artifacts[from + index];
        return artifactId === undefined ? [] : [{ artifactId, digest }];
      }),
    );
    from += digests.length;
  }
  return outputs;
}
