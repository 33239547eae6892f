import type { CliContext } from "../cli-context.ts";
import { withEarlyInterrupt } from "../early-interrupt.ts";
import { finishRun } from "../finish-run.ts";
import { followRun } from "../follow-run.ts";
import { withKernel } from "../open-workspace.ts";

export interface RunResumeFlags {
  readonly unblock?: string;
  readonly parallel?: number;
}

export async function runResume(cli: CliContext, flags: RunResumeFlags, run: string): Promise<number> {
  return await withEarlyInterrupt(cli, (early) =>
    withKernel(cli, async (kernel) => {
      early.check();
      const handle = await kernel.runs.resume(run, {
        ...(flags.unblock === undefined ? {} : { unblockReason: flags.unblock }),
        ...(flags.parallel === undefined ? {} : { parallel: flags.parallel }),
      });
      return await finishRun(cli, kernel, await followRun(cli, kernel, handle, early));
    }),
  );
}
