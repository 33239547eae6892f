import { locateWorkspace, withExistingKernel } from "./open-workspace.ts";
import type { StricliContext } from "./stricli-context.ts";

const proposedMax = 50;

/** For completion: `latest` and the newest runs whose id begins so. Only looks; where no workspace can be read nothing is made or said. */
export async function proposeRuns(this: StricliContext, partial: string): Promise<readonly string[]> {
  const named = "latest".startsWith(partial) ? ["latest"] : [];
  const preset = await this.cli.loadPreset();
  const workspaceDir = locateWorkspace(this.cli, preset);
  if (workspaceDir === null) return named;
  const rows = await withExistingKernel(preset, workspaceDir, (kernel) => kernel.runs.list({})).catch(() => []);
  const ids = rows.map((row) => row.run_id).filter((id) => id.startsWith(partial));
  return [...named, ...ids.slice(0, proposedMax)];
}
