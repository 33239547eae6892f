/** Runs a step's command and reports how it ended; outputs are collected by the caller. */
import { assert } from "../base/assert.ts";
import type { ExecutorSummary } from "../contracts/events.ts";
import type { PlanExecutor } from "../contracts/plan-document.ts";
import type { PathTest } from "../judge/path-globs.ts";
import { type ReferenceLookup, resolveArgv } from "../graph/resolve-template.ts";
import type { StepState } from "../graph/run-state.ts";
import type { AttemptFolder } from "../ports/attempt-folders.ts";
import type { ProcessOutcome, RunningProcess } from "../ports/process-runner.ts";
import { type ClosedGuard, openGuard } from "./attempt-guard.ts";
import type { EndSignal } from "./end-signal.ts";
import { breachText } from "./policy-evaluation.ts";
import { openWorkTree } from "./prepare-folder.ts";
import type { RunContext } from "./run-context.ts";
import { stepEnvironment } from "./step-environment.ts";
import type { SettledExecution } from "./step-report.ts";

/** From SIGTERM to SIGKILL. */
export const killGraceMs = 2_000;

export type CommandExecutor = Exclude<PlanExecutor, { readonly kind: "module" }>;
/** A command always says what it was. */
type CommandExecution = SettledExecution & { readonly executor: ExecutorSummary };

export interface ProcessExecution {
  readonly execution: CommandExecution;
  /** What the policy said; null when the command was not found. */
  readonly guard: ClosedGuard | null;
}

export async function performProcess(
  run: RunContext,
  step: StepState,
  executor: CommandExecutor,
  attempt: number,
  folder: AttemptFolder,
  lookup: ReferenceLookup,
  guarding: { readonly handed: readonly string[]; readonly isOutput: PathTest },
  end: EndSignal,
): Promise<ProcessExecution> {
  const { processes, probe } = run.deps;
  const { env, redact } = stepEnvironment(probe, step.plan, lookup);
  const { argv, kind } = commandOf(executor, lookup);
  const command = commandName(argv);
  const tool = await processes.resolveTool(command, env.PATH, folder.cwd);
  if (tool === null) return { execution: notStarted(kind, `command not found: ${command}`), guard: null };
  const guard = await openGuard(run, {
    cwd: folder.cwd,
    tree: () => openWorkTree(run, folder),
    environment: step.plan,
    command: { name: command, path: tool.path, handed: guarding.handed },
    isOutput: guarding.isOutput,
  });
  if (guard.refusal !== null) {
    const refused = notStarted(kind, breachText(guard.refusal.breaches) ?? "refused", "POLICY_VIOLATION");
    return { execution: refused, guard: await guard.close() };
  }
  const toolDigest = await processes.digestTool(tool.path);
  const running = processes.start({
    // As written: what a link is called decides what some programs are; policy and digest look at the file behind it.
    argv,
    cwd: folder.cwd,
    env,
    timeoutMs: step.plan.timeout_ms,
    stdoutPath: folder.stdoutPath,
    stderrPath: folder.stderrPath,
    logBytesMax: step.plan.log_bytes_max,
    redact,
    graceMs: killGraceMs,
    marker: `${run.runId}/${step.plan.id}/${attempt}`,
    ...(guard.sandbox === null ? {} : { sandbox: guard.sandbox }),
  });
  const outcome = await endable(running, end);
  const closed = await guard.close();
  const summary: ExecutorSummary = {
    ...summaryOf(kind, outcome),
    tool: tool.path,
    tool_digest: toolDigest,
    ...(guard.sandboxName === null ? {} : { sandbox: guard.sandboxName, materials: step.plan.workdir === "isolated" ? "complete" : "declared" }),
    enforcement: { ...closed.enforcement },
  };
  return { execution: executionOf(outcome, summary, step.plan.timeout_ms), guard: closed };
}

/** Awaits a process that an end signal kills. */
export async function endable(running: RunningProcess, end: EndSignal): Promise<ProcessOutcome> {
  const forget = end.onEnd(() => running.kill());
  try {
    return await running.done;
  } finally {
    forget();
  }
}

/** The program of an argv; a plan refuses an empty one. */
export function commandName(argv: readonly string[]): string {
  const [command] = argv;
  assert(command !== undefined, "R4: a plan holds no empty argv");
  return command;
}

function commandOf(executor: CommandExecutor, lookup: ReferenceLookup): { readonly argv: readonly string[]; readonly kind: "process" | "shell" } {
  switch (executor.kind) {
    case "process":
      return { argv: resolveArgv(executor.argv, lookup), kind: "process" };
    case "shell":
      return { argv: ["/bin/sh", "-e", "-c", executor.text], kind: "shell" };
  }
}

function notStarted(kind: "process" | "shell", reason: string, code = "STEP_SPAWN_FAILED"): CommandExecution {
  return { ok: false, outcome: "failed", code, reason, executor: { kind }, durationMs: 0 };
}

function summaryOf(kind: "process" | "shell", outcome: ProcessOutcome): ExecutorSummary {
  return {
    kind,
    exit_code: outcome.exitCode,
    signal: outcome.signal,
    stdout_bytes: outcome.stdoutBytes,
    stderr_bytes: outcome.stderrBytes,
    ...(outcome.cut ? { output_cut: true } : {}),
    ...(outcome.survivorsKilled > 0 ? { survivors_killed: outcome.survivorsKilled } : {}),
  };
}

function executionOf(outcome: ProcessOutcome, executor: ExecutorSummary, timeoutMs: number | null): CommandExecution {
  const failed = (code: string, reason: string): CommandExecution => ({ ok: false, outcome: "failed", code, reason, executor, durationMs: outcome.durationMs });
  switch (outcome.outcome) {
    case "exited":
      if (outcome.exitCode === 0) return { ok: true, executor, durationMs: outcome.durationMs, values: {} };
      return failed("STEP_FAILED", `exit code ${outcome.exitCode}`);
    case "signaled":
      return failed("STEP_FAILED", `ended by signal ${outcome.signal}`);
    case "killed":
      return failed("STEP_FAILED", "ended from outside");
    case "timeout":
      return { ok: false, outcome: "timeout", code: "STEP_TIMEOUT", reason: `ran longer than ${timeoutMs} ms`, executor, durationMs: outcome.durationMs };
    case "output_limit":
      return failed("STEP_OUTPUT_LIMIT", "wrote more to its log than log_limit allows");
    case "spawn_failed":
      return failed("STEP_SPAWN_FAILED", outcome.error ?? "could not be started");
  }
}
