import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

export const repoRoot = path.resolve(import.meta.dirname, "../..");

export interface TrackedFile {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
}

/** Text files that git tracks or would track, without the lock file. Files with a NUL byte are left out as binary. */
export function readTrackedFiles(): readonly TrackedFile[] {
  const names = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], { cwd: repoRoot, encoding: "utf8" });
  return [...new Set(names.split("\0"))]
    .filter((name) => name !== "" && existsSync(path.join(repoRoot, name)))
    .map((name) => ({ path: name, text: readFileSync(path.join(repoRoot, name), "utf8") }))
    .filter((file) => !file.text.includes("\0"));
}

/** `file:line text` of every line that matches. */
export function linesWith(files: readonly TrackedFile[], pattern: RegExp): readonly string[] {
  return files.flatMap((file) =>
    file.text.split("\n").flatMap((line, at) => (pattern.test(line) ? [`${file.path}:${at + 1} ${line.trim().slice(0, 120)}`] : [])),
  );
}

/** Blanks comments, so that a rule about code does not trip over prose. Lines keep their numbers. */
export function withoutComments(file: TrackedFile): TrackedFile {
  const blank = (text: string): string => text.replace(/[^\n]/g, " ");
  return { path: file.path, text: file.text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/(^|[^:"'`\\])\/\/.*$/gm, (text) => blank(text)) };
}
