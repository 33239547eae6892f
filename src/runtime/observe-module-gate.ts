/**
 * Runs the module of a gate and tells what came of it; `judge` says what that means. The module gets values, no secret and no way to
 * report effects. It ends with its process where it has one; in-process code that goes on after its end holds its step (E6).
 */
import { isJsonObject, type JsonObject } from "../base/json-value.ts";
import { isLilyError, LilyError, messageOf } from "../base/lily-error.ts";
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import type { PlanGate, PlanGateCheck } from "../contracts/plan-document.ts";
import { resolveValue } from "../graph/resolve-template.ts";
import type { StepState } from "../graph/run-state.ts";
import type { GateVerdict } from "../judge/gate-verdict.ts";
import { judgeModuleGate, type ModuleGateFacts } from "../judge/judge-module-gate.ts";
import type { AttemptFolder } from "../ports/attempt-folders.ts";
import type { LoadedModule, ModuleContext } from "../ports/module-host.ts";
import type { EndSignal } from "./end-signal.ts";
import { isFault } from "./is-fault.ts";
import { loadModule } from "./load-module.ts";
import { ModuleLog } from "./module-log.ts";
import type { RunContext } from "./run-context.ts";
import { SecretGuard } from "./secret-guard.ts";
import { asValue, gateReferences, prepareLookup } from "./step-references.ts";
import { storeLogs } from "./store-logs.ts";

export type ModuleCheck = Extract<PlanGateCheck, { readonly kind: "module" }>;

const logBytesMax = 16 * 1024 * 1024;
const settleGraceMs = 2_000;

export async function observeModuleGate(
  run: RunContext,
  gate: PlanGate,
  check: ModuleCheck,
  step: StepState | null,
  attempt: number,
  folder: AttemptFolder,
  end: EndSignal,
): Promise<{ readonly verdict: GateVerdict; readonly logs: readonly PreparedArtifact[] }> {
  const secrets = secretsAround(run, step);
  const loaded = await loadModule(run, check);
  const lookup = await prepareLookup(run, step, attempt, gateReferences(gate), asValue(run, folder));
  const given = resolveValue(check.with, lookup);
  const input: JsonObject = isJsonObject(given) ? given : {};
  const log = new ModuleLog(secrets, logBytesMax);
  const facts = await factsOf(run, gate, step, attempt, folder, end, loaded, input, log);
  await log.flush(folder);
  const verdict = judgeModuleGate(facts);
  const logs = await storeLogs(run, { attempt }, folder, { stdout: log.bytes > 0, stderr: false }, "gate_log", gate.id);
  return { verdict: { ...verdict, reason: verdict.reason === null ? null : secrets.redact(verdict.reason) }, logs };
}

/** The module gets no secret; what a step printed or wrote may still hold one, and a reason may quote it (S4). */
function secretsAround({ plan, deps }: RunContext, step: StepState | null): SecretGuard {
  const names = step === null ? plan.steps.flatMap((one) => one.secrets) : step.plan.secrets;
  return new SecretGuard(Object.values(deps.probe.select([...new Set(names)])));
}

async function factsOf(
  run: RunContext,
  gate: PlanGate,
  step: StepState | null,
  attempt: number,
  folder: AttemptFolder,
  end: EndSignal,
  loaded: LoadedModule,
  input: JsonObject,
  log: ModuleLog,
): Promise<ModuleGateFacts> {
  const { clock, probe, unsettled } = run.deps;
  const revoker = new AbortController();
  let changed = false;
  const heard = (): void => {
    changed = true;
  };
  const stepId = step?.plan.id ?? gate.id;
  const base = { runId: run.runId, stepId, attempt, env: probe.base(), cwd: folder.cwd };
  const settled = settle(loaded, contextOf(base, revoker.signal, log, heard), input, heard);
  const stopped = await stopOrSettle(run, gate, end, settled);
  if (stopped === null) {
    const facts = await settled;
    return changed ? { outcome: "changed_something" } : facts;
  }
  revoker.abort();
  const last = await Promise.race([settled, clock.sleep(settleGraceMs).then(() => null)]);
  if (last === null && step !== null)
    unsettled.keep(
      run.runId,
      step.plan.id,
      settled.then(
        () => undefined,
        () => undefined,
      ),
    );
  return { outcome: stopped };
}

async function settle(loaded: LoadedModule, context: ModuleContext, input: JsonObject, heard: () => void): Promise<ModuleGateFacts> {
  try {
    return { outcome: "returned", value: await loaded.run(context, input, [], heard) };
  } catch (thrown) {
    if (isLilyError(thrown) && isFault(thrown) && thrown.code !== "INTERNAL_INVARIANT") throw thrown;
    return { outcome: "threw", reason: `${isLilyError(thrown) ? thrown.code : "MODULE_FAILED"}: ${messageOf(thrown)}` };
  }
}

/** Resolves to null when the module settled first, else to why it has to stop. */
async function stopOrSettle(run: RunContext, gate: PlanGate, end: EndSignal, settled: Promise<ModuleGateFacts>): Promise<"ended" | "timeout" | null> {
  const timer = new AbortController();
  let forget: () => void = () => {};
  const ended = new Promise<"ended">((resolve) => {
    forget = end.onEnd(() => resolve("ended"));
  });
  try {
    return await Promise.race([settled.then(() => null), ended, run.deps.clock.sleep(gate.timeout_ms, timer.signal).then(() => "timeout" as const)]);
  } finally {
    forget();
    timer.abort();
  }
}

/** After the signal aborts every member refuses. */
function contextOf(
  base: Pick<ModuleContext, "runId" | "stepId" | "attempt" | "env" | "cwd">,
  signal: AbortSignal,
  log: ModuleLog,
  changed: () => void,
): ModuleContext {
  const check = (): void => {
    if (signal.aborted) throw new LilyError("CONTEXT_REVOKED", `the gate of ${base.stepId}, attempt ${base.attempt}, was ended`);
  };
  return {
    runId: base.runId,
    stepId: base.stepId,
    attempt: base.attempt,
    signal,
    get env() {
      check();
      return base.env;
    },
    get cwd() {
      check();
      return base.cwd;
    },
    log: (line) => {
      check();
      log.write(line);
    },
    effect: () => {
      check();
      changed();
    },
  };
}
