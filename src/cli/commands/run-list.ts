import type { RunStatus } from "../../contracts/run-view.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { statusTone } from "../render/step-marks.ts";
import { table } from "../render/table.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

export interface RunListFlags {
  readonly status?: RunStatus;
  readonly limit: number;
}

export async function runList(cli: CliContext, flags: RunListFlags): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const rows = await kernel.runs.list({ limit: flags.limit, ...(flags.status === undefined ? {} : { status: flags.status }) });
    answer(cli, { runs: rows }, () => {
      if (rows.length === 0) return "no runs yet; try: lily exec -- COMMAND";
      return table(
        ["RUN", "STATUS", "WORKFLOW", "CREATED", "EVENTS", "TITLE"],
        rows.map((row) => [
          row.run_id,
          { text: row.status, tone: statusTone(row.status) },
          row.workflow ?? "-",
          row.created_at,
          String(row.events),
          row.title ?? "",
        ]),
        { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) },
      );
    });
    return 0;
  });
}
