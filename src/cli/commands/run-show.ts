import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { runViewText } from "../render/run-view-text.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

export async function runShow(cli: CliContext, _flags: object, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const view = await kernel.runs.show(run);
    answer(cli, view, () => runViewText(view, { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) }));
    return 0;
  });
}
