import { LilyError } from "../../base/lily-error.ts";
import { errorTable } from "../../base/error-table.ts";
import type { JudgedGates } from "../../kernel/kernel.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { type Paint, paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { statusTone } from "../render/step-marks.ts";
import { table } from "../render/table.ts";
import { tableWidth } from "../table-width.ts";
import { answer, note } from "../write-output.ts";

export interface RunGatesFlags {
  readonly judgeOnly: boolean;
  readonly gate?: string;
  readonly step?: string;
}

export async function runGates(cli: CliContext, flags: RunGatesFlags, run: string): Promise<number> {
  if (!flags.judgeOnly)
    throw new LilyError(
      "USAGE_INVALID",
      "gates are judged when their step completes. To judge them again without doing anything: add --judge-only. To let a verdict count: lily run rerun RUN --from STEP --reason TEXT",
    );
  return await withKernel(cli, async (kernel) => {
    const interrupt = new AbortController();
    const stopListening = cli.onInterrupt(() => interrupt.abort());
    try {
      const judged = await kernel.runs.judge(run, {
        ...(flags.gate === undefined ? {} : { gate: flags.gate }),
        ...(flags.step === undefined ? {} : { step: flags.step }),
        signal: interrupt.signal,
      });
      answer(cli, judged, () => textOf(judged, paintFor(cli, cli.stdout), tableWidth(cli)));
      if (judged.anchoring !== null) note(cli, `the verdicts are recorded but not anchored: ${judged.anchoring.code}: ${plainText(judged.anchoring.message)}`);
      return judged.verdicts.some((gate) => gate.required && gate.status !== "passed") ? errorTable.RUN_FAILED.exit : 0;
    } finally {
      stopListening();
    }
  });
}

function textOf({ run_id, verdicts, skipped }: JudgedGates, paint: Paint, width: number | null): string {
  const passed = verdicts.filter((gate) => gate.status === "passed").length;
  const head = `run ${plainText(run_id)}, dry run: ${passed} of ${verdicts.length} gate verdicts passed, ${skipped.length} skipped; nothing else changed`;
  if (verdicts.length + skipped.length === 0) return head;
  const judged = verdicts.map((gate) => [
    gate.gate_id,
    { text: gate.required ? gate.status : `${gate.status} (optional)`, tone: statusTone(gate.status) },
    gate.step_id ?? "run",
    gate.reason ?? "",
  ]);
  const left = skipped.map((gate) => [gate.gate_id, "skipped", gate.step_id ?? "run", gate.reason]);
  return `${head}\n\n${table(["GATE", "VERDICT", "STEP", "REASON"], [...judged, ...left], { paint, width })}`;
}
