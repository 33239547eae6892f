/**
 * Owns: commands that run in memory as a script says, with every end that the port knows and delays from a seed.
 * States of a command: started -> (ending) -> done. Why it ended is fixed by the first of exit, timeout, kill, output limit.
 * Invariants: 1. E6: `done` resolves when no process of the command is alive; 2. `done` never rejects; 3. S4: logs are redacted;
 * 4. E2: a log that exists is not overwritten.
 * Not responsible for: what commands do to other files; a script says that in `effect`.
 */
import { posix } from "node:path";
import { type Digest, digestBytes } from "../../base/digest.ts";
import { LilyError } from "../../base/lily-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ProcessRunner, ProcessSpec } from "../../ports/process-runner.ts";
import type { MemoryFiles } from "./memory-files.ts";
import { MemoryProcess, type ScriptedCommand } from "./memory-process.ts";
import { seededRandom } from "./seeded-random.ts";

const noReason = "there is no sandbox in memory";
const noSandbox: ScriptedCommand = { cannotStart: `SANDBOX_UNAVAILABLE: no sandbox works here: ${noReason}` };

export interface MemoryProcessRunnerOptions {
  /** Where commands work and logs are written; shared with memory attempt folders. */
  readonly files: MemoryFiles;
  readonly clock: Clock;
  /** What a command does. It is asked once for each start. */
  readonly script: (spec: ProcessSpec) => ScriptedCommand;
  readonly seed?: number;
  /** Executables by absolute path, with their content. */
  readonly tools?: Readonly<Record<string, string>>;
  /** The name of a sandbox. It holds nothing: a script sees what was asked for and does as it says. Absent: there is none. */
  readonly sandbox?: string;
}

export interface MemoryProcessRunner extends ProcessRunner {
  /** How many processes live whose marker starts so. */
  alive(markerPrefix: string): number;
  /** A process that a kernel which is gone has left. */
  addLeftover(marker: string): void;
}

export function createMemoryProcessRunner(options: MemoryProcessRunnerOptions): MemoryProcessRunner {
  const { files, clock, script } = options;
  const random = seededRandom(options.seed ?? 1);
  const tools = options.tools ?? {};
  const live = new Set<MemoryProcess>();
  const leftovers: string[] = [];

  const alive = (prefix: string): number => {
    let count = leftovers.filter((marker) => marker.startsWith(prefix)).length;
    for (const process of live) if (process.marker.startsWith(prefix)) count += process.living;
    return count;
  };
  const endLeftovers = async (prefix: string): Promise<number> => {
    // An empty prefix would end the commands of every other run.
    if (prefix === "") throw new LilyError("INTERNAL_INVARIANT", "E6: leftovers are ended by a marker prefix, and it is empty");
    const count = alive(prefix);
    for (const marker of leftovers.splice(0)) if (!marker.startsWith(prefix)) leftovers.push(marker);
    await Promise.all([...live].filter((process) => process.marker.startsWith(prefix)).map((process) => process.endFromOutside()));
    return count;
  };

  return {
    start: (spec) => {
      const refused = spec.sandbox !== undefined && options.sandbox === undefined;
      const process = new MemoryProcess(spec, { files, clock, random }, refused ? noSandbox : script(spec));
      live.add(process);
      void process.done.then(() => live.delete(process));
      return process;
    },
    resolveTool: async (command, path, cwd) => {
      const found = candidates(command, path, cwd).find((candidate) => Object.hasOwn(tools, candidate));
      return found === undefined ? null : { path: found };
    },
    digestTool: async (path) => toolDigest(tools, path),
    endLeftovers,
    sandbox: async () => (options.sandbox === undefined ? { name: null, reason: noReason } : { name: options.sandbox, reason: null }),
    alive,
    addLeftover: (marker) => void leftovers.push(marker),
  };
}

/** As execvp looks: a name with a slash is a path from `cwd`, another is looked up in PATH. */
function candidates(command: string, path: string, cwd: string): readonly string[] {
  if (command === "") return [];
  if (command.includes("/")) return [posix.resolve(cwd, command)];
  return path.split(":").map((folder) => posix.join(posix.resolve(cwd, folder), command));
}

function toolDigest(tools: Readonly<Record<string, string>>, path: string): Digest {
  const content = Object.hasOwn(tools, path) ? tools[path] : undefined;
  if (content === undefined) throw new LilyError("INPUT_NOT_FOUND", `the executable ${path} cannot be read`, { details: { path } });
  return digestBytes(content);
}
