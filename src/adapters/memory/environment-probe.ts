/** Facts that a test fixes, in place of those of a machine. */
import { sha256Hex } from "../../base/digest.ts";
import type { JsonObject } from "../../base/json-value.ts";
import type { EnvironmentProbe, MachineFacts } from "../../ports/environment-probe.ts";
import type { LeaseOwner } from "../../ports/lease-store.ts";

export interface MemoryEnvironmentProbeOptions {
  /** Variables of the caller. Default: PATH and HOME alone. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Default: process 1 of host `memory`. */
  readonly owner?: LeaseOwner;
  /** Default: `user:test`. */
  readonly principal?: string;
  /** Executables by absolute path, with their content. */
  readonly tools?: Readonly<Record<string, string>>;
  /** Members that a snapshot has besides those that every snapshot has. */
  readonly facts?: JsonObject;
}

export function createMemoryEnvironmentProbe(options: MemoryEnvironmentProbeOptions = {}): EnvironmentProbe {
  const variables = options.variables ?? {};
  const tools = options.tools ?? {};
  const owner = options.owner ?? { host: "memory", bootId: "boot-1", pid: 1, startTime: "1" };
  const toolFacts = (path: string): readonly JsonObject[] => {
    const content = Object.hasOwn(tools, path) ? tools[path] : undefined;
    return content === undefined ? [] : [{ path, sha256: sha256Hex(content) }];
  };
  return {
    snapshot: async (request) => ({
      runtime: { name: "memory", version: "1.0.0" },
      platform: { os: "memory", release: "1", arch: "none" },
      kernel_version: "0.1.0",
      tools: [...new Set(request.tools)].flatMap(toolFacts),
      ...options.facts,
      timestamp: request.at,
    }),
    machine: async () => ({ os: "memory", arch: "none", runtime: "memory 1.0.0", lockfiles: lockfilesOf(options.facts) }),
    owner: () => owner,
    principal: () => options.principal ?? "user:test",
    select: (patterns) => Object.fromEntries(Object.entries(variables).filter(([name]) => patterns.some((pattern) => matches(name, pattern)))),
    base: () => ({ PATH: variables["PATH"] ?? "/usr/bin:/bin", HOME: variables["HOME"] ?? "/home/ada" }),
  };
}

function lockfilesOf(facts: JsonObject | undefined): MachineFacts["lockfiles"] {
  const listed = facts?.["lockfiles"];
  if (!Array.isArray(listed)) return [];
  return listed.map((one: JsonObject) => ({ path: String(one["path"]), sha256: String(one["sha256"]) }));
}

/** Exact names, and patterns with one `*` at the end. */
function matches(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
