import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { runViewText } from "../render/run-view-text.ts";
import { unenforcedText } from "../render/unenforced-text.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

export async function runShow(cli: CliContext, _flags: object, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const view = await kernel.runs.show(run);
    const unenforced = cli.flags.json ? null : await kernel.runs.unenforced(view.run_id);
    answer(cli, view, () => {
      const text = runViewText(view, { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) });
      return unenforced === null ? text : `${text}\n\n${unenforcedText(unenforced)}`;
    });
    return 0;
  });
}
