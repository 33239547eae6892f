import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { irreversibleText } from "../render/audit-text.ts";
import { paintFor } from "../render/paint.ts";
import { answer } from "../write-output.ts";

export async function runIrreversible(cli: CliContext, _flags: object, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const actions = await kernel.audit.irreversible(run);
    answer(cli, actions, () => irreversibleText(actions, paintFor(cli, cli.stdout)));
    return 0;
  });
}
