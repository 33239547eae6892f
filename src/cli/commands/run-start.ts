import { resolve } from "node:path";
import type { CliContext } from "../cli-context.ts";
import { withEarlyInterrupt } from "../early-interrupt.ts";
import { finishRun } from "../finish-run.ts";
import { followRun } from "../follow-run.ts";
import { withKernel } from "../open-workspace.ts";
import { pairsObject } from "../parse-values.ts";

export interface RunStartFlags {
  readonly param?: readonly (readonly [string, string])[];
  readonly input?: readonly (readonly [string, string])[];
  readonly parallel?: number;
  readonly run?: string;
  readonly planHash?: string;
  readonly title?: string;
  readonly noReuse: boolean;
}

export async function runStart(cli: CliContext, flags: RunStartFlags, file: string): Promise<number> {
  const params = pairsObject("--param", flags.param ?? []);
  const inputs = pairsObject("--input", flags.input ?? []);
  return await withEarlyInterrupt(cli, (early) =>
    withKernel(cli, async (kernel) => {
      early.check();
      const runId = flags.run === undefined ? {} : { runId: (await kernel.runs.show(flags.run)).run_id };
      const handle = await kernel.runs.start(
        { file: resolve(cli.cwd, file) },
        {
          params,
          inputs: Object.fromEntries(Object.entries(inputs).map(([name, path]) => [name, resolve(cli.cwd, path)])),
          ...(flags.parallel === undefined ? {} : { parallel: flags.parallel }),
          ...runId,
          ...(flags.planHash === undefined ? {} : { planHash: flags.planHash }),
          ...(flags.title === undefined ? {} : { title: flags.title }),
          ...(flags.noReuse ? { reuse: false } : {}),
        },
      );
      return await finishRun(cli, kernel, await followRun(cli, kernel, handle, early));
    }),
  );
}
