/** Verdict by verdict: outputs of a step, then the step. */
import { compareContent, type ComparedContent, type ContentSource, identical } from "./compare-content.ts";
import type { ComparedOutput, ComparedStep, StepSide } from "./run-comparison.ts";
import type { OutputFile, RunFacts, StepFacts } from "./run-facts.ts";

/** Steps in the order of A's plan, then those that only B has. */
export async function compareSteps(a: RunFacts, b: RunFacts, source: ContentSource): Promise<readonly ComparedStep[]> {
  const ids = [...new Set([...a.steps.keys(), ...b.steps.keys()])];
  const steps: ComparedStep[] = [];
  for (const id of ids) steps.push(await compareStep(id, a.steps.get(id), b.steps.get(id), source));
  return steps;
}

async function compareStep(id: string, a: StepFacts | undefined, b: StepFacts | undefined, source: ContentSource): Promise<ComparedStep> {
  const shared = { step_id: id, outputs: [], a: a === undefined ? null : sideOf(a), b: b === undefined ? null : sideOf(b) };
  if (a === undefined || b === undefined) {
    const side = a === undefined ? "b" : "a";
    return { ...shared, verdict: `only_in_${side}`, reason: `only run ${side.toUpperCase()} has this step`, same: false };
  }
  const [one, other] = [a.outputs, b.outputs];
  if (one === null && other === null) {
    const same = a.status === b.status;
    const reason = same ? `${a.status} in both runs, without results` : `${a.status} in A, ${b.status} in B`;
    return { ...shared, verdict: "not_comparable", reason, same };
  }
  if (one === null || other === null) return { ...shared, verdict: "diverged", reason: `${a.status} in A, ${b.status} in B`, same: false };
  const outputs: ComparedOutput[] = [];
  for (const name of [...new Set([...one.keys(), ...other.keys()])].sort()) outputs.push(await compareOutput(name, one.get(name), other.get(name), source));
  const { verdict, reason } = verdictOf(outputs);
  return { ...shared, outputs, verdict, reason, same: verdict === "identical" || verdict === "equal_by_schema" || outputs.length === 0 };
}

async function compareOutput(
  name: string,
  a: readonly OutputFile[] | undefined,
  b: readonly OutputFile[] | undefined,
  source: ContentSource,
): Promise<ComparedOutput> {
  const ids = { name, a: (a ?? []).map((file) => file.artifactId), b: (b ?? []).map((file) => file.artifactId) };
  if (a === undefined || b === undefined) {
    const side = a === undefined ? "b" : "a";
    return { ...ids, verdict: `only_in_${side}`, reason: `only run ${side.toUpperCase()} has it` };
  }
  if (a.length !== b.length) return { ...ids, verdict: "diverged", reason: `${a.length} files in A, ${b.length} in B` };
  const contents: ComparedContent[] = [];
  for (const [index, file] of a.entries()) {
    const other = b[index];
    if (other !== undefined) contents.push(file.digest === other.digest ? identical : await compareContent(source, file.artifactId, other.artifactId));
  }
  return { ...ids, ...worst(contents) };
}

const severity = ["identical", "equal_by_schema", "not_comparable", "diverged"] as const;

/** The worst of several; of equally bad ones the first. No content at all is the same content. */
function worst(contents: readonly ComparedContent[]): ComparedContent {
  return contents.reduce((bad, one) => (severity.indexOf(one.verdict) > severity.indexOf(bad.verdict) ? one : bad), identical);
}

function verdictOf(outputs: readonly ComparedOutput[]): Pick<ComparedStep, "verdict" | "reason"> {
  if (outputs.length === 0) return { verdict: "not_comparable", reason: "the step has no outputs" };
  const contents = outputs.map(
    ({ name, verdict, reason }): ComparedContent => ({
      verdict: verdict === "only_in_a" || verdict === "only_in_b" ? "diverged" : verdict,
      reason: reason === null ? null : `output ${name}: ${reason}`,
    }),
  );
  return worst(contents);
}

function sideOf(step: StepFacts): StepSide {
  const { reused } = step;
  return {
    status: step.status,
    attempts: step.attempts,
    duration_ms: step.durationMs,
    reused_from: reused === null ? null : `${reused.run_id}/${reused.step_id}/${reused.attempt}`,
  };
}
