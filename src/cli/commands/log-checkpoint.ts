import type { CliContext } from "../cli-context.ts";
import { commandLine } from "../command-line.ts";
import { withKernel } from "../open-workspace.ts";
import { plainLines, plainText } from "../render/plain-text.ts";
import { answer, note } from "../write-output.ts";

/** The signed note goes to stdout as it stands, so that it can be kept elsewhere. */
export async function logCheckpoint(cli: CliContext): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const checkpoint = await kernel.records.checkpoint();
    answer(cli, { checkpoint }, () => (checkpoint === null ? "" : plainLines(checkpoint.note)));
    if (checkpoint === null) note(cli, "nothing is sealed yet, so there is nothing to sign");
    else if (!cli.flags.json) {
      note(cli, `signed ${checkpoint.size} ${checkpoint.size === 1 ? "leaf" : "leaves"} by ${plainText(checkpoint.key_name)}`);
      note(cli, `verifier key: ${plainText(checkpoint.verifier_key)}`);
      note(cli, `keep note and key outside this workspace; then: ${commandLine(cli, "record", "verify", "--all", "--key", "KEY", "--checkpoint", "NOTE")}`);
    }
    return 0;
  });
}
