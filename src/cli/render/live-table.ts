/**
 * Owns: the lines it drew last on one terminal. States: idle, drawing, stopped.
 * Invariants: every line fits the width, so that moving up by the number of lines drawn always lands on the first of them; the cursor
 * is hidden only between the first draw and `stop`; after `stop` nothing is written.
 * Not responsible for: what the lines say beyond the rows it is given.
 */
import { durationText } from "../../base/duration.ts";
import type { OutputStream } from "../cli-context.ts";
import type { Paint } from "./paint.ts";
import { plainText } from "./plain-text.ts";
import type { RunProgress, StepProgress } from "./run-progress.ts";
import { stepMark } from "./step-marks.ts";
import { fitText, padText, textWidth } from "./text-width.ts";

const rowsMax = 16;

export interface LiveTable {
  draw(progress: RunProgress, nowMs: number, footer: string | null): void;
  stop(): void;
}

/** `runDir` is where the logs of failed steps are pointed to. */
export function liveTable(stream: OutputStream, paint: Paint, runDir: string): LiveTable {
  let drawn = 0;
  let hidden = false;
  let stopped = false;
  return {
    draw(progress, nowMs, footer) {
      if (stopped) return;
      const steps = tableLines([...progress.values()], nowMs, stream.columns, paint, runDir);
      const lines = footer === null ? steps : [...steps, fitText(footer, stream.columns - 1)];
      const up = drawn === 0 ? "" : `\u001b[${drawn}A\r`;
      stream.write(`${hidden ? "" : "\u001b[?25l"}${up}\u001b[J${lines.map((line) => `${line}\n`).join("")}`);
      hidden = true;
      drawn = lines.length;
    },
    stop() {
      if (hidden && !stopped) stream.write("\u001b[?25h");
      stopped = true;
    },
  };
}

/** One line a step, never wider than `width - 1`; with many steps the running, failed and last ones. */
export function tableLines(steps: readonly StepProgress[], nowMs: number, width: number, paint: Paint, runDir: string): readonly string[] {
  const shown = pick(steps);
  const nameWidth = Math.min(32, Math.max(4, ...shown.map((step) => textWidth(plainText(step.step)))));
  const lines = shown.flatMap((step) => {
    const line = stepLine(step, nowMs, nameWidth, width - 1, paint);
    if (step.status !== "failed") return [line];
    return [line, paint("dim", fitText(`    logs in ${plainText(`${runDir}/steps/${step.step}/${step.attempt}`)}`, width - 1))];
  });
  if (shown.length < steps.length) lines.push(paint("dim", fitText(summaryOf(steps, steps.length - shown.length), width - 1)));
  return lines;
}

function pick(steps: readonly StepProgress[]): readonly StepProgress[] {
  if (steps.length <= rowsMax) return steps;
  const order = [...steps.entries()].sort(([i, a], [j, b]) => weight(b) - weight(a) || j - i).slice(0, rowsMax);
  return order.sort(([i], [j]) => i - j).map(([, step]) => step);
}

function weight(step: StepProgress): number {
  switch (step.status) {
    case "running":
      return 3;
    case "failed":
    case "interrupted":
      return 2;
    case "succeeded":
    case "reused":
    case "skipped":
      return 1;
    case "pending":
      return 0;
  }
}

function summaryOf(steps: readonly StepProgress[], more: number): string {
  const done = steps.filter((step) => step.status === "succeeded" || step.status === "reused").length;
  return `… ${more} more steps; ${done} of ${steps.length} done`;
}

function stepLine(step: StepProgress, nowMs: number, nameWidth: number, width: number, paint: Paint): string {
  const mark = stepMark(step.status);
  const name = padText(fitText(plainText(step.step), nameWidth), nameWidth);
  const attempt = step.attempt > 1 ? `  attempt ${step.attempt}` : "";
  const duration = durationOf(step, nowMs);
  const gates = step.gates.map(({ gate, verdict }) => `  ${verdict === "passed" ? "✓" : "✗"} ${plainText(gate)}`).join("");
  const reason = step.reason === null ? "" : `  ${plainText(step.reason)}`;
  const rest = fitText(`${name}  ${padText(duration, 8)}${attempt}${gates}${reason}`, width - 2);
  return `${paint(mark.tone, mark.symbol)} ${step.status === "pending" ? paint("dim", rest.trimEnd()) : rest.trimEnd()}`;
}

function durationOf(step: StepProgress, nowMs: number): string {
  if (step.durationMs !== null) return durationText(step.durationMs);
  if (step.status !== "running" || step.startedMs === null) return "";
  return durationText(Math.max(0, nowMs - step.startedMs));
}
