import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { table } from "../render/table.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

export async function schemaList(cli: CliContext): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const schemas = await kernel.schemas.list();
    answer(cli, { schemas }, () => {
      if (schemas.length === 0) return "no schemas; register them in lily.yaml under schemas";
      return table(
        ["SCHEMA", "ORIGIN", "DIGEST"],
        schemas.map((row) => [row.schema_id, row.origin, row.digest]),
        { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) },
      );
    });
    return 0;
  });
}
