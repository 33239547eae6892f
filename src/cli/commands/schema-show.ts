import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { jsonText } from "../render/json-text.ts";

/** The schema is JSON in either form of output, so that it can be redirected into a file. */
export async function schemaShow(cli: CliContext, _flags: object, schemaId: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    cli.stdout.write(jsonText(await kernel.schemas.show(schemaId)));
    return 0;
  });
}
