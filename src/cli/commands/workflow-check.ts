import { resolve } from "node:path";
import { errorTable } from "../../base/error-table.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { problemsText } from "../render/problems-text.ts";
import { answer } from "../write-output.ts";

export async function workflowCheck(cli: CliContext, _flags: object, file: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const problems = await kernel.workflows.check({ file: resolve(cli.cwd, file) });
    answer(cli, { ok: problems.length === 0, problems }, () =>
      problems.length === 0 ? `${plainText(file)}: no problems` : problemsText(problems, paintFor(cli, cli.stdout)),
    );
    return problems.length === 0 ? 0 : errorTable.WORKFLOW_INVALID.exit;
  });
}
