/** Which variables a policy lets a step have beside PATH and HOME. Pure. */

/** Names that no entry of some layer covers; `allow` is one list a layer, of names and patterns that end in `*`; null allows all. */
export function namesDenied(allow: readonly (readonly string[])[] | null, names: readonly string[]): readonly string[] {
  if (allow === null) return [];
  return [...new Set(names)].filter((name) => !allow.every((list) => list.some((one) => covers(one, name)))).sort();
}

function covers(allowed: string, name: string): boolean {
  return allowed.endsWith("*") ? name.startsWith(allowed.slice(0, -1)) : allowed === name;
}
