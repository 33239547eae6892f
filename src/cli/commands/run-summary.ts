import { LilyError } from "../../base/lily-error.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { summaryText, trendText } from "../render/audit-text.ts";
import { paintFor } from "../render/paint.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

export interface RunSummaryFlags {
  readonly all: boolean;
  readonly workflow?: string;
  readonly limit: number;
}

export async function runSummary(cli: CliContext, flags: RunSummaryFlags, run?: string): Promise<number> {
  const isTrend = flags.all || flags.workflow !== undefined;
  if (isTrend && run !== undefined) throw new LilyError("USAGE_INVALID", "name a run, or ask for --all or --workflow ID, not both");
  if (!isTrend && run === undefined) throw new LilyError("USAGE_INVALID", "name a run, or ask for --all or --workflow ID");
  return await withKernel(cli, async (kernel) => {
    const paint = paintFor(cli, cli.stdout);
    if (run !== undefined) {
      const summary = await kernel.audit.summary(run);
      answer(cli, summary, () => summaryText(summary, paint));
      return 0;
    }
    const summaries = await kernel.audit.trend({ limit: flags.limit, ...(flags.workflow === undefined ? {} : { workflow: flags.workflow }) });
    answer(cli, { runs: summaries }, () => trendText(summaries, { paint, width: tableWidth(cli) }));
    return 0;
  });
}
