import { initialWorkspaceConfig as text } from "../graph/workspace-config.ts";

/** The commented lily.yaml that a new workspace gets. */
export function initialWorkspaceConfig(): string {
  return text();
}
