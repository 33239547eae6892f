/** Performs one attempt of a step, from its folder to the events that say what became of it. */
import { canonicalJson } from "../base/canonical-json.ts";
import { clipText } from "../base/clip-text.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import type { JsonObject } from "../base/json-value.ts";
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import type { EventBody } from "../contracts/event.ts";
import type { ExecutorSummary } from "../contracts/events.ts";
import type { ReferenceLookup } from "../graph/resolve-template.ts";
import type { StepState } from "../graph/run-state.ts";
import { type PathTest, pathTest } from "../judge/path-globs.ts";
import type { AttemptFolder } from "../ports/attempt-folders.ts";
import { artifactIdsOf, asPath, asValue, prepareLookup, stepReferences, templateReferences } from "./step-references.ts";
import { type CollectedOutput, collectFile, markOutputs, type OutputMarks, type Producer, requireSchema } from "./collect-outputs.ts";
import { closedWhenThrown, openGuard } from "./attempt-guard.ts";
import type { Delivery } from "./effect.ts";
import { leftBehind, observedEffects } from "./effect-report.ts";
import type { EndSignal } from "./end-signal.ts";
import { isFault } from "./is-fault.ts";
import { ModuleEffects } from "./module-effects.ts";
import { ModuleLog } from "./module-log.ts";
import { type ModuleExecutor, type OnAbandoned, performModule } from "./perform-module.ts";
import { type CommandExecutor, performProcess } from "./perform-process.ts";
import { breachText, type GuardReport, policyBodies } from "./policy-evaluation.ts";
import { noted } from "./sandbox-spec.ts";
import { attemptWork, checkCode, openWorkTree, prepareFolder } from "./prepare-folder.ts";
import type { RunContext } from "./run-context.ts";
import { completedBody, type Execution, failedBody, type SettledExecution, storedBody } from "./step-report.ts";
import { type SecretGuard, secretGuardOf } from "./secret-guard.ts";
import { storeLogs } from "./store-logs.ts";

/** Told of what is not part of an attempt's report, when it happens. */
export interface AttemptHooks {
  readonly onAbandoned: OnAbandoned;
  /** A side effect that a module reported: recorded at once, whatever becomes of the attempt. */
  readonly onEffect: (body: EventBody) => void;
}

/** Rejects on faults only; whatever the step itself does wrong becomes STEP_FAILED. */
export async function performStep(run: RunContext, step: StepState, attempt: number, end: EndSignal, hooks: AttemptHooks): Promise<Delivery> {
  const startedAtMs = run.deps.clock.monotonicMs();
  try {
    return await attemptStep(run, step, attempt, end, hooks);
  } catch (thrown) {
    if (isFault(thrown) || !isLilyError(thrown)) throw thrown;
    const durationMs = run.deps.clock.monotonicMs() - startedAtMs;
    return { bodies: [failedBody(step.plan.id, attempt, { outcome: "failed", code: thrown.code, reason: thrown.message }, [], null, durationMs)] };
  }
}

interface Attempt {
  readonly run: RunContext;
  readonly step: StepState;
  readonly attempt: number;
  readonly folder: AttemptFolder;
  readonly before: OutputMarks;
  readonly producer: Producer;
  readonly secrets: SecretGuard;
}

async function attemptStep(run: RunContext, step: StepState, attempt: number, end: EndSignal, hooks: AttemptHooks): Promise<Delivery> {
  const references = templateReferences(step.plan);
  const folder = await run.deps.folders.open(run.runId, ["steps", step.plan.id, String(attempt)], attemptWork(run, step));
  await prepareFolder(run, step, folder);
  const hasFiles = Object.values(step.plan.outputs).some((output) => output.path !== null || output.glob !== null);
  const before = hasFiles ? await markOutputs(await openWorkTree(run, folder), step.plan.outputs) : new Map<string, string>();
  const producer: Producer = { step, attempt, inputs: artifactIdsOf(run.state, stepReferences(step.plan)), secrets: secretGuardOf(run.deps.probe, step.plan) };
  const context: Attempt = { run, step, attempt, folder, before, producer, secrets: producer.secrets };
  const { executor } = step.plan;
  if (executor.kind === "module") {
    const lookup = await prepareLookup(run, step, attempt, references, asValue(run, folder));
    return moduleAttempt(context, executor, lookup, end, hooks);
  }
  await checkCode(run, step, folder);
  const handed: string[] = [];
  const lookup = await prepareLookup(run, step, attempt, references, noted(asPath(run, folder), handed));
  return processAttempt(context, executor, lookup, handed, end);
}

async function processAttempt(
  context: Attempt,
  executor: CommandExecutor,
  lookup: ReferenceLookup,
  handed: readonly string[],
  end: EndSignal,
): Promise<Delivery> {
  const { run, step, attempt, folder } = context;
  const isOutput = outputTest(step);
  const { execution, guard } = await performProcess(run, step, executor, attempt, folder, lookup, { handed, isOutput }, end);
  const judged = await policyBodiesOf(context, guard);
  const { stdout_bytes: stdoutBytes = 0, stderr_bytes: stderrBytes = 0 } = execution.executor;
  const survivorsKilled = end.ended ? 0 : leftBehind(execution);
  const seen = observedEffects({
    stepId: step.plan.id,
    attempt,
    changes: guard?.changes ?? [],
    isOutput,
    survivorsKilled,
    redact: (text) => context.secrets.redact(text),
  });
  return report(context, violated(execution, guard), [...judged, ...seen], { stdout: stdoutBytes > 0, stderr: stderrBytes > 0 });
}

async function moduleAttempt(context: Attempt, executor: ModuleExecutor, lookup: ReferenceLookup, end: EndSignal, hooks: AttemptHooks): Promise<Delivery> {
  const { run, step, attempt, folder } = context;
  const log = new ModuleLog(context.secrets, step.plan.log_bytes_max);
  const effects = new ModuleEffects(step.plan.id, attempt, context.secrets, hooks.onEffect);
  const isOutput = outputTest(step);
  const guard = await openGuard(run, { cwd: folder.cwd, tree: () => openWorkTree(run, folder), environment: step.plan, command: null, isOutput });
  if (guard.refusal !== null) {
    const refused = { ok: false, outcome: "failed", code: "POLICY_VIOLATION", reason: "refused", executor: { kind: "module" }, durationMs: 0 } as const;
    return report(context, violated(refused, guard.refusal), await policyBodiesOf(context, guard.refusal), { stdout: false, stderr: false });
  }
  const execution = await closedWhenThrown(guard, () =>
    performModule(run, step, executor, attempt, folder, lookup, end, (line) => log.write(line), effects, hooks.onAbandoned),
  );
  await log.flush(folder);
  const closed = await guard.close();
  // What an abandoned module goes on to do is nobody's to judge yet.
  const judged = execution.ok === "abandoned" ? [] : await policyBodiesOf(context, closed);
  const seen = observedEffects({
    stepId: step.plan.id,
    attempt,
    changes: closed.changes,
    isOutput,
    survivorsKilled: 0,
    redact: (text) => context.secrets.redact(text),
  });
  return report(context, violated(withLog(held(execution, closed), log), closed), [...judged, ...seen], { stdout: log.bytes > 0, stderr: false });
}

/** How far the policy was enforced stands with how the attempt was executed. */
function held(execution: Execution, { enforcement }: GuardReport): Execution {
  if (execution.ok === "abandoned" || execution.executor === null || Object.keys(enforcement).length === 0) return execution;
  return { ...execution, executor: { ...execution.executor, enforcement: { ...enforcement } } };
}

/** An attempt that broke the policy failed, whatever its command says. */
function violated(execution: Execution, guard: GuardReport | null): Execution {
  const reason = breachText(guard?.breaches ?? []);
  if (reason === null || execution.ok === "abandoned") return execution;
  const outcome = execution.ok ? "failed" : execution.outcome;
  return { ok: false, outcome, code: "POLICY_VIOLATION", reason, executor: execution.executor, durationMs: execution.durationMs };
}

/** Paths that a step declares as outputs. */
function outputTest({ plan }: StepState): PathTest {
  return pathTest(Object.values(plan.outputs).flatMap(({ path, glob }) => [...(path === null ? [] : [path]), ...(glob === null ? [] : [glob])]));
}

/** Names of files may hold anything, so secrets are taken out of what is said of them. */
async function policyBodiesOf({ run, step, attempt, secrets }: Attempt, guard: GuardReport | null): Promise<readonly EventBody[]> {
  if (guard === null) return [];
  const decisions = guard.decisions.map((one) => ({ ...one, reason: secrets.redact(one.reason) }));
  const breaches = guard.breaches.map((one) => ({ ...one, details: secrets.redact(one.details) }));
  return policyBodies(run, step.plan.id, attempt, { ...guard, decisions, breaches });
}

/** A module has no streams; what it logged counts as its stdout. */
function withLog(execution: Execution, log: ModuleLog): Execution {
  if (execution.ok === "abandoned" || log.bytes === 0) return execution;
  const executor: ExecutorSummary = { ...execution.executor, kind: "module", stdout_bytes: log.bytes, ...(log.cut ? { output_cut: true } : {}) };
  return { ...execution, executor };
}

async function report(
  context: Attempt,
  execution: Execution,
  extra: readonly EventBody[],
  written: { readonly stdout: boolean; readonly stderr: boolean },
): Promise<Delivery> {
  const { run, step, attempt, folder, producer } = context;
  if (execution.ok === "abandoned") {
    const data = { step_id: step.plan.id, attempt, reason: "abandoned" as const };
    return { bodies: [{ kind: "STEP_INTERRUPTED", key: `STEP_INTERRUPTED/${step.plan.id}/${attempt}`, data }] };
  }
  const logs = await storeLogs(run, producer, folder, written, "log", step.plan.id);
  await writeSummary(context, execution);
  const stored = [...extra, ...logs.map(storedBody)];
  if (!execution.ok) return { bodies: [...stored, failed(context, execution, logs, execution)] };
  try {
    const outputs = await collect(context, execution.values);
    const artifacts = outputs.flatMap((output) => output.artifacts.map(storedBody));
    return { bodies: [...stored, ...artifacts, completedBody(step.plan.id, attempt, outputs, logs, execution.executor, execution.durationMs)] };
  } catch (thrown) {
    if (isFault(thrown) || !isLilyError(thrown)) throw thrown;
    const failure = { outcome: "failed" as const, code: thrown.code, reason: thrown.message };
    return { bodies: [...stored, failed(context, failure, logs, execution)] };
  }
}

/** What was thrown may quote anything, so secrets are taken out of its words. */
function failed(
  context: Attempt,
  failure: Parameters<typeof failedBody>[2],
  logs: readonly PreparedArtifact[],
  { executor, durationMs }: SettledExecution,
): EventBody {
  const { step, attempt, secrets } = context;
  return failedBody(step.plan.id, attempt, { ...failure, reason: secrets.redact(failure.reason) }, logs, executor, durationMs);
}

async function collect(context: Attempt, values: Extract<Execution, { readonly ok: true }>["values"]): Promise<readonly CollectedOutput[]> {
  const { run, step, folder, before, producer } = context;
  const collected: CollectedOutput[] = [];
  const outputs = Object.entries(step.plan.outputs).sort(([a], [b]) => Number(a > b) - Number(a < b));
  if (outputs.length === 0) return collected;
  const tree = await openWorkTree(run, folder);
  for (const [name, output] of outputs) {
    const isFile = output.path !== null || output.glob !== null;
    collected.push(
      isFile ? await collectFile(run, producer, tree, name, output, before) : await collectValue(run, producer, name, output.schema, output.optional, values),
    );
  }
  return collected;
}

async function collectValue(
  run: RunContext,
  producer: Producer,
  name: string,
  schema: string | null,
  optional: boolean,
  values: Extract<Execution, { readonly ok: true }>["values"],
): Promise<CollectedOutput> {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) {
    if (optional) return { name, plural: false, artifacts: [] };
    throw new LilyError("STEP_OUTPUT_MISSING", `output ${name}: the module returned no value of this name`, { details: { output: name } });
  }
  producer.secrets.refuseText(canonicalJson(value, { fractions: true }), name);
  if (schema !== null) await requireSchema(run, name, "value", schema, value);
  const prepared: PreparedArtifact = await run.deps.artifacts.prepareJson({
    run_id: run.runId,
    artifact_type: schema ?? "json",
    ...(schema === null ? {} : { schema_id: schema }),
    producer_id: producer.step.plan.id,
    producer_kind: "tool",
    attempt: producer.attempt,
    inputs: producer.inputs,
    name,
    value,
  });
  return { name, plural: false, artifacts: [prepared] };
}

/** `executor.json` beside the logs of a command, for people; the record has the same facts. Modules, whose facts are few, leave none. */
async function writeSummary(context: Attempt, execution: SettledExecution): Promise<void> {
  if (execution.executor === null || execution.executor.kind === "module") return;
  const outcome = execution.ok ? { outcome: "completed" } : { outcome: execution.outcome, code: execution.code, reason: clipText(execution.reason, 2000) };
  const summary: JsonObject = { ...outcome, duration_ms: Math.round(execution.durationMs), executor: plainJson(execution.executor) };
  await context.folder.writeSummary(`${canonicalJson(summary)}\n`);
}

/** The summary as JSON: members that are not known are left out. */
function plainJson(executor: ExecutorSummary): JsonObject {
  const members = Object.entries(executor).filter((entry): entry is [string, Exclude<(typeof entry)[1], undefined>] => entry[1] !== undefined);
  return Object.fromEntries(members);
}
