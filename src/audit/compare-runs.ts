/** Two runs side by side: what they were told, what they did, and from which step on they went apart (B5, B10). Reads only. */
import type { JsonValue } from "../base/json-value.ts";
import type { PlanDocument, PlanStep } from "../contracts/plan-document.ts";
import { usesInput } from "../graph/input-users.ts";
import { referencesIn } from "../graph/resolve-template.ts";
import { compareSteps } from "./compare-steps.ts";
import { contentDigest, type ContentSource } from "./compare-content.ts";
import { foldExecutionRecord } from "./execution-record.ts";
import { type Change, environmentChanges, inputChanges, planChanges } from "./plan-changes.ts";
import type { ComparedGate, ComparedSide, ComparedStep, FirstDivergence, RunComparison, SharedPrefix } from "./run-comparison.ts";
import { replacementChanges } from "./replacement-changes.ts";
import type { RunFacts } from "./run-facts.ts";
import { newestVerdicts, summariseRun } from "./run-summary.ts";

export interface ComparedEnvironments {
  /** Payloads of `environment_snapshot.v1`; null when a run has none. */
  readonly a: JsonValue;
  readonly b: JsonValue;
}

export async function compareRuns(a: RunFacts, b: RunFacts, environments: ComparedEnvironments, source: ContentSource): Promise<RunComparison> {
  const [left, right] = [sideOf(a), sideOf(b)];
  const changes = [
    ...(a.plan === null || b.plan === null ? [] : planChanges(a.plan, b.plan)),
    ...inputChanges(await inputContents(a, source), await inputContents(b, source)),
    ...environmentChanges(environments.a, environments.b),
    ...replacementChanges(a, b),
  ];
  const steps = await compareSteps(a, b, source);
  const gates = compareGates(a, b);
  const alike = left.status === right.status && left.security.after === right.security.after && left.security.before === right.security.before;
  const same =
    alike && left.plan_hash === right.plan_hash && changes.length === 0 && steps.every((step) => step.same) && gates.every((gate) => gate.a === gate.b);
  return { same, a: left, b: right, shared: sharedPrefix(a, b), changes, steps, gates, first_divergence: firstDivergence(a, b, steps, changes) };
}

function sideOf(run: RunFacts): ComparedSide {
  const record = foldExecutionRecord(run.events, run.plan);
  const summary = summariseRun(record, run.events, run.plan);
  return {
    run_id: run.runId,
    workflow: summary.workflow,
    plan_hash: record.plan_id,
    status: record.status,
    reason: record.completion_reason,
    run_status: run.view.status,
    duration_ms: summary.duration_ms,
    security: summary.security,
  };
}

/** By payload of structured inputs, by file otherwise. */
async function inputContents(run: RunFacts, source: ContentSource): Promise<ReadonlyMap<string, string>> {
  const contents = new Map<string, string>();
  for (const [name, id] of Object.entries(run.view.inputs)) {
    const ref = run.refs.get(id);
    contents.set(name, ref === undefined ? id : await contentDigest(source, ref));
  }
  return contents;
}

type Verdict = NonNullable<ComparedGate["a"]>;
const verdicts = { GATE_PASSED: "passed", GATE_FAILED: "failed", GATE_ERROR: "error" } as const satisfies Readonly<Record<string, Verdict>>;

function compareGates(a: RunFacts, b: RunFacts): readonly ComparedGate[] {
  const [left, right] = [newestVerdicts(a.events), newestVerdicts(b.events)];
  return [...new Set([...left.keys(), ...right.keys()])].map((gate) => {
    const [one, other] = [left.get(gate), right.get(gate)];
    const [x, y] = [one?.data.metrics ?? {}, other?.data.metrics ?? {}];
    const names = [...new Set([...Object.keys(x), ...Object.keys(y)])].filter((name) => x[name] !== y[name]);
    return {
      gate,
      a: one === undefined ? null : verdicts[one.kind],
      b: other === undefined ? null : verdicts[other.kind],
      metrics: names.map((name) => `${name}: ${x[name] ?? "none"} -> ${y[name] ?? "none"}`),
    };
  });
}

function sharedPrefix(a: RunFacts, b: RunFacts): SharedPrefix | null {
  return prefixOf(a, b, "a") ?? prefixOf(b, a, "b");
}

function prefixOf(fork: RunFacts, origin: RunFacts, side: SharedPrefix["fork"]): SharedPrefix | null {
  if (fork.fork === null || fork.fork.from.run_id !== origin.runId) return null;
  const { prefix, step_ids } = fork.fork;
  return { fork: side, events: prefix.events, head: prefix.head, proven: origin.events[prefix.events - 1]?.hash === prefix.head, step_ids };
}

function firstDivergence(a: RunFacts, b: RunFacts, steps: readonly ComparedStep[], changes: readonly Change[]): FirstDivergence | null {
  const apart = new Set(steps.filter((step) => !step.same).map((step) => step.step_id));
  const needed = [a.plan, b.plan].map((plan) => new Map((plan?.steps ?? []).map((step) => [step.id, step.needs])));
  const needs = (id: string): readonly string[] => [...new Set(needed.flatMap((steps) => steps.get(id) ?? []))];
  const first = steps.find((step) => apart.has(step.step_id) && !needs(step.step_id).some((need) => apart.has(need)));
  if (first === undefined) return null;
  const line = lineage(first.step_id, needs);
  const plans = [a.plan, b.plan].filter((plan) => plan !== null);
  return {
    step_id: first.step_id,
    reason: first.reason ?? first.verdict,
    causes: changes.filter((change) => plans.some((plan) => reaches(plan, line, change))),
  };
}

/** The step and all that it needs, directly or not. */
function lineage(stepId: string, needs: (id: string) => readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [stepId];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    open.push(...needs(id));
  }
  return found;
}

/** Whether a difference can have made one of these steps give another result. What cannot be told from the plan counts. */
function reaches(plan: PlanDocument, line: ReadonlySet<string>, { kind, name }: Change): boolean {
  const steps = plan.steps.filter((step) => line.has(step.id));
  switch (kind) {
    case "input":
      return steps.some((step) => usesInput(step, name));
    case "param":
      return steps.some((step) => namesParam(step, name));
    case "code":
      return steps.some((step) => dependsOnCode(step, name));
    case "module":
      return steps.some((step) => step.executor.kind === "module" && step.executor.module === name);
    case "step":
    case "replacement":
      return [...line].some((id) => name === id || name.startsWith(`${id}.`));
    case "schema":
      return steps.some((step) => Object.values(step.outputs).some((output) => output.schema === name));
    case "gate":
    case "route":
    case "workflow":
      return false;
    case "policy":
    case "pack":
    case "platform":
    case "runtime":
    case "kernel":
    case "tool":
    case "lockfile":
    case "source":
      return true;
  }
}

function namesParam(step: PlanStep, name: string): boolean {
  const { executor } = step;
  const command = executor.kind === "process" ? executor.argv : executor.kind === "shell" ? [executor.text] : [];
  return referencesIn([command, step.env, step.with]).some((reference) => reference.kind === "param" && reference.name === name);
}

/** A pure step lists its code; of another one every file of the plan may be its code, because it may read any of them. */
function dependsOnCode(step: PlanStep, path: string): boolean {
  if (step.code !== undefined) return step.code.includes(path);
  return step.executor.kind !== "module";
}
