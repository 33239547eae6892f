import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { table } from "../render/table.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

export interface ArtifactListFlags {
  readonly run?: string;
  readonly type?: string;
  readonly name?: string;
  readonly producer?: string;
  readonly digest?: string;
  readonly limit: number;
}

export async function artifactList(cli: CliContext, flags: ArtifactListFlags): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const run = flags.run === undefined || flags.run === "workspace" ? flags.run : (await kernel.runs.show(flags.run)).run_id;
    const artifacts = await kernel.artifacts.list({
      limit: flags.limit,
      ...(run === undefined ? {} : { run_id: run }),
      ...(flags.type === undefined ? {} : { artifact_type: flags.type }),
      ...(flags.name === undefined ? {} : { artifact_name: flags.name }),
      ...(flags.producer === undefined ? {} : { producer_id: flags.producer }),
      ...(flags.digest === undefined ? {} : { digest: flags.digest }),
    });
    answer(cli, { artifacts }, () => {
      if (artifacts.length === 0) return "no artifacts";
      const rows = artifacts.map((view) => [view.artifact_id, view.artifact_type, view.artifact_name ?? "-", String(view.size), view.producer_id, view.digest]);
      return table(["ARTIFACT", "TYPE", "NAME", "BYTES", "PRODUCER", "DIGEST"], rows, { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) });
    });
    return 0;
  });
}
