/** Names of environment variables, and patterns that end in `*`, as sets. */

/** Whether every name that `pattern` stands for is one that `allowed` stands for. */
export function coversName(allowed: string, pattern: string): boolean {
  if (!allowed.endsWith("*")) return allowed === pattern;
  return (pattern.endsWith("*") ? pattern.slice(0, -1) : pattern).startsWith(allowed.slice(0, -1));
}

/** Of names and patterns, those that no entry of `allowed` covers. */
export function namesOutside(names: readonly string[], allowed: readonly string[]): readonly string[] {
  return names.filter((name) => !allowed.some((one) => coversName(one, name)));
}
