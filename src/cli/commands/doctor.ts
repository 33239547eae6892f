import { errorTable } from "../../base/error-table.ts";
import { LilyError } from "../../base/lily-error.ts";
import type { DoctorFinding } from "../../kernel/kernel.ts";
import type { CliContext } from "../cli-context.ts";
import { locateWorkspace, withExistingKernel } from "../open-workspace.ts";
import { type Paint, paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { answer, note } from "../write-output.ts";

export interface DoctorFlags {
  readonly rebuild: boolean;
  readonly recoverAuthority: boolean;
  /** Why an older copy of the workspace is to be gone on with. */
  readonly acceptRollback?: string;
}

export async function doctor(cli: CliContext, flags: DoctorFlags): Promise<number> {
  if (flags.rebuild && flags.recoverAuthority)
    throw new LilyError("USAGE_INVALID", "--rebuild and --recover-authority exclude each other; recover first, then rebuild");
  if (flags.acceptRollback !== undefined && flags.recoverAuthority)
    throw new LilyError("USAGE_INVALID", "--accept-rollback and --recover-authority exclude each other; recover first, then accept the rollback");
  const preset = await cli.loadPreset();
  const workspaceDir = locateWorkspace(cli, preset);
  if (workspaceDir === null) throw new LilyError("WORKSPACE_NOT_FOUND", `no workspace in ${cli.cwd} or above it`, { details: { cwd: cli.cwd } });
  if (flags.recoverAuthority) {
    const { findings } = await preset.recoverAuthority(workspaceDir);
    answer(cli, { recovered: true, findings }, () =>
      ["recovered the authority database from the records", ...findings.map((text) => `  ${plainText(text)}`)].join("\n"),
    );
    return 0;
  }
  return await withExistingKernel(preset, workspaceDir, async (kernel) => {
    const accepted = flags.acceptRollback === undefined ? null : await kernel.acceptRollback(flags.acceptRollback);
    if (accepted !== null && !cli.flags.json) note(cli, plainText(accepted));
    const rebuilt = flags.rebuild ? await kernel.rebuildIndex() : null;
    if (rebuilt !== null && !cli.flags.json) note(cli, `rebuilt the index: ${rebuilt.runs} runs, ${rebuilt.events} events`);
    const findings = await kernel.doctor();
    const problems = findings.filter(({ level }) => level === "problem").length;
    answer(cli, { workspace_dir: kernel.workspaceDir, workspace_id: kernel.workspaceId, rebuilt, accepted_rollback: accepted, problems, findings }, () =>
      findingsText(findings, problems, paintFor(cli, cli.stdout)),
    );
    return problems === 0 ? 0 : errorTable.WORKSPACE_INVALID.exit;
  });
}

const tones = { ok: "good", note: "warn", problem: "bad" } as const;

function findingsText(findings: readonly DoctorFinding[], problems: number, paint: Paint): string {
  const lines = findings.map(({ level, subject, message, remedy }) => {
    const head = `${paint(tones[level], level.padEnd(7))} ${plainText(subject)}: ${plainText(message)}`;
    return remedy === null ? head : `${head}\n        do: ${plainText(remedy)}`;
  });
  return [...lines, problems === 0 ? "no problems" : `${problems} ${problems === 1 ? "problem" : "problems"}`].join("\n");
}
