import { basename, dirname, resolve } from "node:path";
import { LilyError } from "../../base/lily-error.ts";
import type { CliContext } from "../cli-context.ts";
import { plainText } from "../render/plain-text.ts";
import { answer, note } from "../write-output.ts";

export async function init(cli: CliContext, _flags: object, dir?: string): Promise<number> {
  const preset = await cli.loadPreset();
  const made = await preset.initWorkspace(targetDir(cli, dir));
  const document = { workspace_dir: made.workspaceDir, workspace_id: made.workspaceId, created: made.created, files: made.files };
  answer(cli, document, () => {
    const head = made.created ? "made a workspace" : "the workspace is already there; nothing changed";
    return [`${head}: ${plainText(made.workspaceDir)} (${plainText(made.workspaceId)})`, ...made.files.map((file) => `  wrote  ${plainText(file)}`)].join("\n");
  });
  if (made.created && !cli.flags.json) note(cli, "next: commit lily.yaml, then try: lily exec -- COMMAND");
  return 0;
}

/** `init DIR` makes DIR/.lily; `--workspace X/.lily init` names the folder itself, and lily.yaml lies beside it. */
function targetDir(cli: CliContext, dir: string | undefined): string {
  if (cli.flags.workspace === null) return resolve(cli.cwd, dir ?? ".");
  if (dir !== undefined) throw new LilyError("USAGE_INVALID", "give the folder once: as DIR or with --workspace, not both");
  const named = resolve(cli.cwd, cli.flags.workspace);
  if (basename(named) === ".lily") return dirname(named);
  throw new LilyError(
    "USAGE_INVALID",
    "init makes .lily in a folder, with lily.yaml beside it: name the folder, as lily init DIR, or one that ends in .lily with --workspace",
  );
}
