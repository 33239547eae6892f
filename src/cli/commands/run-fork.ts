import { resolve } from "node:path";
import { LilyError } from "../../base/lily-error.ts";
import type { CliContext } from "../cli-context.ts";
import { withEarlyInterrupt } from "../early-interrupt.ts";
import { finishRun } from "../finish-run.ts";
import { followRun } from "../follow-run.ts";
import { withKernel } from "../open-workspace.ts";
import { pairsObject } from "../parse-values.ts";

export interface RunForkFlags {
  readonly from: readonly string[];
  readonly reason: string;
  readonly file?: string;
  readonly param?: readonly (readonly [string, string])[];
  readonly input?: readonly (readonly [string, string])[];
  readonly parallel?: number;
  readonly title?: string;
}

export async function runFork(cli: CliContext, flags: RunForkFlags, run: string): Promise<number> {
  const params = pairsObject("--param", flags.param ?? []);
  const inputs = Object.fromEntries(Object.entries(pairsObject("--input", flags.input ?? [])).map(([name, file]) => [name, resolve(cli.cwd, file)]));
  if (flags.file === undefined && Object.keys({ ...params, ...inputs }).length > 0)
    throw new LilyError(
      "USAGE_INVALID",
      "a fork has the parameters and inputs of the run it comes from; --param and --input go with another workflow, --file FILE",
    );
  return await withEarlyInterrupt(cli, (early) =>
    withKernel(cli, async (kernel) => {
      early.check();
      const handle = await kernel.runs.fork(run, {
        from: flags.from,
        reason: flags.reason,
        ...(flags.file === undefined ? {} : { workflow: { file: resolve(cli.cwd, flags.file) }, params, inputs }),
        ...(flags.parallel === undefined ? {} : { parallel: flags.parallel }),
        ...(flags.title === undefined ? {} : { title: flags.title }),
      });
      return await finishRun(cli, kernel, await followRun(cli, kernel, handle, early));
    }),
  );
}
