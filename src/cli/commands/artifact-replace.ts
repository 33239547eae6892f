import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { CliContext } from "../cli-context.ts";
import { withEarlyInterrupt } from "../early-interrupt.ts";
import { finishRun } from "../finish-run.ts";
import { followRun } from "../follow-run.ts";
import { withKernel } from "../open-workspace.ts";

export interface ArtifactReplaceFlags {
  readonly reason: string;
  readonly run?: string;
  readonly unblock?: string;
}

export async function artifactReplace(cli: CliContext, flags: ArtifactReplaceFlags, original: string, replacement: string): Promise<number> {
  return await withEarlyInterrupt(cli, (early) =>
    withKernel(cli, async (kernel) => {
      early.check();
      const handle = await kernel.artifacts.replace(original, replacementOf(cli, replacement), {
        reason: flags.reason,
        ...(flags.run === undefined ? {} : { run: flags.run }),
        ...(flags.unblock === undefined ? {} : { unblockReason: flags.unblock }),
      });
      return await finishRun(cli, kernel, await followRun(cli, kernel, handle, early));
    }),
  );
}

/** A file of that name comes first: an artifact's id is never one by accident. */
function replacementOf(cli: CliContext, text: string): { readonly file: string } | { readonly artifact: string } {
  const file = resolve(cli.cwd, text);
  return /^art_[0-9a-f]{1,32}$/.test(text) && !existsSync(file) ? { artifact: text } : { file };
}
