import type { PackManifest } from "./pack-manifest.ts";

/** Why this version of Lily cannot use the pack, or null. A pre-release counts as what it precedes. */
export async function versionProblem(manifest: Pick<PackManifest, "kernel">, version: string): Promise<string | null> {
  const { default: semver } = await import("semver");
  if (semver.satisfies(version, manifest.kernel, { includePrerelease: true })) return null;
  return `needs Lily ${manifest.kernel}, and this is ${version}`;
}
