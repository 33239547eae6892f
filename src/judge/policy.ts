/** What a run's policy says about a tool, and how far it could be enforced. Pure. */

export interface ToolVerdict {
  readonly allowed: boolean;
  /** Null when allowed. */
  readonly reason: string | null;
}

/** One layer of a policy: what it names, and the files that these names stand for on this machine, links resolved. */
export interface ToolLayer {
  readonly names: readonly string[];
  readonly paths: readonly string[];
}

/**
 * Whether a step may start the executable that its command resolved to: every layer must allow it. What counts is the file that would
 * run, links resolved: a link `jq` to a shell is the shell, and a copy of an allowed program elsewhere is another file. `name` is the
 * command as written, for the message. An executable that was not found is not judged here: pass null and it is allowed, because
 * starting it fails by itself. `layers` are null when all is allowed.
 */
export function judgeTool(layers: readonly ToolLayer[] | null, resolvedPath: string | null, name: string): ToolVerdict {
  if (layers === null || resolvedPath === null) return { allowed: true, reason: null };
  const against = layers.find((layer) => !layer.paths.includes(resolvedPath));
  if (against === undefined) return { allowed: true, reason: null };
  const list = against.names.length === 0 ? "no tools" : against.names.join(", ");
  return { allowed: false, reason: `the tool ${name} is ${resolvedPath}, and the policy allows ${list}` };
}

/** The files that every layer allows, sorted; null when all are allowed. */
export function allowedTools(layers: readonly ToolLayer[] | null): readonly string[] | null {
  if (layers === null) return null;
  const [first, ...others] = layers;
  const paths = (first?.paths ?? []).filter((path) => others.every((layer) => layer.paths.includes(path)));
  return [...new Set(paths)].sort();
}

export type Enforcement = "prevented" | "observed" | "unenforced";

/** What a run's policy restricts, and how an attempt was held to it, for the summary of the attempt. */
export interface EnforcementFacts {
  readonly tools: boolean;
  readonly write: boolean;
  readonly diff: boolean;
  readonly network: boolean;
  readonly environment: boolean;
  /** Whether the attempt ran in a sandbox. */
  readonly sandboxed: boolean;
  /** Whether the mounts of the sandbox say exactly what the rule about writes says. */
  readonly writesExact: boolean;
  /** Whether writes were found by comparing files before and after. */
  readonly compared: boolean;
  /** Whether Lily starts the code as a process: what a module does within Lily's own, nobody keeps from it. */
  readonly process: boolean;
}

/**
 * How each restriction was held (S6). The command itself is looked at before the start; what it starts in turn (`subprocesses`) is only
 * held by a sandbox. Restrictions that the policy does not make are left out.
 */
export function enforcementSummary(facts: EnforcementFacts): Readonly<Record<string, Enforcement>> {
  const summary: Record<string, Enforcement> = {};
  const seen: Enforcement = facts.compared ? "observed" : "unenforced";
  if (facts.tools) {
    summary["tools"] = facts.process ? "prevented" : "unenforced";
    summary["subprocesses"] = facts.sandboxed ? "prevented" : "unenforced";
  }
  if (facts.write) summary["write"] = facts.sandboxed && facts.writesExact ? "prevented" : seen;
  if (facts.diff) summary["diff"] = seen;
  if (facts.network) summary["network"] = facts.sandboxed ? "prevented" : "unenforced";
  // What a process is given is chosen before its start; a module of Lily's own process can read what Lily was given.
  if (facts.environment) summary["environment"] = facts.process ? "prevented" : "unenforced";
  return summary;
}
