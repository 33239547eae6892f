import type { CliContext } from "./cli-context.ts";

/** Cells that a table on stdout may take; null in files and pipes, where nothing is cut. */
export function tableWidth(cli: Pick<CliContext, "stdout">): number | null {
  return cli.stdout.isTty ? cli.stdout.columns : null;
}
