import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { isLilyError, LilyError, messageOf } from "../../base/lily-error.ts";
import type { CheckedLog, Kernel } from "../../kernel/kernel.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { jsonText } from "../render/json-text.ts";
import { logText } from "../render/log-text.ts";
import { paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { note } from "../write-output.ts";

export interface RunLogsFlags {
  readonly step?: string;
  readonly gate?: string;
  readonly attempt?: number;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly raw: boolean;
}

export async function runLogs(cli: CliContext, flags: RunLogsFlags, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const all = await kernel.runs.checkedLogs(run, {
      ...(flags.step === undefined ? {} : { step: flags.step }),
      ...(flags.gate === undefined ? {} : { gate: flags.gate }),
      ...(flags.attempt === undefined ? {} : { attempt: flags.attempt }),
    });
    if (all.length === 0) {
      await refuseUnknown(kernel, flags, run);
      await refuseAttempt(kernel, flags, run);
    }
    const logs = all.filter((log) => wanted(basename(log.path), flags));
    if (cli.flags.json) {
      for (const log of logs) await log.check();
      cli.stdout.write(jsonText({ logs: logs.map(jsonOf) }));
      return 0;
    }
    if (logs.length === 0) note(cli, "no logs: a stream without output has no file");
    const paint = paintFor(cli, cli.stdout);
    for (const log of logs) {
      if (cli.stdout.closed) break;
      if (!flags.raw && !cli.flags.quiet) cli.stdout.write(`${paint("dim", `== ${plainText(log.path)} (${log.size} bytes)`)}\n`);
      remark(cli, log);
      await copyLog(cli, log, flags.raw);
    }
    return 0;
  });
}

function jsonOf(log: CheckedLog): Readonly<Record<string, unknown>> {
  return { path: log.path, size: log.size, absolute_path: log.absolutePath, state: log.state, artifact_id: log.artifactId, missing: log.isMissing };
}

/** Says of what is shown how far it is proven; nothing of a log that is what the record says. */
function remark(cli: CliContext, log: CheckedLog): void {
  const path = plainText(log.path);
  if (log.isMissing) note(cli, `${path}: the file is gone; this is what the record keeps`);
  else if (log.state === "running") note(cli, `${path}: not yet recorded, shown as it is`);
  else if (log.state === "unrecorded") note(cli, `${path}: not recorded, because its attempt was cut off; nothing vouches for it`);
}

/** Throws USAGE_INVALID for a step or gate that the run does not have; it says what has logs. */
async function refuseUnknown(kernel: Kernel, { step, gate }: RunLogsFlags, run: string): Promise<void> {
  if (step === undefined && gate === undefined) return;
  const view = await kernel.runs.show(run);
  const isStep = step === undefined || view.steps.some(({ step_id }) => step_id === step);
  const isGate = gate === undefined || view.gates.some(({ gate_id }) => gate_id === gate);
  if (isStep && isGate) return;
  const asked = isStep ? `gate ${JSON.stringify(gate?.slice(0, 80))}` : `step ${JSON.stringify(step?.slice(0, 80))}`;
  const ids = new Set(
    (await kernel.runs.logs(run)).map(({ path }) =>
      path
        .split("/")
        .slice(0, 2)
        .join(" ")
        .replace(/^(step|gate)s /, "--$1 "),
    ),
  );
  throw new LilyError(
    "USAGE_INVALID",
    `run ${view.run_id} has no ${asked}; ${ids.size === 0 ? "nothing of it has logs" : `there are logs of ${[...ids].join(", ")}`}`,
  );
}

/** Throws USAGE_INVALID for an attempt that there was not; it says which there were. One without output is none of those. */
async function refuseAttempt(kernel: Kernel, { step, gate, attempt }: RunLogsFlags, run: string): Promise<void> {
  if (attempt === undefined) return;
  const view = await kernel.runs.show(run);
  const numbers = [
    ...(gate === undefined
      ? view.steps.filter(({ step_id }) => step === undefined || step_id === step).flatMap(({ attempts }) => attempts.map(({ n }) => n))
      : []),
    ...(step === undefined ? view.gates.filter(({ gate_id }) => gate === undefined || gate_id === gate).map((one) => one.attempt) : []),
  ];
  if (numbers.includes(attempt)) return;
  const last = Math.max(0, ...numbers);
  const of = step !== undefined ? `step ${step}` : gate !== undefined ? `gate ${gate}` : `run ${view.run_id}`;
  throw new LilyError("USAGE_INVALID", `${of} has no attempt ${attempt}; ${last === 0 ? "it has not been attempted in this run" : `its last is ${last}`}`);
}

function wanted(name: string, flags: RunLogsFlags): boolean {
  if (flags.stdout === flags.stderr) return true;
  return name.startsWith(flags.stdout ? "stdout" : "stderr");
}

/** Streams one log; a log may be far larger than memory. What is recorded is checked first (OBJECT_CORRUPT). */
async function copyLog(cli: CliContext, log: CheckedLog, raw: boolean): Promise<void> {
  await log.check();
  const decoder = logText();
  let lastUnit = "\n";
  try {
    for await (const chunk of log.bytes === null ? createReadStream(log.absolutePath) : log.bytes()) {
      const bytes: Uint8Array = chunk;
      const text = raw ? "" : decoder.next(bytes);
      cli.stdout.write(raw ? bytes : text);
      lastUnit = text.at(-1) ?? lastUnit;
      await cli.stdout.drained();
      if (cli.stdout.closed) return;
    }
  } catch (cause) {
    if (isLilyError(cause)) throw cause;
    const path = log.absolutePath;
    throw new LilyError("STORAGE_FAILED", `cannot read the log ${path}: ${messageOf(cause)}`, { details: { path }, cause });
  }
  if (raw) return;
  const rest = decoder.end();
  cli.stdout.write((rest.at(-1) ?? lastUnit) === "\n" ? rest : `${rest}\n`);
}
