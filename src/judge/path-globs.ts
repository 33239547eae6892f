import picomatch from "picomatch";

/** A path relative to the folder of work, with `/`. */
export type PathTest = (path: string) => boolean;

/**
 * Globs as policies and outputs have them. `*` stays within a segment, `**` crosses them; both match names that begin with a dot and
 * names with line breaks, so that no name slips through. A leading `./` means nothing.
 */
export function pathTest(globs: readonly string[]): PathTest {
  const tests = globs.map((glob) => picomatch(glob.replace(/^\.\//, ""), { dot: true, nonegate: true, noextglob: true, strictSlashes: true, flags: "s" }));
  return (path) => tests.some((test) => test(path));
}

/** The folder that every path of the glob lies in, "" for the whole; of a glob without wildcards it is the path itself. */
export function literalBase(glob: string): string {
  const segments = glob.replace(/^\.\//, "").split("/");
  const first = segments.findIndex((segment) => isWild(segment));
  return (first === -1 ? segments : segments.slice(0, first)).join("/");
}

/** True when some of its characters may stand for others. */
export function isWild(glob: string): boolean {
  return /[*?[\]{}()!\\]/.test(glob);
}

/** True when `path` is `folder` or lies in it; "" is the whole. */
export function isWithin(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}
