import { realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { plainText } from "../render/plain-text.ts";
import { answer } from "../write-output.ts";
import { writeOutputFile } from "../write-output-file.ts";

export interface RunReportFlags {
  readonly out?: string;
  readonly force: boolean;
}

/** So much of a run's id tells it from every other in practice, and finds it again. */
const shortIdLength = 13;

export async function runReport(cli: CliContext, { out, force }: RunReportFlags, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const named = out === undefined ? null : resolve(cli.cwd, out);
    const report = await kernel.report(run, { linkFrom: realFolder(named === null ? cli.cwd : dirname(named)) });
    const path = named ?? join(cli.cwd, `report-${report.run_id.slice(0, shortIdLength)}.html`);
    await writeOutputFile(cli, { path, force, advice: "add --force to replace it, or --out FILE for another" }, report.html);
    const { run_id, status, events, sealed, problem, script } = report;
    const size = Buffer.byteLength(report.html);
    answer(cli, { path, size, run_id, status, events, sealed, problem, script }, () => {
      const lines = [`report of run ${plainText(run_id)} (${status}, ${events} events): ${plainText(path)}`];
      if (problem === null && !cli.flags.quiet) lines.push("open it in a browser: it checks the record again by itself, without a network");
      if (problem !== null) {
        const kind = problem.kind === null ? "" : ` (${plainText(problem.kind)})`;
        lines.push(`the record is damaged at event ${problem.event}${kind}: ${plainText(problem.message)}`, "the report shows what is before that place");
      }
      if (!cli.flags.quiet) lines.push(`its script is ${script}, as in every report of this build; who has that from you can compare`);
      return lines.join("\n");
    });
    return 0;
  });
}

/** Links must lead from where the page really lies. */
function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
