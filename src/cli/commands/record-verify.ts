import { LilyError } from "../../base/lily-error.ts";
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

export interface RecordVerifyFlags {
  readonly all: boolean;
}

export async function recordVerify(cli: CliContext, flags: RecordVerifyFlags, run?: string): Promise<number> {
  if (flags.all === (run !== undefined))
    throw new LilyError("USAGE_INVALID", flags.all ? "give RUN or --all, not both" : "RUN is missing; or verify every record with --all");
  return await withKernel(cli, async (kernel) => {
    const views = run === undefined ? await kernel.records.verifyAll() : [await kernel.records.verify(run)];
    const [only] = views;
    const result = worstResult(views.map((view) => view.result));
    const paint = paintFor(cli, cli.stdout);
    answer(cli, run === undefined || only === undefined ? { result, records: views } : only, () => textOf(views, run === undefined, result, paint));
    if (result === "unanchored" && views.length > 0 && !cli.flags.json) await adviseOn(cli, kernel, views);
    return verifyExitCode(result);
  });
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
