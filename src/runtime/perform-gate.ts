/** Performs one gate: observes, lets `judge` turn what was observed into a verdict, and stores verdict and logs. */
import { assert } from "../base/assert.ts";
import { clipText } from "../base/clip-text.ts";
import { isLilyError } from "../base/lily-error.ts";
import type { JsonValue } from "../base/json-value.ts";
import { parseJson } from "../base/parse-json.ts";
import { timeText } from "../base/time-text.ts";
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import type { EventBody } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { PlanGate } from "../contracts/plan-document.ts";
import type { StepState, StoredArtifact } from "../graph/run-state.ts";
import { resolveArgv } from "../graph/resolve-template.ts";
import { type GateVerdict, gateError, judgeCommand, judgeSchema } from "../judge/gate-verdict.ts";
import type { AttemptFolder } from "../ports/attempt-folders.ts";
import type { SandboxSpec } from "../ports/process-runner.ts";
import { artifactIdsOf, asPath, gateReferences, prepareLookup, readPayload, storedArtifacts } from "./step-references.ts";
import { openGuard } from "./attempt-guard.ts";
import type { Delivery } from "./effect.ts";
import type { EndSignal } from "./end-signal.ts";
import { isFault } from "./is-fault.ts";
import { observeHashGate } from "./observe-hash-gate.ts";
import { observeModuleGate } from "./observe-module-gate.ts";
import { commandName, endable, killGraceMs } from "./perform-process.ts";
import { breachText } from "./policy-evaluation.ts";
import { attemptWork, checkCode, openWorkTree } from "./prepare-folder.ts";
import { freshGateFolder, restoreFolder, stepsBehind } from "./restore-folder.ts";
import type { RunContext } from "./run-context.ts";
import { stepEnvironment } from "./step-environment.ts";
import { storedBody } from "./step-report.ts";
import { noted } from "./sandbox-spec.ts";
import { storeLogs } from "./store-logs.ts";

const gateLogBytesMax = 16 * 1024 * 1024;
const jsonBytesMax = 64 * 1024 * 1024;
const reasonMax = 2000;

interface Observed {
  readonly verdict: GateVerdict;
  readonly logs: readonly PreparedArtifact[];
}

/** How a gate is judged. */
export interface GateJudging {
  /** Behind the attempt, in the names of folder, result and key: empty, or what tells this judging from others of the attempt. */
  readonly mark: string;
  /** In a folder restored from what is stored, because the attempt's own is gone or holds other files. */
  readonly isRestored: boolean;
  /** The verdict says nothing about the run (E5). */
  readonly isDryRun: boolean;
}

/** As a run judges: an output that a person replaced is judged again in the same attempt. */
export function usualJudging(step: StepState | null): GateJudging {
  if (step === null || step.replacements === 0) return { mark: "", isRestored: false, isDryRun: false };
  return { mark: `-r${step.replacements}`, isRestored: true, isDryRun: false };
}

/** Rejects on faults of Lily only. Whatever else goes wrong is an error verdict, never a pass (E4). */
export async function performGate(
  run: RunContext,
  gate: PlanGate,
  step: StepState | null,
  attempt: number,
  end: EndSignal,
  judging: GateJudging = usualJudging(step),
): Promise<Delivery> {
  const startedAtMs = run.deps.clock.monotonicMs();
  const { verdict, logs } = await observe(run, gate, step, attempt, end, judging);
  const inputs = artifactIdsOf(run.state, gateReferences(gate));
  const result = await storeResult(run, gate, `${attempt}${judging.mark}`, attempt, verdict, logs, inputs);
  const data: EventData["GATE_PASSED"] = {
    gate_id: gate.id,
    ...(step === null ? {} : { step_id: step.plan.id }),
    attempt,
    required: gate.required,
    ...(judging.isDryRun ? { dry_run: true } : {}),
    reason: verdict.reason === null ? null : clipText(verdict.reason, reasonMax),
    ...(verdict.metrics === null ? {} : { metrics: { ...verdict.metrics } }),
    result_artifact_id: result.artifact.artifact_id,
    log_artifact_ids: logs.map((log) => log.artifact.artifact_id),
    duration_ms: Math.round(run.deps.clock.monotonicMs() - startedAtMs),
  };
  return { bodies: [...logs.map(storedBody), storedBody(result), verdictBody(gate, step, `${attempt}${judging.mark}`, verdict, data)] };
}

function verdictBody(gate: PlanGate, step: StepState | null, judged: string, verdict: GateVerdict, data: EventData["GATE_PASSED"]): EventBody {
  const kinds = { passed: "GATE_PASSED", failed: "GATE_FAILED", error: "GATE_ERROR" } as const;
  const kind = kinds[verdict.status];
  return { kind, key: `${kind}/${gate.id}/${step === null ? "run" : step.plan.id}/${judged}`, data };
}

async function observe(run: RunContext, gate: PlanGate, step: StepState | null, attempt: number, end: EndSignal, judging: GateJudging): Promise<Observed> {
  try {
    switch (gate.check.kind) {
      case "command":
        return await observeCommand(run, gate, gate.check, step, attempt, end, judging);
      case "schema":
        return { verdict: await observeSchema(run, gate.check), logs: [] };
      case "hash": {
        const folder = await gateFolder(run, gate, step, attempt, judging);
        return { verdict: await observeHashGate(await openWorkTree(run, folder), gate.check.hash), logs: [] };
      }
      case "module":
        if (run.plan.policy.sandbox === "require")
          return { verdict: gateError("the policy says sandbox: require, and a module does not run in a sandbox"), logs: [] };
        return await observeModuleGate(run, gate, gate.check, step, attempt, await gateFolder(run, gate, step, attempt, judging), end);
    }
  } catch (thrown) {
    if (isFault(thrown) || !isLilyError(thrown)) throw thrown;
    return { verdict: gateError(`${thrown.code}: ${thrown.message}`), logs: [] };
  }
}

/** A step's gate works where the attempt worked; a run's gate in the workflow's folder; either in a restored one when that says nothing. */
async function gateFolder(run: RunContext, gate: PlanGate, step: StepState | null, attempt: number, judging: GateJudging): Promise<AttemptFolder> {
  const work = attemptWork(run, step);
  const name = `${attempt}${judging.mark}`;
  if (judging.isRestored) return restoreFolder(run, gate.id, name, stepsBehind(run.state, step));
  if (step === null || work.kind === "source") return freshGateFolder(run, gate.id, name, { kind: "source", dir: run.sourceDir });
  const { cwd } = await run.deps.folders.reopen(run.runId, ["steps", step.plan.id, String(attempt)], work);
  return freshGateFolder(run, gate.id, name, { kind: "source", dir: cwd });
}

type CommandCheck = Extract<PlanGate["check"], { readonly kind: "command" }>;

async function observeCommand(
  run: RunContext,
  gate: PlanGate,
  check: CommandCheck,
  step: StepState | null,
  attempt: number,
  end: EndSignal,
  judging: GateJudging,
): Promise<Observed> {
  const { processes, probe } = run.deps;
  const folder = await gateFolder(run, gate, step, attempt, judging);
  await checkCode(run, step, folder);
  const handed: string[] = [];
  const lookup = await prepareLookup(run, step, attempt, gateReferences(gate), noted(asPath(run, folder), handed));
  const { env, redact } = stepEnvironment(probe, check, lookup);
  const argv = resolveArgv(check.argv, lookup);
  const command = commandName(argv);
  const tool = await processes.resolveTool(command, env.PATH, folder.cwd);
  if (tool === null) return { verdict: gateError(`command not found: ${command}`), logs: [] };
  const guard = await openGuard(run, {
    cwd: folder.cwd,
    tree: () => openWorkTree(run, folder),
    environment: check,
    command: { name: command, path: tool.path, handed },
    isOutput: () => false,
  });
  const refusal = breachText(guard.refusal?.breaches ?? []);
  if (refusal !== null) return { verdict: gateError(refusal), logs: [] };
  const sandbox = judging.isDryRun ? await sandboxOfDryRun(run, folder, handed) : guard.sandbox;
  const running = processes.start({
    // As written: what a link is called decides what some programs are; policy and digest look at the file behind it.
    argv,
    cwd: folder.cwd,
    env,
    timeoutMs: gate.timeout_ms,
    stdoutPath: folder.stdoutPath,
    stderrPath: folder.stderrPath,
    logBytesMax: gateLogBytesMax,
    redact,
    graceMs: killGraceMs,
    marker: `${run.runId}/${gate.id}/${attempt}`,
    ...(sandbox === null ? {} : { sandbox }),
  });
  const outcome = await endable(running, end);
  const written = { stdout: outcome.stdoutBytes > 0, stderr: outcome.stderrBytes > 0 };
  const broken = breachText((await guard.close()).breaches);
  return {
    verdict: broken === null ? judgeCommand(outcome) : gateError(broken),
    logs: await storeLogs(run, { attempt }, folder, written, "gate_log", gate.id),
  };
}

/** A dry run changes nothing (E5): where a sandbox works, its folder is all that the command can write. */
async function sandboxOfDryRun(run: RunContext, folder: AttemptFolder, shown: readonly string[]): Promise<SandboxSpec | null> {
  const { name } = await run.deps.processes.sandbox();
  if (name === null) return null;
  return { writable: [folder.cwd], readOnly: [], hidden: [run.deps.workspaceDir], shown, network: run.plan.policy.network, tools: null };
}

async function observeSchema(run: RunContext, check: Extract<PlanGate["check"], { readonly kind: "schema" }>): Promise<GateVerdict> {
  const [reference] = gateReferences({ id: "", required: true, timeout_ms: 0, check });
  assert(reference !== undefined, "E4: what a schema gate judges is a reference");
  const problems: string[] = [];
  let count = 0;
  for (const stored of storedArtifacts(run.state, reference)) {
    const payload = stored.ref.storage_kind === "file" ? await parseFile(run, stored) : await readPayload(run, stored);
    problems.push(...(await run.deps.schemas.problems(check.schema, payload)));
    count++;
  }
  return count === 0 ? gateError(`${check.of} holds no document`) : judgeSchema(problems);
}

/** A file that is not JSON fails the gate by an error verdict. */
async function parseFile(run: RunContext, stored: StoredArtifact): Promise<JsonValue> {
  return parseJson(await run.deps.objects.get(stored.ref.digest, { bytesMax: jsonBytesMax }));
}

async function storeResult(
  run: RunContext,
  gate: PlanGate,
  judged: string,
  attempt: number,
  verdict: GateVerdict,
  logs: readonly PreparedArtifact[],
  inputs: readonly ArtifactId[],
): Promise<PreparedArtifact> {
  const payload = {
    gate_id: gate.id,
    status: verdict.status,
    reason: verdict.reason === null ? null : clipText(verdict.reason, reasonMax),
    log_artifact_ids: logs.map((log) => log.artifact.artifact_id),
    ...(verdict.metrics === null ? {} : { metrics: { ...verdict.metrics } }),
    timestamp: timeText(run.deps.clock.nowMs()),
  };
  return run.deps.artifacts.prepareJson({
    run_id: run.runId,
    artifact_type: "gate_result.v1",
    schema_id: "gate_result.v1",
    producer_id: gate.id,
    producer_kind: "system",
    attempt,
    inputs,
    name: `gate_result/${gate.id}/${judged}`,
    value: payload,
  });
}
