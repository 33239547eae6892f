import { resolve } from "node:path";
import { errorTable } from "../../base/error-table.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { problemsText } from "../render/problems-text.ts";
import { answer } from "../write-output.ts";

export async function packCheck(cli: CliContext, _flags: object, folder?: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const problems = await kernel.packs.check(folder === undefined ? null : resolve(cli.cwd, folder));
    answer(cli, { ok: problems.length === 0, problems }, () => {
      if (problems.length > 0) return problemsText(problems, paintFor(cli, cli.stdout));
      return folder === undefined ? "no problems" : `${plainText(folder)}: no problems`;
    });
    return problems.length === 0 ? 0 : errorTable.PACK_INVALID.exit;
  });
}
