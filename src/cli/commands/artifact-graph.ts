import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { drawGraph, type GraphFormat } from "../render/draw-graph.ts";
import { paintFor } from "../render/paint.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

export interface ArtifactGraphFlags {
  readonly format: GraphFormat;
}

export async function artifactGraph(cli: CliContext, flags: ArtifactGraphFlags, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const graph = await kernel.provenance(run);
    answer(cli, graph, () => drawGraph(graph, flags.format, { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) }));
    return 0;
  });
}
