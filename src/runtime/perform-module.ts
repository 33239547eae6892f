/**
 * Runs an in-process module. It is trusted code: it is told to stop through its context, whose every member then refuses (E6). One that
 * does not settle within the grace ends ABANDONED, and its step starts no other attempt until it has settled.
 */
import { assert } from "../base/assert.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import { isLilyError, LilyError, messageOf } from "../base/lily-error.ts";
import type { PlanExecutor } from "../contracts/plan-document.ts";
import { type ReferenceLookup, resolveValue } from "../graph/resolve-template.ts";
import type { StepState } from "../graph/run-state.ts";
import type { AttemptFolder } from "../ports/attempt-folders.ts";
import type { LoadedModule, ModuleContext, ReportedEffect } from "../ports/module-host.ts";
import type { EndSignal } from "./end-signal.ts";
import { isFault } from "./is-fault.ts";
import { loadModule } from "./load-module.ts";
import type { ModuleEffects } from "./module-effects.ts";
import type { RunContext } from "./run-context.ts";
import { stepEnvironment } from "./step-environment.ts";
import type { Execution } from "./step-report.ts";

export type ModuleExecutor = Extract<PlanExecutor, { readonly kind: "module" }>;

const settleGraceMs = 2_000;

/** Told when trusted code goes on after its end, and when it settles at last. */
export type OnAbandoned = (settled: Promise<void>) => void;

export async function performModule(
  run: RunContext,
  step: StepState,
  executor: ModuleExecutor,
  attempt: number,
  folder: AttemptFolder,
  lookup: ReferenceLookup,
  end: EndSignal,
  log: (line: string) => void,
  effects: ModuleEffects,
  onAbandoned: OnAbandoned,
): Promise<Execution> {
  const { clock, probe } = run.deps;
  const startedAtMs = clock.monotonicMs();
  const loaded = await loadModule(run, executor);
  const { env, redact } = stepEnvironment(probe, step.plan, lookup);
  const input = inputOf(step, lookup);
  const revoker = new AbortController();
  const heard = (effect: ReportedEffect): void => effects.report(effect);
  const whole: ModuleContext = { runId: run.runId, stepId: step.plan.id, attempt, signal: revoker.signal, env, log, effect: heard, cwd: folder.cwd };
  const context = revocable(whole, revoker.signal);
  const settled = settle(() => loaded.run(context, input, redact, heard));
  const stopped = await stopOrSettle(run, step, end, settled);
  if (stopped !== null) revoker.abort();
  const result = stopped === null ? await settled : await Promise.race([settled, clock.sleep(settleGraceMs).then(() => null)]);
  const durationMs = clock.monotonicMs() - startedAtMs;
  if (result === null) {
    onAbandoned(settled.then(() => undefined));
    return { ok: "abandoned", durationMs };
  }
  if (stopped === "timeout") return failure("timeout", "STEP_TIMEOUT", `ran longer than ${step.plan.timeout_ms} ms`, durationMs);
  if (result.ok) return { ok: true, executor: { kind: "module" }, durationMs, values: result.values };
  if (isLilyError(result.thrown) && isFault(result.thrown) && result.thrown.code !== "INTERNAL_INVARIANT") throw result.thrown;
  const code = isLilyError(result.thrown) ? result.thrown.code : "MODULE_FAILED";
  return failure("failed", code, messageOf(result.thrown), durationMs);
}

type Settled = { readonly ok: true; readonly values: Readonly<Record<string, JsonValue>> } | { readonly ok: false; readonly thrown: unknown };

async function settle(work: () => ReturnType<LoadedModule["run"]>): Promise<Settled> {
  try {
    return { ok: true, values: await work() };
  } catch (thrown) {
    return { ok: false, thrown };
  }
}

/** Resolves to null when the module settled first, else to why it has to stop. */
async function stopOrSettle(run: RunContext, step: StepState, end: EndSignal, settled: Promise<Settled>): Promise<"end" | "timeout" | null> {
  const { timeout_ms: timeoutMs } = step.plan;
  const timer = timeoutMs === null ? null : new AbortController();
  let forget: () => void = () => {};
  const ended = new Promise<"end">((resolve) => {
    forget = end.onEnd(() => resolve("end"));
  });
  const timeouts = timeoutMs === null || timer === null ? [] : [run.deps.clock.sleep(timeoutMs, timer.signal).then(() => "timeout" as const)];
  const first = await Promise.race([settled.then(() => null), ended, ...timeouts]);
  forget();
  timer?.abort();
  return first;
}

function inputOf(step: StepState, lookup: ReferenceLookup): JsonObject {
  const input = resolveValue(step.plan.with, lookup);
  assert(isJsonObject(input), "R4: what a module is given is an object");
  return input;
}

/** After the signal aborts every member refuses, so that a module that goes on can do nothing more in the run's name. */
function revocable(context: ModuleContext, revoked: AbortSignal): ModuleContext {
  const check = (): void => {
    if (revoked.aborted) throw new LilyError("CONTEXT_REVOKED", `attempt ${context.attempt} of step ${context.stepId} was ended`);
  };
  return {
    runId: context.runId,
    stepId: context.stepId,
    attempt: context.attempt,
    signal: context.signal,
    get env() {
      check();
      return context.env;
    },
    get cwd() {
      check();
      return context.cwd;
    },
    log: (line) => {
      check();
      context.log(line);
    },
    effect: (effect) => {
      check();
      context.effect(effect);
    },
  };
}

function failure(outcome: "failed" | "timeout", code: string, reason: string, durationMs: number): Execution {
  return { ok: false, outcome, code, reason, executor: { kind: "module" }, durationMs };
}
