import { errorTable } from "../../base/error-table.ts";
import type { CliContext } from "../cli-context.ts";
import { withEarlyInterrupt } from "../early-interrupt.ts";
import { runExitCode } from "../exit-code.ts";
import { followRun } from "../follow-run.ts";
import { withKernel } from "../open-workspace.ts";
import { reproductionText } from "../render/comparison-text.ts";
import { paintFor } from "../render/paint.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

export interface RunReproduceFlags {
  readonly times: number;
  readonly parallel?: number;
}

export async function runReproduce(cli: CliContext, { times, parallel }: RunReproduceFlags, run: string): Promise<number> {
  return await withEarlyInterrupt(cli, (early) =>
    withKernel(cli, async (kernel) => {
      early.check();
      const found = await kernel.runs.reproduce(run, {
        times,
        ...(parallel === undefined ? {} : { parallel }),
        follow: (handle) => followRun(cli, kernel, handle, early),
      });
      answer(cli, found, () => reproductionText(found, { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) }));
      if (found.interrupted !== null) return runExitCode(found.interrupted.run_status);
      return found.reproducible === true ? 0 : errorTable.RUN_FAILED.exit;
    }),
  );
}
