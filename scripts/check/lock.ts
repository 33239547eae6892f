import { readFileSync } from "node:fs";
import path from "node:path";

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * Problems of the lock file. An optional package of another platform that has no entry makes `npm ci` fail there, though it works here.
 * A `resolved` host ties every install to one registry, so there must be none.
 */
export function checkLock(root: string): readonly string[] {
  const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  const problems: string[] = [];
  for (const [place, locked] of Object.entries(lock.packages)) {
    if (locked.resolved !== undefined && locked.link !== true) problems.push(`package-lock.json: ${place} names a host in "resolved"`);
    for (const [name, wanted] of Object.entries(locked.optionalDependencies ?? {})) {
      const found = entryFor(lock.packages, place, name);
      const fits = found !== null && (!/^\d+\.\d+\.\d+$/.test(wanted) || found.version === wanted);
      if (!fits) problems.push(`package-lock.json: ${place} names the optional package ${name} ${wanted}, which has no entry`);
    }
  }
  return problems;
}

/** Looks where Node would: inside the package, then in each folder above it. */
function entryFor(packages: Readonly<Record<string, LockedPackage>>, place: string, name: string): LockedPackage | null {
  for (let folder = place; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    const found = packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`];
    if (found !== undefined) return found;
    if (folder === "") return null;
  }
}
