import { LilyError } from "../../base/lily-error.ts";
import type { SecurityReading } from "../../ports/security-monitor.ts";
import type { Security } from "../../kernel/security-operations.ts";
import type { CliContext } from "../cli-context.ts";
import { locateWorkspace } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { answer } from "../write-output.ts";

/** Opens no database: the state can be shown and set where it is broken. Throws WORKSPACE_NOT_FOUND. */
export async function securityOf(cli: CliContext): Promise<Security> {
  const preset = await cli.loadPreset();
  const workspaceDir = locateWorkspace(cli, preset);
  if (workspaceDir === null) throw new LilyError("WORKSPACE_NOT_FOUND", `no workspace in ${cli.cwd} or above it`, { details: { cwd: cli.cwd } });
  return preset.localSecurity(workspaceDir);
}

export async function securityShow(cli: CliContext): Promise<number> {
  const reading = await (await securityOf(cli)).show();
  answer(cli, reading, () => readingText(cli, reading));
  return 0;
}

function readingText(cli: CliContext, { state, reason, boundary }: SecurityReading): string {
  const paint = paintFor(cli, cli.stdout);
  const meaning = state === "OPERATIONAL" ? "work may start" : "nothing starts, and a run that began while it was OPERATIONAL is ended as INCOMPLETE";
  const lines = [`${paint(state === "OPERATIONAL" ? "good" : "bad", state)}: ${meaning}`];
  if (reason !== null) lines.push(`  why    ${plainText(reason)}`);
  lines.push(`  from   ${plainText(boundary)}`);
  return lines.join("\n");
}
