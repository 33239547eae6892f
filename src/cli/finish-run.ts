import type { RunView } from "../contracts/run-view.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { CliContext } from "./cli-context.ts";
import { runExitCode } from "./exit-code.ts";
import { jsonText } from "./render/json-text.ts";
import { paintFor } from "./render/paint.ts";
import { outcomeText } from "./run-outcome.ts";

/** Writes how a run ended and gives its exit code. With --quiet a run that succeeded is one line: its id. */
export async function finishRun(cli: CliContext, kernel: Kernel, view: RunView): Promise<number> {
  if (cli.flags.json) cli.stdout.write(jsonText(view));
  else if (cli.flags.quiet && view.status === "succeeded") cli.stdout.write(`${view.run_id}\n`);
  else cli.stdout.write(await outcomeText(cli, kernel, view, { paint: paintFor(cli, cli.stdout), isOutputShown: false }));
  return runExitCode(view.status);
}
