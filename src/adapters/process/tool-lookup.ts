/** Which file a command name means, and its digest. */
import { createReadStream } from "node:fs";
import { access, constants, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { type Digest, streamHasher } from "../../base/digest.ts";
import { LilyError, messageOf } from "../../base/lily-error.ts";

/** As execvp looks: a name with a slash is a path from `cwd`, another is looked up in PATH, where an empty part means `cwd`. */
export async function resolveTool(command: string, path: string, cwd: string): Promise<{ readonly path: string } | null> {
  if (command === "" || command.includes("\0")) return null;
  if (command.includes("/")) return executableAt(isAbsolute(command) ? command : resolve(cwd, command));
  for (const folder of path.split(":")) {
    const found = await executableAt(join(resolve(cwd, folder), command));
    if (found !== null) return found;
  }
  return null;
}

async function executableAt(path: string): Promise<{ readonly path: string } | null> {
  try {
    const real = await realpath(path);
    if (!(await stat(real)).isFile()) return null;
    await access(real, constants.X_OK);
    return { path: real };
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

async function digestFile(path: string): Promise<Digest> {
  const hasher = streamHasher();
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hasher.update(chunk as Buffer);
  return hasher.digest();
}
