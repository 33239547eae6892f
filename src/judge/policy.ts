/** What a run's policy says about a tool, and how far it could be enforced. Pure. */

export interface ToolVerdict {
  readonly allowed: boolean;
  /** Null when allowed. */
  readonly reason: string | null;
}

export interface ToolPolicy {
  /** Base names or absolute paths of executables that steps may run; null allows all. */
  readonly tools: readonly string[] | null;
}

/**
 * Whether a step may start the executable that its command resolved to. What counts is the file that would run, links resolved: a link
 * `jq` to a shell is the shell. `name` is the command as written, for the message. An executable that was not found is not judged
 * here: pass null and it is allowed, because starting it fails by itself.
 *
 * `allowedPaths` are the files that the policy's names themselves resolve to, with the caller's PATH. Where it is given, only these and
 * absolute paths of the policy count: then a file of an allowed name in another folder is refused, and an allowed name that is a link
 * (`sh` to dash) is accepted. Where it is not, base names are compared.
 */
export function judgeTool(policy: ToolPolicy, resolvedPath: string | null, name: string, allowedPaths: readonly string[] | null = null): ToolVerdict {
  if (policy.tools === null || resolvedPath === null) return { allowed: true, reason: null };
  const base = resolvedPath.slice(resolvedPath.lastIndexOf("/") + 1);
  const named = policy.tools.some((tool) => tool === resolvedPath || (allowedPaths === null && tool === base));
  if (named || allowedPaths?.includes(resolvedPath) === true) return { allowed: true, reason: null };
  const list = policy.tools.length === 0 ? "no tools" : policy.tools.join(", ");
  return { allowed: false, reason: `the tool ${name} is ${resolvedPath}, and the policy allows ${list}` };
}

export type Enforcement = "prevented" | "observed" | "unenforced";

/** What a run's policy restricts, for the summary of an attempt. */
export interface EnforcementFacts {
  readonly tools: boolean;
  readonly write: boolean;
  readonly network: boolean;
  /** Whether the attempt ran in a sandbox that holds writes and network. */
  readonly sandboxed: boolean;
  /** Whether writes were found by comparing files before and after. */
  readonly compared: boolean;
}

/**
 * How each restriction was held (S6): tools are checked before a start, so the command itself is prevented, while what it starts in turn is only
 * held by a sandbox. Restrictions that the policy does not make are left out.
 */
export function enforcementSummary(facts: EnforcementFacts): Readonly<Record<string, Enforcement>> {
  const summary: Record<string, Enforcement> = {};
  if (facts.tools) summary["tools"] = "prevented";
  if (facts.write) summary["write"] = facts.sandboxed ? "prevented" : facts.compared ? "observed" : "unenforced";
  if (facts.network) summary["network"] = facts.sandboxed ? "prevented" : "unenforced";
  return summary;
}
