import { errorTable } from "../../base/error-table.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { statusTone } from "../render/step-marks.ts";
import { answer } from "../write-output.ts";

export interface RunCancelFlags {
  readonly reason: string;
}

/** Exits 0 when the run is canceled, 3 when it had ended otherwise before the request reached it. */
export async function runCancel(cli: CliContext, flags: RunCancelFlags, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const view = await kernel.runs.cancel(run, flags.reason);
    const paint = paintFor(cli, cli.stdout);
    answer(
      cli,
      view,
      () =>
        `run ${plainText(view.run_id)} ${paint(statusTone(view.status), view.status)}${view.status === "canceled" ? "" : ": it ended before the request reached it"}`,
    );
    return view.status === "canceled" ? 0 : errorTable.RUN_STATE_CONFLICT.exit;
  });
}
