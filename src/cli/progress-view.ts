import { relative } from "node:path";
import type { LedgerEvent } from "../contracts/event.ts";
import type { RunView, StepView } from "../contracts/run-view.ts";
import type { CliContext } from "./cli-context.ts";
import { eventLine } from "./render/event-line.ts";
import { liveTable } from "./render/live-table.ts";
import { paintFor } from "./render/paint.ts";
import { foldProgress, progressOf, type RunProgress } from "./render/run-progress.ts";

/** Shows a run while it goes: fed by the same events as --json. */
export interface ProgressView {
  event(event: LedgerEvent): void;
  /** Tells the steps of the plan, once it is known. Absent where steps that have not started are not shown. */
  readonly plan?: (steps: readonly StepView[]) => void;
  /** Says something that is no event, without breaking the display. */
  remark(text: string): void;
  /** Ends the display and gives the terminal back. Idempotent. */
  stop(): void;
}

const redrawMs = 200;

/** A live table where stderr is a terminal, lines elsewhere, nothing with --quiet. */
export function progressView(cli: CliContext, view: Pick<RunView, "steps" | "run_dir">): ProgressView {
  if (cli.flags.quiet) return { event: () => undefined, remark: () => undefined, stop: () => undefined };
  if (!cli.stderr.isTty || cli.env["TERM"] === "dumb") return linesView(cli);
  return tableView(cli, view);
}

function linesView(cli: CliContext): ProgressView {
  return {
    event(event) {
      const line = eventLine(event);
      if (line !== null) cli.stderr.write(`${line}\n`);
    },
    remark: (text) => cli.stderr.write(`${text}\n`),
    stop: () => undefined,
  };
}

function tableView(cli: CliContext, view: Pick<RunView, "steps" | "run_dir">): ProgressView {
  const live = liveTable(cli.stderr, paintFor(cli, cli.stderr), shortPath(cli.cwd, view.run_dir));
  let progress: RunProgress = progressOf(view.steps);
  let footer: string | null = null;
  const draw = (): void => live.draw(progress, cli.now(), footer);
  const stopTicking = cli.every(redrawMs, draw);
  return {
    event(event) {
      const next = foldProgress(progress, event);
      if (next === progress) return;
      progress = next;
      draw();
    },
    remark(text) {
      footer = text;
      draw();
    },
    plan(steps) {
      progress = new Map([...progressOf(steps), ...progress]);
      draw();
    },
    stop() {
      stopTicking();
      live.stop();
    },
  };
}

/** Relative to the working directory where that is shorter to read; absolute outside of it. */
function shortPath(cwd: string, path: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") ? path : short;
}
