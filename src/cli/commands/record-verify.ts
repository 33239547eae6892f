import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { LilyError, messageOf } from "../../base/lily-error.ts";
import type { VerifyView } from "../../contracts/run-view.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { CliContext } from "../cli-context.ts";
import { commandLine } from "../command-line.ts";
import { verifyExitCode, worstResult } from "../exit-code.ts";
import { withKernel } from "../open-workspace.ts";
import { type Paint, paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { statusTone } from "../render/step-marks.ts";
import { answer, note } from "../write-output.ts";

const givenBytesMax = 1024 * 1024;

export interface RecordVerifyFlags {
  readonly all: boolean;
  readonly key?: string;
  readonly checkpoint?: string;
}

export async function recordVerify(cli: CliContext, flags: RecordVerifyFlags, run?: string): Promise<number> {
  if (flags.all === (run !== undefined))
    throw new LilyError("USAGE_INVALID", flags.all ? "give RUN or --all, not both" : "RUN is missing; or verify every record with --all");
  const given = {
    ...(flags.key === undefined ? {} : { key: keyText(cli, flags.key) }),
    ...(flags.checkpoint === undefined ? {} : { checkpoint: readText(cli, "--checkpoint", flags.checkpoint) }),
  };
  return await withKernel(cli, async (kernel) => {
    const views = run === undefined ? await kernel.records.verifyAll(given) : [await kernel.records.verify(run, given)];
    const [only] = views;
    const result = worstResult(views.map((view) => view.result));
    const paint = paintFor(cli, cli.stdout);
    answer(cli, run === undefined || only === undefined ? { result, records: views } : only, () => textOf(views, run === undefined, result, paint));
    if (result === "unanchored" && views.length > 0 && !cli.flags.json) await adviseOn(cli, kernel, views);
    return verifyExitCode(result);
  });
}

/** A key is given as text, or as a file that holds it. */
function keyText(cli: CliContext, given: string): string {
  return /^[^\s+]+\+[0-9a-f]{8}\+/u.test(given) ? given : readText(cli, "--key", given).trim();
}

function readText(cli: CliContext, flag: string, file: string): string {
  const path = resolve(cli.cwd, file);
  try {
    if (statSync(path).size <= givenBytesMax) return readFileSync(path, "utf8");
  } catch (cause) {
    throw new LilyError("INPUT_NOT_FOUND", `${flag}: cannot read ${path}: ${messageOf(cause)}`, { details: { path }, cause });
  }
  throw new LilyError("INPUT_TOO_LARGE", `${flag}: ${path} is larger than ${givenBytesMax} bytes`, { details: { path } });
}

/** What would anchor a record: a checkpoint when the run is sealed; a run that is open has to end first. */
async function adviseOn(cli: CliContext, kernel: Kernel, views: readonly VerifyView[]): Promise<void> {
  let hasSealed = false;
  for (const { run_id, result } of views) {
    if (result !== "unanchored") continue;
    const { status, record } = await kernel.runs.show(run_id);
    if (record.sealed) hasSealed = true;
    else if (status === "created") note(cli, `run ${run_id} was not started: ${commandLine(cli, "run", "start", "FILE", "--run", run_id)}`);
    else note(cli, `the run is still open; ${commandLine(cli, "run", "resume", run_id)} continues it`);
  }
  if (hasSealed) note(cli, `to anchor what is sealed: ${commandLine(cli, "log", "checkpoint")}`);
}

function textOf(views: readonly VerifyView[], isAll: boolean, result: VerifyView["result"], paint: Paint): string {
  if (views.length === 0) return "nothing to verify: the workspace holds no records";
  const lines = views.map((view) => viewText(view, paint));
  return isAll ? [...lines, `${views.length} records: ${paint(statusTone(result), resultText(result))}`].join("\n") : lines.join("\n");
}

function viewText(view: VerifyView, paint: Paint): string {
  const lines = [
    `${plainText(view.run_id)} ${paint(statusTone(view.result), resultText(view.result))}${view.anchor === null ? "" : ` by ${plainText(view.anchor)}`}`,
  ];
  lines.push(`  events   ${view.events}, head ${view.head ?? "none"}`, ...view.problems.map((problem) => `  problem  ${plainText(problem)}`));
  lines.push(...(view.notes ?? []).map((line) => `  note     ${plainText(line)}`));
  return lines.join("\n");
}

/** Never a plain "verified": each answer says what was and was not shown (S5). */
function resultText(result: VerifyView["result"]): string {
  switch (result) {
    case "anchored":
      return "anchored";
    case "unanchored":
      return "consistent, not anchored";
    case "behind_anchor":
      return "behind its anchor";
    case "corrupt":
      return "corrupt";
  }
}
