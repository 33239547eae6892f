import { errorTable } from "../../base/error-table.ts";
import type { LedgerEvent } from "../../contracts/event.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { CliContext } from "../cli-context.ts";
import { commandLine } from "../command-line.ts";
import { runExitCode } from "../exit-code.ts";
import { finishRun } from "../finish-run.ts";
import { withKernel } from "../open-workspace.ts";
import { type ProgressView, progressView } from "../progress-view.ts";
import { jsonLine, jsonText } from "../render/json-text.ts";
import { note } from "../write-output.ts";

export interface RunWatchFlags {
  readonly jsonl: boolean;
}

export async function runWatch(cli: CliContext, flags: RunWatchFlags, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const first = await kernel.runs.show(run);
    const { run_id } = first;
    if (first.status === "created")
      note(cli, `run ${run_id} was not started yet; waiting for it. To start it: ${commandLine(cli, "run", "start", "FILE", "--run", run_id)}`);
    const view = flags.jsonl ? linesOut(cli) : progressView(cli, first);
    const { events, stopped } = await follow(cli, kernel, run_id, view);
    if (stopped && !flags.jsonl) note(cli, "stopped watching; the run goes on");
    if (!flags.jsonl && cli.flags.json) cli.stdout.write(jsonText({ events }));
    if (stopped) return cli.stdout.closed ? 0 : errorTable.INTERRUPTED.exit;
    const last = await kernel.runs.show(run_id);
    return flags.jsonl || cli.flags.json ? runExitCode(last.status) : await finishRun(cli, kernel, last);
  });
}

function linesOut(cli: CliContext): ProgressView {
  return { event: (event) => cli.stdout.write(jsonLine(event)), remark: () => undefined, stop: () => undefined };
}

/** Follows until the run rests, Ctrl-C, or nobody reads any more. Keeps events only where one document is asked for. */
async function follow(
  cli: CliContext,
  kernel: Kernel,
  runId: string,
  view: ProgressView,
): Promise<{ readonly events: readonly LedgerEvent[]; readonly stopped: boolean }> {
  const events: LedgerEvent[] = [];
  const abort = new AbortController();
  const stopListening = cli.onInterrupt(() => abort.abort());
  try {
    for await (const event of kernel.runs.watch(runId, { signal: abort.signal })) {
      if (cli.flags.json) events.push(event);
      view.event(event);
      await cli.stdout.drained();
      if (cli.stdout.closed) abort.abort();
      if (abort.signal.aborted) break;
    }
  } finally {
    stopListening();
    view.stop();
  }
  return { events, stopped: abort.signal.aborted };
}
