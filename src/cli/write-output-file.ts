/** Writes a file that a person named on the command line: never over another unless told to, and never into a workspace. */
import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { LilyError, messageOf } from "../base/lily-error.ts";
import type { CliContext } from "./cli-context.ts";
import { locateWorkspace } from "./open-workspace.ts";

export interface OutputFile {
  /** As it was given; relative to the working directory. */
  readonly path: string;
  /** Whether an existing file may be replaced. */
  readonly force: boolean;
  /** What to do when the file exists: `add --force to replace it`. */
  readonly advice: string;
}

const linksMax = 40;
const authorityFile = "authority.db";

/** Returns the absolute path that was written. Throws PATH_INVALID for a place in a workspace, USAGE_INVALID where it cannot be written. */
export async function writeOutputFile(cli: CliContext, { path: given, force, advice }: OutputFile, bytes: Uint8Array | string): Promise<string> {
  const path = resolve(cli.cwd, given);
  try {
    await refuseWorkspace(cli, path);
    // A second name of a file may be one of a workspace: the name is replaced, not the bytes behind it.
    if (force && hasOtherNames(path)) await rm(path);
    await writeFile(path, bytes, { flag: force ? "w" : "wx" });
    return path;
  } catch (cause) {
    if (cause instanceof LilyError) throw cause;
    const exists = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    throw new LilyError("USAGE_INVALID", `cannot write ${path}: ${exists ? `the file exists; ${advice}` : messageOf(cause)}`, { details: { path }, cause });
  }
}

async function refuseWorkspace(cli: CliContext, path: string): Promise<void> {
  const own = locateWorkspace(cli, await cli.loadPreset());
  const real = realTarget(path, 0);
  for (let folder = real; ; folder = dirname(folder)) {
    if ((own !== null && isSame(folder, own)) || isThere(join(folder, authorityFile))) throw inWorkspace(path, folder);
    if (dirname(folder) === folder) return;
  }
}

function inWorkspace(path: string, workspace: string): LilyError {
  const message = `cannot write ${path}: it is inside the workspace ${workspace}, whose files are Lily's own; name a file outside of that folder`;
  return new LilyError("PATH_INVALID", message, { details: { path, workspace } });
}

/** Where a write would end up: links of every part are followed, also those that lead to nothing yet. */
function realTarget(path: string, links: number): string {
  if (links > linksMax) throw new Error("too many links");
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    if (parent === path) return path;
    const place = join(realTarget(parent, links), basename(path));
    const target = linkTarget(place);
    return target === null ? place : realTarget(resolve(dirname(place), target), links + 1);
  }
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function isSame(folder: string, other: string): boolean {
  try {
    const [one, two] = [statSync(folder), statSync(other)];
    return one.dev === two.dev && one.ino === two.ino;
  } catch {
    return folder === other;
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function hasOtherNames(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.nlink > 1;
}
