/** Which file a command name means, and its digest. */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { type Digest, streamHasher } from "../../base/digest.ts";
import { LilyError, messageOf } from "../../base/lily-error.ts";

const pieceBytes = 1024 * 1024;

/** As execvp looks: a name with a slash is a path from `cwd`, another is looked up in PATH, where an empty part means `cwd`. */
export async function resolveTool(command: string, path: string, cwd: string): Promise<{ readonly path: string } | null> {
  const found = findTool(command, path, cwd);
  return found === null ? null : { path: found.path };
}

/** `at` is where it was found, `path` what that is with links resolved. */
export interface FoundTool {
  readonly at: string;
  readonly path: string;
}

export function findTool(command: string, path: string, cwd: string): FoundTool | null {
  if (command === "" || command.includes("\0")) return null;
  if (command.includes("/")) return executableAt(isAbsolute(command) ? command : resolve(cwd, command));
  for (const folder of path.split(":")) {
    const found = executableAt(join(resolve(cwd, folder), command));
    if (found !== null) return found;
  }
  return null;
}

/** Blocking calls of microseconds each: through the thread pool they cost a good part of what starting the command costs. */
function executableAt(at: string): FoundTool | null {
  try {
    if (statSync(at, { throwIfNoEntry: false })?.isFile() !== true) return null;
    const path = realpathSync.native(at);
    accessSync(path, constants.X_OK);
    return { at, path };
  } catch {
    return null;
  }
}

/** Digests of executables, remembered while device, inode, size and times stay. */
export class ToolDigests {
  readonly #known = new Map<string, { readonly identity: string; readonly digest: Promise<Digest> }>();

  /** Throws INPUT_NOT_FOUND when the file cannot be read. */
  async digest(path: string): Promise<Digest> {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      const identity = [dev, ino, size, mtimeNs, ctimeNs].join("/");
      const known = this.#known.get(path);
      if (known?.identity === identity) return await known.digest;
      const digest = digestFile(path);
      this.#known.set(path, { identity, digest });
      return await digest;
    } catch (cause) {
      this.#known.delete(path);
      throw new LilyError("INPUT_NOT_FOUND", `the executable ${path} cannot be read: ${messageOf(cause)}`, { details: { path }, cause });
    }
  }
}

/** One memory for the process: a runner and a probe ask for the same large files. */
export const toolDigests = new ToolDigests();

/** One buffer for the whole file: executables have a hundred megabytes, and making a buffer for each piece costs more than hashing. */
async function digestFile(path: string): Promise<Digest> {
  const file = await open(path, "r");
  try {
    const hasher = streamHasher();
    const piece = Buffer.alloc(pieceBytes);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, pieceBytes, null);
      if (bytesRead === 0) return hasher.digest();
      hasher.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}
