/** What of a rule about writes the mounts of a sandbox can say: whole folders, and single files. Pure. */
import { isWild, isWithin, literalBase } from "./path-globs.ts";
import type { WriteRule } from "./policy-writes.ts";

export interface WritePlaces {
  /** Folders that may be written with all that lies in them, "" for the whole folder of work. */
  readonly folders: readonly string[];
  /** Files that may be written in place. */
  readonly files: readonly string[];
  /** What stays read-only of it, with all that lies in it; it has to exist for that. */
  readonly denied: readonly string[];
  /** Globs of what is denied that name no single place. */
  readonly deniedGlobs: readonly string[];
  /** Null when mounts say exactly this; else the first thing that they cannot say. */
  readonly inexact: string | null;
}

interface Place {
  readonly path: string;
  readonly whole: boolean;
}

export function writePlaces({ allow, deny }: WriteRule): WritePlaces {
  const layers = allow.map((globs) => globs.map(placeOf));
  const unsaid = allow.flat().find((glob) => isWild(wholeFolder(glob) ?? glob));
  const places = layers.reduce<readonly Place[]>(
    (some, others) => some.flatMap((one) => others.flatMap((other) => both(one, other))),
    [{ path: "", whole: true }],
  );
  const folders = outermost(places.filter(({ whole }) => whole).map(({ path }) => path));
  const files = [...new Set(places.filter(({ whole }) => !whole).map(({ path }) => path))].filter((path) => !folders.some((folder) => isWithin(path, folder)));
  const near = deny.filter((glob) => [...folders, ...files].some((path) => meets(literalBase(wholeFolder(glob) ?? glob), path)));
  const deniedGlobs = near.filter((glob) => isWild(wholeFolder(glob) ?? glob));
  const denied = near.filter((glob) => !deniedGlobs.includes(glob)).map((glob) => wholeFolder(glob) ?? plain(glob));
  const [unsaidDeny] = deniedGlobs;
  const inexact = unsaid !== undefined ? `write.allow ${unsaid}` : unsaidDeny !== undefined ? `write.deny ${unsaidDeny}` : null;
  return { folders, files, denied, deniedGlobs, inexact };
}

/** The folder of `folder/**`; "" for a lone double star; null for another glob. */
function wholeFolder(glob: string): string | null {
  const text = plain(glob);
  if (text === "**") return "";
  return text.endsWith("/**") ? text.slice(0, -3) : null;
}

function plain(glob: string): string {
  return glob.replace(/^\.\//, "");
}

/** The narrowest place that holds all that the glob names. */
function placeOf(glob: string): Place {
  const folder = wholeFolder(glob);
  if (folder !== null && !isWild(folder)) return { path: folder, whole: true };
  return isWild(glob) ? { path: literalBase(glob), whole: true } : { path: plain(glob), whole: false };
}

function both(one: Place, other: Place): readonly Place[] {
  if (one.whole && isWithin(other.path, one.path)) return [other];
  if (other.whole && isWithin(one.path, other.path)) return [one];
  return one.path === other.path ? [one] : [];
}

function outermost(paths: readonly string[]): readonly string[] {
  const distinct = [...new Set(paths)].sort();
  return distinct.filter((path) => !distinct.some((other) => other !== path && isWithin(path, other)));
}

function meets(one: string, other: string): boolean {
  return isWithin(one, other) || isWithin(other, one);
}
