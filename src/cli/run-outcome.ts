/** How a run ended, for the end of run start, resume, watch and exec: verdict, what failed and its last log lines, how to verify. */
import { basename, join } from "node:path";
import type { AttemptView, GateView, RunView, StepView } from "../contracts/run-view.ts";
import { isLilyError } from "../base/lily-error.ts";
import type { CheckedLog, Kernel } from "../kernel/kernel.ts";
import type { CliContext } from "./cli-context.ts";
import { commandLine } from "./command-line.ts";
import { tailLines } from "./log-tail.ts";
import type { Paint } from "./render/paint.ts";
import { plainText } from "./render/plain-text.ts";
import { spanText } from "./render/span-text.ts";
import { statusTone } from "./render/step-marks.ts";

const tailLineCount = 10;

type LogRow = CheckedLog;

export interface OutcomeOptions {
  readonly paint: Paint;
  /** The output of the steps was passed through already, so its last lines are not repeated. */
  readonly isOutputShown: boolean;
}

/** Text lines about a run that rests. */
export async function outcomeText(cli: CliContext, kernel: Kernel, view: RunView, options: OutcomeOptions): Promise<string> {
  const { paint } = options;
  const lines = [verdictLine(view, paint)];
  if (view.status !== "succeeded") lines.push(...(await failureLines(kernel, view, options)));
  if (view.status === "blocked") lines.push(`  go on   ${commandLine(cli, "run", "resume", view.run_id, "--unblock", "REASON")}`);
  const place = view.record.sealed ? join(view.run_dir, "record.jsonl") : `journal of ${kernel.workspaceDir}`;
  lines.push(`  record  ${plainText(place)} (${view.record.events} events)`, `  verify  ${commandLine(cli, "record", "verify", view.run_id)}`);
  return `${lines.join("\n")}\n`;
}

function verdictLine(view: RunView, paint: Paint): string {
  const done = view.steps.filter((step) => step.status === "succeeded" || step.status === "reused").length;
  const counted = view.gates.filter((gate) => gate.dry_run !== true);
  const passed = counted.filter((gate) => gate.status === "passed").length;
  const gates = counted.length === 0 ? "" : `, ${passed} of ${counted.length} gate verdicts passed`;
  const reason = view.status === "succeeded" || view.reason === null ? "" : `\n  reason  ${plainText(view.reason)}`;
  return `run ${view.run_id} ${paint(statusTone(view.status), view.status)}: ${done} of ${view.steps.length} steps${gates}${spanText(view.created_at, view.finished_at)}${reason}`;
}

async function failureLines(kernel: Kernel, view: RunView, { paint, isOutputShown }: OutcomeOptions): Promise<readonly string[]> {
  const logs = await kernel.runs.checkedLogs(view.run_id);
  const lines: string[] = [];
  for (const step of view.steps.filter(({ status }) => status === "failed" || status === "interrupted")) {
    lines.push(...(await stepLines(step, logs, paint, isOutputShown ? 0 : tailLineCount)));
  }
  for (const gate of lastVerdicts(view.gates).filter(({ status }) => status !== "passed")) lines.push(...(await gateLines(gate, logs, paint)));
  return lines;
}

async function stepLines(step: StepView, logs: readonly LogRow[], paint: Paint, tailCount: number): Promise<readonly string[]> {
  const attempt = step.attempts.at(-1);
  const why = attempt?.error === null || attempt === undefined ? "" : `: ${attempt.error.code}: ${attempt.error.reason}`;
  const head = `  ${paint("bad", "step")}    ${plainText(`${step.step_id} attempt ${step.attempts.length} ${outcomeWord(attempt, step)}${why}`)}`;
  return [
    head,
    ...(await logLines(
      logs.filter((log) => log.path.startsWith(`steps/${step.step_id}/${step.attempts.length}/`)),
      tailCount,
    )),
  ];
}

function outcomeWord(attempt: AttemptView | undefined, step: StepView): string {
  if (attempt === undefined || attempt.outcome === "completed") return step.status;
  return attempt.outcome === "timeout" ? "timed out" : attempt.outcome;
}

async function gateLines(gate: GateView, logs: readonly LogRow[], paint: Paint): Promise<readonly string[]> {
  const where = gate.step_id === null ? "" : ` of ${gate.step_id}`;
  const word = gate.status === "failed" ? "failed" : "could not judge";
  const head = `  ${paint(gate.required ? "bad" : "warn", "gate")}    ${plainText(`${gate.gate_id}${where} ${word}${gate.required ? "" : " (optional)"}: ${gate.reason ?? "no reason given"}`)}`;
  const own = logs.filter(
    (log) => log.path.startsWith(`gates/`) && log.path.split("/").includes(gate.gate_id) && log.path.split("/").includes(String(gate.attempt)),
  );
  return [head, ...(await logLines(own, tailLineCount))];
}

/** The last verdict of each gate: what counted in the end. */
function lastVerdicts(gates: readonly GateView[]): readonly GateView[] {
  return [...new Map(gates.filter((gate) => gate.dry_run !== true).map((gate) => [`${gate.step_id ?? ""}/${gate.gate_id}`, gate])).values()];
}

/** Names each log. The last lines are those of stderr; of stdout where stderr says nothing, because many tools report their errors there. */
async function logLines(logs: readonly LogRow[], tailCount: number): Promise<readonly string[]> {
  let told = await tailsOf("stderr", logs, tailCount);
  if (told.size === 0) told = await tailsOf("stdout", logs, tailCount);
  return logs.flatMap((log) => [
    `    log   ${plainText(log.absolutePath)} (${log.size} bytes)`,
    ...(told.get(log) ?? []).map((line) => `      | ${plainText(line)}`),
  ]);
}

/** The last lines of each log of a stream that holds more than blank lines. */
async function tailsOf(stream: "stdout" | "stderr", logs: readonly LogRow[], count: number): Promise<ReadonlyMap<LogRow, readonly string[]>> {
  const tails = new Map<LogRow, readonly string[]>();
  if (count === 0) return tails;
  for (const log of logs.filter(({ path }) => basename(path).startsWith(stream))) {
    const lines = await checkedTail(log, count);
    if (lines.some((line) => line.trim() !== "")) tails.set(log, lines);
  }
  return tails;
}

/** What is shown is what was recorded: a file that was changed since is named, not quoted. */
async function checkedTail(log: LogRow, count: number): Promise<readonly string[]> {
  if (log.isMissing) return ["(this file is gone; lily artifact get has what was recorded)"];
  try {
    await log.check();
  } catch (thrown) {
    if (!isLilyError(thrown, "OBJECT_CORRUPT")) throw thrown;
    return ["(not shown: this file is not what was recorded; lily doctor tells more)"];
  }
  return tailLines(log.absolutePath, count);
}
