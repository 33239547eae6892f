import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { rollbackText } from "../render/audit-text.ts";
import { paintFor } from "../render/paint.ts";
import { answer } from "../write-output.ts";

export async function rollbackPlan(cli: CliContext, _flags: object, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const scaffold = await kernel.audit.rollback(run);
    const record = await kernel.audit.record(run);
    answer(cli, scaffold, () => rollbackText(scaffold, record, paintFor(cli, cli.stdout)));
    return 0;
  });
}
