import { errorTable } from "../../base/error-table.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { comparisonText } from "../render/comparison-text.ts";
import { paintFor } from "../render/paint.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

/** As diff(1): 0 when the runs are the same, 1 when they differ. */
export async function runDiff(cli: CliContext, _flags: object, a: string, b: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const diff = await kernel.audit.diff(a, b);
    answer(cli, diff, () => comparisonText(diff, { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) }));
    return diff.same ? 0 : errorTable.RUN_FAILED.exit;
  });
}
