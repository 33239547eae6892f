import type { Brand } from "./brand.ts";
import { LilyError } from "./lily-error.ts";

/** A checked relative path: `/`-separated, no empty, `.` or `..` segment, no control, no backslash, within length limits. */
export type RelativePath = Brand<string, "RelativePath">;

const segmentBytesMax = 255;
const pathBytesMax = 1024;
const encoder = new TextEncoder();

/** Why `text` is not a safe relative path, or null when it is one. */
export function relativePathProblem(text: string): string | null {
  if (text === "") return "is empty";
  if (text.startsWith("/")) return "is absolute";
  if (/^[A-Za-z]:/.test(text)) return "names a drive";
  if (text.includes("\\")) return "has a backslash";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return "has a control character";
  if (!text.isWellFormed()) return "is not well-formed Unicode";
  if (isLonger(text, pathBytesMax)) return `is longer than ${pathBytesMax} bytes`;
  for (const segment of text.split("/")) {
    if (segment === "") return "has an empty segment";
    if (segment === "." || segment === "..") return `has a '${segment}' segment`;
    if (isLonger(segment, segmentBytesMax)) return `has a segment longer than ${segmentBytesMax} bytes`;
  }
  return null;
}

/** Throws PATH_INVALID. */
export function parseRelativePath(text: string): RelativePath {
  const problem = relativePathProblem(text);
  if (problem !== null) throw new LilyError("PATH_INVALID", `path ${JSON.stringify(text.slice(0, 200))} ${problem}`);
  return text as RelativePath;
}

/** A UTF-16 unit gives at most three bytes, so that most texts need not be encoded to be measured. */
function isLonger(text: string, bytesMax: number): boolean {
  return text.length * 3 > bytesMax && encoder.encode(text).length > bytesMax;
}
