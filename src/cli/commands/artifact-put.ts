import { resolve } from "node:path";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { plainText } from "../render/plain-text.ts";
import { answer, note } from "../write-output.ts";

export interface ArtifactPutFlags {
  readonly type?: string;
  readonly name?: string;
  readonly run?: string;
  readonly schema?: string;
  readonly mediaType?: string;
}

export async function artifactPut(cli: CliContext, flags: ArtifactPutFlags, file: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const run = flags.run === undefined ? {} : { run: (await kernel.runs.show(flags.run)).run_id };
    const view = await kernel.artifacts.put(resolve(cli.cwd, file), { ...flags, ...run });
    answer(cli, view, () => plainText(view.artifact_id));
    if (!cli.flags.json) note(cli, `kept ${view.size} bytes as ${plainText(view.digest)}`);
    return 0;
  });
}
