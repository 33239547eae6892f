/**
 * `run gates --judge-only`, the dry run: gates are judged on what is stored, and the verdicts are facts about the run, nothing more (E5).
 * No step runs; the run's state stays what it was. The verdicts and a further seal are one batch, so a crash leaves all of it or nothing.
 */
import { LilyError } from "../base/lily-error.ts";
import { timeText } from "../base/time-text.ts";
import type { EventBody, EventDraft } from "../contracts/event.ts";
import type { PlanGate } from "../contracts/plan-document.ts";
import type { GateView } from "../contracts/run-view.ts";
import { applyEvent, stepsAllSucceeded } from "../graph/apply-event.ts";
import { isReplaceable } from "../graph/apply-person.ts";
import type { RunState, StepState } from "../graph/run-state.ts";
import { referenceText } from "../graph/template.ts";
import { EndSignal } from "../runtime/end-signal.ts";
import { keepLease } from "../runtime/lease-keeper.ts";
import { leaderDraft } from "../runtime/lead-run.ts";
import { performGate } from "../runtime/perform-gate.ts";
import { outputFiles } from "../runtime/restore-folder.ts";
import type { RunContext } from "../runtime/run-context.ts";
import { sealBody } from "../runtime/run-shell.ts";
import { watchSecurity } from "../runtime/security-watch.ts";
import { gateReferences } from "../runtime/step-references.ts";
import { anchorWorkspace } from "./checkpoints.ts";
import type { KernelCore } from "./core.ts";
import type { JudgedGates, JudgeOptions } from "./kernel.ts";
import { stepsNamed } from "./rerun-run.ts";
import { type LedAgain, leadAgain } from "./take-up-run.ts";

interface OwnedGate {
  readonly gate: PlanGate;
  /** Null for a gate of the run. */
  readonly step: StepState | null;
}

type Skipped = JudgedGates["skipped"][number];

export async function judgeGates(core: KernelCore, runText: string, options: JudgeOptions): Promise<JudgedGates> {
  const runId = await core.findRun(runText);
  const judged = await leadAgain(
    core,
    runId,
    (state) => gatesNamed(requireRest(state), options),
    async (again, gates) => {
      try {
        return await judgeAll(again, gates, options.signal);
      } finally {
        await core.parts.folders.cleanRun(runId, { isolated: true });
        await again.led.giveBack();
      }
    },
  );
  return { run_id: runId, ...judged, anchoring: judged.verdicts.length === 0 ? null : await anchorWorkspace(core) };
}

function requireRest(state: RunState): RunState {
  if (state.phase !== "created" && state.phase !== "running") return state;
  throw new LilyError("RUN_STATE_CONFLICT", `run ${state.runId} is ${state.phase}; its gates are judged when it rests`, { details: { run_id: state.runId } });
}

/** Throws USAGE_INVALID when nothing has the name. */
function gatesNamed(state: RunState, { step, gate }: JudgeOptions): readonly OwnedGate[] {
  const steps = step === undefined ? state.steps : stepsNamed(state, [step]);
  const all: OwnedGate[] = steps.flatMap((one) => one.plan.gates.map((own) => ({ gate: own, step: one })));
  if (step === undefined) all.push(...state.plan.gates.map((own) => ({ gate: own, step: null })));
  if (gate === undefined) return all;
  const found = all.filter((one) => one.gate.id === gate);
  if (found.length > 0) return found;
  const where = step === undefined ? `run ${state.runId}` : `step ${step}`;
  const ids = [...new Set(all.map((one) => one.gate.id))];
  const known = ids.length === 0 ? "it has none" : `it has ${ids.slice(0, 20).join(", ")}`;
  throw new LilyError("USAGE_INVALID", `${where} has no gate ${JSON.stringify(gate.slice(0, 80))}; ${known}`);
}

async function judgeAll(
  { run, led }: LedAgain,
  gates: readonly OwnedGate[],
  signal: AbortSignal | undefined,
): Promise<Pick<JudgedGates, "verdicts" | "skipped">> {
  const skipped: Skipped[] = [];
  const bodies: EventBody[] = [];
  const guard = guardOf(run, led.token, signal);
  try {
    for (const owned of gates) {
      const reason = whySkipped(run.state, owned);
      if (reason === null) bodies.push(...(await judgeOne(run, owned, led.token, guard)));
      else skipped.push({ gate_id: owned.gate.id, step_id: owned.step?.plan.id ?? null, reason });
    }
  } finally {
    await guard.stop();
  }
  if (bodies.length > 0) await record(run, led, bodies);
  return { verdicts: bodies.flatMap(verdictOf), skipped };
}

/** One verdict with what it stored. Throws what the guard was told meanwhile: then nothing is recorded. */
async function judgeOne(run: RunContext, { gate, step }: OwnedGate, token: number, guard: Guard): Promise<readonly EventBody[]> {
  await guard.check();
  // A step that worked in the workflow's folder left its bundle there, and nobody else keeps it; it is only read.
  const isInPlace = gate.check.kind === "hash" && step?.plan.workdir !== "isolated";
  const judging = { mark: `-dry${token}`, isRestored: !isInPlace, isDryRun: true };
  const { bodies } = await performGate(run, gate, step, step?.attempt ?? run.state.runGateRound, guard.end, judging);
  await guard.check();
  return bodies;
}

/** Why a gate cannot be judged: what it looks at does not exist. Null when it can. */
export function whySkipped(state: RunState, { gate, step }: OwnedGate): string | null {
  if (step === null && !stepsAllSucceeded(state)) return "not every step succeeded";
  if (step !== null && !isReplaceable(step)) return `step ${step.plan.id} is ${step.phase}: no completed attempt of it stands`;
  for (const reference of gateReferences(gate)) {
    if (reference.kind !== "output") continue;
    const producer = state.byId.get(reference.step);
    const ids = producer?.outputs.get(reference.output) ?? [];
    if (producer === undefined || !isReplaceable(producer) || ids.length === 0) return `${referenceText(reference)} was not produced`;
  }
  if (gate.check.kind !== "hash" || step?.plan.workdir !== "isolated") return null;
  const { root } = gate.check.hash;
  const isKept = outputFiles(state, step).some(({ path }) => path === root || path.startsWith(`${root}/`));
  return isKept ? null : `nothing below ${root} is an output of step ${step.plan.id}, so nothing of it was kept`;
}

interface Guard {
  readonly end: EndSignal;
  /** Throws when the judging must not go on: interrupted, lease lost, security state risen. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

/** Keeps the lease and watches the security state while gates run, which may take long. */
function guardOf(run: RunContext, token: number, signal: AbortSignal | undefined): Guard {
  const { deps, runId } = run;
  const end = new EndSignal();
  let fault: unknown = null;
  const fail = (thrown: unknown): void => {
    fault ??= thrown;
    end.end();
  };
  const interrupt = (): void => fail(new LilyError("INTERRUPTED", "the dry run was interrupted; nothing of it was recorded"));
  signal?.addEventListener("abort", interrupt);
  if (signal?.aborted === true) interrupt();
  const security = watchSecurity(deps.security, deps.clock, run.securityAtStart, ({ reading }) =>
    fail(new LilyError("SECURITY_NOT_OPERATIONAL", `the security state rose to ${reading.state} during the dry run; nothing of it was recorded`)),
  );
  const keeper = keepLease({
    leases: deps.leases,
    clock: deps.clock,
    run: runId,
    token,
    onLost: () => fail(new LilyError("LEDGER_TOKEN_STALE", `L3: another process took the lead of run ${runId}`)),
    onStop: interrupt,
    onFault: fail,
  });
  return {
    end,
    check: async () => {
      await security.look();
      if (fault !== null) throw fault;
    },
    stop: async () => {
      signal?.removeEventListener("abort", interrupt);
      await security.stop();
      await keeper.stop();
    },
  };
}

/** Verdicts and seal in one batch. The fold is asked first, as for every event. */
async function record(run: RunContext, led: LedAgain["led"], bodies: readonly EventBody[]): Promise<void> {
  const at = timeText(run.deps.clock.nowMs());
  const drafts: EventDraft[] = [];
  const add = (body: EventBody): void => {
    if (body.kind === "ARTIFACT_STORED" && run.state.artifacts.has(body.data.artifact.artifact_id)) return;
    applyEvent(run.state, { ...body, at });
    drafts.push({ ...body, by: run.principal, at });
  };
  add(leaderDraft(run.deps, led.token));
  for (const body of bodies) add(body);
  add(sealBody(run.state));
  await led.writer.append(drafts, { leaf: "seal" });
}

function verdictOf(body: EventBody): readonly GateView[] {
  if (body.kind !== "GATE_PASSED" && body.kind !== "GATE_FAILED" && body.kind !== "GATE_ERROR") return [];
  const statuses = { GATE_PASSED: "passed", GATE_FAILED: "failed", GATE_ERROR: "error" } as const;
  const { gate_id, step_id = null, attempt, required, reason, metrics = null, result_artifact_id, log_artifact_ids } = body.data;
  return [{ gate_id, step_id, attempt, status: statuses[body.kind], required, reason, metrics, result_artifact_id, log_artifact_ids, dry_run: true }];
}
