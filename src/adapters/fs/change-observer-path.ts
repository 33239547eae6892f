/**
 * Names as the kernel has them, one character a byte (latin1), so that no name is lost, and how they are reported. A name that a relative
 * path cannot hold is told with %XX in place of what does not fit; what lies too deep is told as the deepest folder that can be named.
 */
import { parseRelativePath, type RelativePath, relativePathProblem } from "../../base/relative-path.ts";

const segmentCharsMax = 255;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: everything that is not plain ASCII is looked for
const beyondAscii = /[^\u0000-\u007f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a relative path refuses is looked for
const unfit = /[\u0000-\u001f\u007f\\]/g;

/** What Node's file calls take for a path in this form. */
export function systemPath(path: string): string | Buffer {
  return beyondAscii.test(path) ? Buffer.from(path, "latin1") : path;
}

/** A path of Node in this form. */
export function bytesPath(path: string): string {
  return beyondAscii.test(path) ? Buffer.from(path, "utf8").toString("latin1") : path;
}

/** `exact` is false when only a folder above could be named. */
export function reportedPath(path: string): { readonly path: RelativePath; readonly exact: boolean } {
  const text = beyondAscii.test(path) ? path.split("/").map(readable).join("/") : path;
  if (relativePathProblem(text) === null) return { path: parseRelativePath(text), exact: true };
  const segments = text.split("/").map((segment) => segment.replace(unfit, percent));
  segments[0] = (segments[0] ?? "").replace(/^([A-Za-z]):/, "$1%3A");
  const fitting = segments.map((segment) =>
    segment.length > segmentCharsMax / 3 && relativePathProblem(segment) !== null ? segment.slice(0, segmentCharsMax / 3) : segment,
  );
  for (let count = fitting.length; count > 0; count--) {
    const cut = fitting.slice(0, count).join("/");
    if (relativePathProblem(cut) === null) return { path: parseRelativePath(cut), exact: count === fitting.length };
  }
  return { path: parseRelativePath("%"), exact: false };
}

/** A segment as text; bytes that are no UTF-8 are told as %XX. */
function readable(segment: string): string {
  try {
    return decoder.decode(Buffer.from(segment, "latin1"));
  } catch {
    return segment.replace(/[\u0080-\u00ff]/g, percent);
  }
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
