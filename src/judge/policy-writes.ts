/** What a policy says of the files that an attempt changed. Pure: facts in, reasons out. */
import { literalBase, type PathTest, pathTest } from "./path-globs.ts";

/** One path that is not what it was. */
export interface FileChange {
  readonly path: string;
  readonly change: "added" | "changed" | "removed";
  readonly kind: "file" | "directory" | "link" | "special";
  /** Bytes now. */
  readonly size: number;
}

/** `allow` is one list a layer; a path must match one glob of each. What a glob of `deny` matches, and all below it, is denied. */
export interface WriteRule {
  readonly allow: readonly (readonly string[])[];
  readonly deny: readonly string[];
}

export interface WriteBreach {
  readonly path: string;
  readonly reason: string;
}

/**
 * Every change that the rule does not allow, in the order of the changes. Folders that only hold what is allowed are fine. A link or a
 * special file is none, wherever it lies, because whoever writes to it later writes elsewhere; unless it stands where the step declares
 * an output, which is refused by itself when it is collected. Lily's own folder is always denied (S7).
 */
export function judgeWrites(rule: WriteRule | null, changes: readonly FileChange[], isOutput: PathTest): readonly WriteBreach[] {
  const judge = rule === null ? null : compileRule(rule);
  const allowedBelow = judge === null ? new Set<string>() : foldersOf(changes.filter((one) => one.kind !== "directory" && judge.allows(one.path)));
  return changes.flatMap((change) => {
    const reason = isLilys(change.path) ? "lies in .lily, which is Lily's own" : judge === null ? null : reasonOf(judge, change, allowedBelow, isOutput);
    return reason === null ? [] : [{ path: change.path, reason }];
  });
}

interface CompiledRule {
  readonly allows: PathTest;
  /** What is denied, and all below it. */
  readonly denies: PathTest;
  /** A folder of which all is denied: it may be made, and not be taken away or replaced. */
  readonly holdsDenied: PathTest;
  /** True for a folder that leads to what may be allowed. */
  readonly leads: PathTest;
}

function compileRule({ allow, deny }: WriteRule): CompiledRule {
  const layers = allow.map((globs) => ({ matches: pathTest(globs), bases: globs.map(literalBase) }));
  const denied = pathTest(deny);
  const wholeFolders = pathTest(deny.filter((glob) => glob.endsWith("/**")).map((glob) => glob.slice(0, -3)));
  return {
    allows: (path) => layers.every((layer) => layer.matches(path)),
    denies: (path) => denied(path) || [...foldersAbove(path)].some(denied),
    holdsDenied: wholeFolders,
    leads: (path) => layers.every((layer) => layer.matches(path) || layer.bases.some((base) => base === path || base.startsWith(`${path}/`))),
  };
}

function reasonOf(judge: CompiledRule, { path, kind, change }: FileChange, allowedBelow: ReadonlySet<string>, isOutput: PathTest): string | null {
  if (judge.denies(path) || (change !== "added" && judge.holdsDenied(path))) return "is in write.deny";
  if (kind === "directory") return judge.leads(path) || allowedBelow.has(path) ? null : "is not in write.allow";
  if (!judge.allows(path)) return "is not in write.allow";
  if (change === "removed" || kind === "file" || isOutput(path)) return null;
  return kind === "link" ? "became a link" : "became a special file";
}

function isLilys(path: string): boolean {
  const [first = ""] = path.split("/");
  return first.toLowerCase() === ".lily";
}

function foldersOf(changes: readonly FileChange[]): ReadonlySet<string> {
  return new Set(changes.flatMap(({ path }) => [...foldersAbove(path)]));
}

function* foldersAbove(path: string): Generator<string, void, void> {
  for (let cut = path.lastIndexOf("/"); cut !== -1; cut = path.lastIndexOf("/", cut - 1)) {
    yield path.slice(0, cut);
    if (cut === 0) return;
  }
}

/** Bytes of the files that were added or changed, as large as they say they are: a file with holes counts whole. */
export function changedBytes(changes: readonly FileChange[]): number {
  return changes.reduce((sum, { kind, change, size }) => sum + (kind === "file" && change !== "removed" ? size : 0), 0);
}
