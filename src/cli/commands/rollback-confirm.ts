import { errorTable } from "../../base/error-table.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { rollbackText } from "../render/audit-text.ts";
import { paintFor } from "../render/paint.ts";
import { answer } from "../write-output.ts";

/** Shows the guidance, asks, answers. Nothing is executed and nothing is recorded. */
export async function rollbackConfirm(cli: CliContext, _flags: object, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const scaffold = await kernel.audit.rollback(run);
    if (!cli.flags.quiet) cli.stderr.write(`${rollbackText(scaffold, await kernel.audit.record(run), paintFor(cli, cli.stderr))}\n`);
    const confirmation = await kernel.audit.confirmRollback(scaffold, scaffold.is_rollback_possible ? await ask(cli) : null);
    answer(cli, { execution_id: scaffold.execution_id, ...confirmation }, () => confirmation.text);
    return confirmation.confirmed ? 0 : errorTable.RUN_STATE_CONFLICT.exit;
  });
}

/** The prompt is shown to a person only; a program writes its answer to standard input. */
async function ask(cli: CliContext): Promise<string | null> {
  if (cli.stdin.isTty) cli.stderr.write("Will you undo this by hand, as described? Type yes to confirm: ");
  return await cli.stdin.readLine();
}
