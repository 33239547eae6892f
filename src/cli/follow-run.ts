import { errorTable } from "../base/error-table.ts";
import type { RunView } from "../contracts/run-view.ts";
import type { Kernel, RunHandle } from "../kernel/kernel.ts";
import type { CliContext } from "./cli-context.ts";
import type { EarlyInterrupt } from "./early-interrupt.ts";
import { type ProgressView, progressView } from "./progress-view.ts";
import { plainText } from "./render/plain-text.ts";
import { unenforcedText } from "./render/unenforced-text.ts";

/** Follows a run that this process leads until it rests, from what is new in it. The first Ctrl-C cancels it, the second ends the process. */
export async function followRun(cli: CliContext, kernel: Kernel, handle: RunHandle, early: EarlyInterrupt): Promise<RunView> {
  const view = await kernel.runs.show(handle.runId);
  return await followWith(cli, kernel, handle, early, progressView(cli, view));
}

/** The same with a display of one's own. */
export async function followWith(cli: CliContext, kernel: Kernel, handle: RunHandle, early: EarlyInterrupt, view: ProgressView): Promise<RunView> {
  await noteMissingKey(cli, kernel);
  const interrupt = interruptHandler(cli, handle, view);
  const stopListening = cli.onInterrupt(interrupt);
  if (early.handOver()) interrupt();
  const done = handle.done();
  // A fault shows itself when `done` is awaited below; without this a fault during the events would count as unhandled.
  done.catch(() => undefined);
  try {
    for await (const event of handle.events()) {
      if (event.seq < handle.eventsBefore) continue;
      view.event(event);
      if (event.kind === "RUN_STARTED" && view.plan !== undefined) view.plan((await kernel.runs.show(handle.runId)).steps);
      if (event.kind === "RUN_STARTED" && !cli.flags.json && !cli.flags.quiet) await noteUnenforced(kernel, handle, view);
    }
    await done;
  } finally {
    stopListening();
    view.stop();
  }
  await noteAnchoring(cli, handle);
  return await done;
}

/** Said before the work begins, with --quiet too: whoever needs proof of this run can still end it. */
async function noteMissingKey(cli: CliContext, kernel: Kernel): Promise<void> {
  const problem = await kernel.keyProblem();
  if (problem?.code === "KEY_MISSING") cli.stderr.write(`note: the run will stay unanchored: ${problem.code}: ${plainText(problem.message)}\n`);
}

/** Once, at the start: who wrote a rule that nothing holds the run to can still end it. */
async function noteUnenforced(kernel: Kernel, handle: RunHandle, view: ProgressView): Promise<void> {
  const unenforced = await kernel.runs.unenforced(handle.runId);
  if (unenforced !== null) view.remark(unenforcedText(unenforced));
}

/** The run ended as it did, whatever became of its checkpoint; that it is not anchored is said all the same, with --quiet too. */
async function noteAnchoring(cli: CliContext, handle: RunHandle): Promise<void> {
  const failure = await handle.anchoring();
  if (failure !== null) cli.stderr.write(`note: the run is sealed but not anchored: ${failure.code}: ${plainText(failure.message)}\n`);
}

function interruptHandler(cli: CliContext, handle: RunHandle, view: ProgressView): () => void {
  let count = 0;
  return () => {
    count++;
    if (count > 1) {
      view.stop();
      cli.forceExit(errorTable.INTERRUPTED.exit);
      return;
    }
    view.remark("canceling the run; once more to end at once (then: lily run resume)");
    // A refusal to cancel means that the run rests already, which the events tell.
    handle.cancel("interrupted from the terminal").catch(() => undefined);
  };
}
