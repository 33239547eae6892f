import { resolve } from "node:path";
import { errorTable } from "../../base/error-table.ts";
import { LilyError } from "../../base/lily-error.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { problemsText } from "../render/problems-text.ts";
import { answer } from "../write-output.ts";

export async function schemaCheck(cli: CliContext, _flags: object, schemaId?: string, file?: string): Promise<number> {
  if (schemaId !== undefined && file === undefined)
    throw new LilyError("USAGE_INVALID", "FILE is missing: lily schema check NAME.vN FILE; without arguments it checks every schema");
  return await withKernel(cli, async (kernel) => {
    const problems = await kernel.schemas.check(schemaId ?? null, file === undefined ? null : resolve(cli.cwd, file));
    answer(cli, { ok: problems.length === 0, problems }, () => (problems.length === 0 ? "no problems" : problemsText(problems, paintFor(cli, cli.stdout))));
    return problems.length === 0 ? 0 : errorTable.SCHEMA_INVALID.exit;
  });
}
