import type { CliContext } from "../cli-context.ts";
import { withEarlyInterrupt } from "../early-interrupt.ts";
import { finishRun } from "../finish-run.ts";
import { followRun } from "../follow-run.ts";
import { withKernel } from "../open-workspace.ts";

export interface RunRerunFlags {
  readonly from: readonly string[];
  readonly reason: string;
  readonly unblock?: string;
  readonly parallel?: number;
}

export async function runRerun(cli: CliContext, flags: RunRerunFlags, run: string): Promise<number> {
  return await withEarlyInterrupt(cli, (early) =>
    withKernel(cli, async (kernel) => {
      early.check();
      const handle = await kernel.runs.rerun(run, {
        from: flags.from,
        reason: flags.reason,
        ...(flags.unblock === undefined ? {} : { unblockReason: flags.unblock }),
        ...(flags.parallel === undefined ? {} : { parallel: flags.parallel }),
      });
      return await finishRun(cli, kernel, await followRun(cli, kernel, handle, early));
    }),
  );
}
