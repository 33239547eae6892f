import picomatch from "picomatch";
import { LilyError } from "../../base/lily-error.ts";

/** Decides which paths a list of globs names, and which folders can hold such paths at all. */
export interface GlobSet {
  matches(path: string): boolean;
  /** False when no path below the folder can match, so that it need not be entered. */
  reaches(folder: string): boolean;
}

const patternLengthMax = 1024;
/** Each star in one segment multiplies the work of a mismatch by the length of a name; five keep it far below a millisecond. */
const starsInSegmentMax = 5;

/** Throws PATH_INVALID for a glob that is absolute, leaves its root, or would be slow to match. */
export function compileGlobs(patterns: readonly string[]): GlobSet {
  const globs = patterns.map(compileGlob);
  return {
    matches: (path) => globs.some((glob) => glob.matches(path)),
    reaches: (folder) => globs.some((glob) => glob.reaches(folder)),
  };
}

function compileGlob(pattern: string): GlobSet {
  const problem = globProblem(pattern);
  if (problem !== null) throw new LilyError("PATH_INVALID", `glob ${JSON.stringify(pattern.slice(0, 200))} ${problem}`);
  const matches = picomatch(pattern, { nonegate: true, noextglob: true, strictSlashes: true });
  const segments = pattern.split("/");
  const firstGlob = segments.findIndex((segment) => /[*?[\]{}()!]/.test(segment));
  const base = segments.slice(0, Math.max(0, firstGlob)).join("/");
  if (firstGlob < 0) return { matches: (path) => matches(path), reaches: (folder) => pattern.startsWith(`${folder}/`) };
  const namesDots = /(?:^|\/|[{,(])\./.test(pattern);
  const levels = pattern.includes("**") ? Number.POSITIVE_INFINITY : segments.length;
  return {
    matches: (path) => matches(path),
    reaches: (folder) => {
      if (folder.split("/").length >= levels) return false;
      if (!namesDots && /(?:^|\/)\./.test(folder)) return false;
      return base === "" || base === folder || folder.startsWith(`${base}/`) || base.startsWith(`${folder}/`);
    },
  };
}

function globProblem(pattern: string): string | null {
  if (pattern === "") return "is empty";
  if (pattern.length > patternLengthMax) return `is longer than ${patternLengthMax} characters`;
  if (pattern.startsWith("/")) return "is absolute";
  if (pattern.includes("\\")) return "has a backslash";
  const segments = pattern.split("/");
  if (segments.some((segment) => segment === "." || segment === "..")) return "has a '.' or '..' segment";
  if (segments.some((segment) => segment.split("*").length - 1 > starsInSegmentMax)) return `has more than ${starsInSegmentMax} stars in one segment`;
  return null;
}
