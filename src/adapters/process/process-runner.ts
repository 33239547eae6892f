/**
 * Runs commands with node:child_process: argv without a shell, an own session and process group, exactly the given environment.
 *
 * On Linux every process of a command is found by group, session, descent and the LILY_RUN marker in its environment. Elsewhere there is
 * no process table to read, so only the process group is ended and `reach` says `group`.
 */
import { LilyError } from "../../base/lily-error.ts";
import type { ProcessRunner } from "../../ports/process-runner.ts";
import { Bubblewrap } from "./bubblewrap.ts";
import { Execution } from "./execution.ts";
import { processTableReadable } from "./process-table.ts";
import { endMarked } from "./process-tree.ts";
import { resolveTool, toolDigests } from "./tool-lookup.ts";

export interface LocalProcessRunner extends ProcessRunner {
  /** How far E6 is enforced: `tree` with everything that carries the marker, or the process `group` only. */
  readonly reach: "tree" | "group";
}

/** `sandboxProgram` is bubblewrap: a name that is looked up in PATH of this process, or a path. */
export function createProcessRunner(options: { readonly sandboxProgram?: string } = {}): LocalProcessRunner {
  const bubblewrap = new Bubblewrap(options.sandboxProgram ?? "bwrap");
  return {
    reach: processTableReadable ? "tree" : "group",
    start: (spec) => new Execution(spec, bubblewrap),
    resolveTool,
    digestTool: (path) => toolDigests.digest(path),
    endLeftovers,
    sandbox: async () => bubblewrap.support(),
  };
}

async function endLeftovers(markerPrefix: string): Promise<number> {
  // An empty prefix would end the commands of every other run of this user.
  if (markerPrefix === "") throw new LilyError("INTERNAL_INVARIANT", "E6: leftovers are ended by a marker prefix, and it is empty");
  const end = await endMarked(markerPrefix);
  if (end.left.length === 0) return end.killed;
  throw new LilyError("STORAGE_FAILED", `processes of an earlier run could not be ended: ${end.left.join(", ")}`, { details: { pids: end.left.map(String) } });
}
