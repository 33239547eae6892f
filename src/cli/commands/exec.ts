import { LilyError } from "../../base/lily-error.ts";
import type { CliContext } from "../cli-context.ts";
import { commandOutput } from "../command-output.ts";
import { withEarlyInterrupt } from "../early-interrupt.ts";
import { execExitCode } from "../exit-code.ts";
import { followWith } from "../follow-run.ts";
import { withKernel } from "../open-workspace.ts";
import { jsonText } from "../render/json-text.ts";
import { paintFor } from "../render/paint.ts";
import { outcomeText } from "../run-outcome.ts";
import { splitWords } from "../split-words.ts";
import { note } from "../write-output.ts";

export interface ExecFlags {
  readonly in?: readonly string[];
  readonly out?: readonly string[];
  readonly gate?: readonly string[];
  readonly env?: readonly string[];
  readonly secret?: readonly string[];
  readonly timeout?: number;
  readonly title?: string;
}

/** Stdout is the command's own, so that lily can stand in a pipe; what Lily says goes to stderr. */
export async function exec(cli: CliContext, flags: ExecFlags, ...before: readonly string[]): Promise<number> {
  const argv = commandOf(cli, before);
  const gates = (flags.gate ?? []).map(splitWords);
  return await withEarlyInterrupt(cli, (early) =>
    withKernel(cli, async (kernel) => {
      early.check();
      const handle = await kernel.runs.exec({
        argv,
        cwd: cli.cwd,
        inputs: flags.in ?? [],
        outputs: flags.out ?? [],
        gates,
        env: flags.env ?? [],
        secrets: flags.secret ?? [],
        timeoutMs: flags.timeout ?? null,
        ...(flags.title === undefined ? {} : { title: flags.title }),
      });
      const output = commandOutput(cli, kernel, handle.runId);
      const view = await followWith(cli, kernel, handle, early, { event: () => undefined, remark: (text) => note(cli, text), stop: output.stopTicking });
      await output.finish();
      const exitCode = execExitCode(view);
      if (cli.flags.json) cli.stdout.write(jsonText({ ...view, exit_code: exitCode }));
      else if (!cli.flags.quiet || view.status !== "succeeded")
        cli.stderr.write(await outcomeText(cli, kernel, view, { paint: paintFor(cli, cli.stderr), isOutputShown: true }));
      return exitCode;
    }),
  );
}

function commandOf(cli: CliContext, before: readonly string[]): readonly string[] {
  const [first] = before;
  if (first !== undefined) {
    throw new LilyError(
      "USAGE_INVALID",
      `unexpected argument ${JSON.stringify(first.slice(0, 80))}: the command stands after --, as in: lily exec -- make test`,
    );
  }
  if (cli.tail === null || cli.tail.length === 0) throw new LilyError("USAGE_INVALID", "there is no command; put it after --, as in: lily exec -- make test");
  if (cli.tail[0] === "") throw new LilyError("USAGE_INVALID", "the command after -- is empty");
  return cli.tail;
}
