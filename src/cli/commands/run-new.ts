import { resolve } from "node:path";
import type { CliContext } from "../cli-context.ts";
import { commandLine } from "../command-line.ts";
import { withKernel } from "../open-workspace.ts";
import { answer, note } from "../write-output.ts";

export interface RunNewFlags {
  readonly workOrder?: string;
  readonly title?: string;
}

export async function runNew(cli: CliContext, flags: RunNewFlags): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const view = await kernel.runs.create({
      ...(flags.title === undefined ? {} : { title: flags.title }),
      ...(flags.workOrder === undefined ? {} : { workOrderFile: resolve(cli.cwd, flags.workOrder) }),
    });
    answer(cli, view, () => view.run_id);
    if (!cli.flags.json) note(cli, `created; go on with: ${commandLine(cli, "run", "start", "FILE", "--run", view.run_id)}`);
    return 0;
  });
}
