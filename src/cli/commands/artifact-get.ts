import { isLilyError, LilyError } from "../../base/lily-error.ts";
import { decodeUtf8 } from "../../base/parse-json.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { jsonText } from "../render/json-text.ts";
import { plainLines, plainText } from "../render/plain-text.ts";
import { note } from "../write-output.ts";
import { writeOutputFile } from "../write-output-file.ts";

export interface ArtifactGetFlags {
  readonly output?: string;
}

export async function artifactGet(cli: CliContext, flags: ArtifactGetFlags, id: string): Promise<number> {
  const { output } = flags;
  if (cli.flags.json && output === undefined) {
    throw new LilyError("USAGE_INVALID", "bytes cannot be written to stdout beside --json; add --output FILE, or use lily artifact show");
  }
  return await withKernel(cli, async (kernel) => {
    const bytes = await kernel.artifacts.get(id);
    if (output === undefined) {
      cli.stdout.write(cli.stdout.isTty ? terminalText(bytes) : bytes);
      return 0;
    }
    const path = await writeOutputFile(cli, { path: output, force: false, advice: "name another with --output FILE, or remove it first" }, bytes);
    if (cli.flags.json) cli.stdout.write(jsonText({ path, size: bytes.length }));
    else note(cli, `wrote ${bytes.length} bytes to ${plainText(path)}`);
    return 0;
  });
}

/** Text for a terminal, its control characters shown as escapes. Other bytes are refused there. */
function terminalText(bytes: Uint8Array): string {
  try {
    return plainLines(decodeUtf8(bytes));
  } catch (cause) {
    if (!isLilyError(cause, "INPUT_NOT_UTF8")) throw cause;
    throw new LilyError("USAGE_INVALID", "the artifact is not text; write it to a file with --output FILE, or into a pipe", { cause });
  }
}
