/**
 * Owns: making the folder of a workspace, and finding one from a working directory.
 * A workspace exists once its authority database does; everything before that can be made again.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { LilyError } from "../base/lily-error.ts";
import { storageProblem } from "./storage-problem.ts";

export const workspaceFolder = ".lily";
export const authorityFile = "authority.db";

const ignoreText = `# Everything in this folder stays on this machine. The records, objects and logs in it may hold what the commands
# printed and produced; secrets that a workflow declares are redacted, others are not.
*
`;

/** The nearest .lily above the working directory; looks no further than the root of a repository, the home folder or the root. */
export function findWorkspace(cwd: string): string | null {
  for (let dir = cwd; ; dir = dirname(dir)) {
    const candidate = join(dir, workspaceFolder);
    if (isWorkspace(candidate) || hasRemains(candidate)) return candidate;
    if (fs.existsSync(join(dir, ".git")) || dir === homedir() || dirname(dir) === dir) return null;
  }
}

export function isWorkspace(dir: string): boolean {
  return fs.existsSync(join(dir, authorityFile));
}

/** Records without their authority: a workspace that needs recovery, never an empty place. */
export function hasRemains(dir: string): boolean {
  return ["runs", "streams"].some((name) => fs.existsSync(join(dir, name)));
}

/** Makes the folder and what keeps it out of version control. Throws WORKSPACE_READ_ONLY, STORAGE_FULL, STORAGE_FAILED. */
export function makeWorkspaceFolder(dir: string): void {
  try {
    fs.mkdirSync(dir, { recursive: true });
    const ignore = join(dir, ".gitignore");
    if (!fs.existsSync(ignore)) fs.writeFileSync(ignore, ignoreText, { flush: true });
    probeFileSystem(dir);
  } catch (thrown) {
    throw storageProblem(thrown, `the workspace ${dir} could not be made`);
  }
}

/** What durability rests on: exclusive creation, links that refuse to replace, renames, and folders that sync. WORKSPACE_UNFIT. */
function probeFileSystem(dir: string): void {
  const name = join(dir, `.probe-${randomBytes(6).toString("hex")}`);
  const twin = `${name}-twin`;
  try {
    fs.writeFileSync(name, "probe", { flag: "wx", flush: true });
    fs.linkSync(name, twin);
    requireRefusal("exclusive creation", () => fs.writeFileSync(name, "again", { flag: "wx" }));
    requireRefusal("links that do not replace", () => fs.linkSync(name, twin));
    const fd = fs.openSync(dir, "r");
    fs.fsyncSync(fd);
    fs.closeSync(fd);
  } catch (thrown) {
    if (thrown instanceof LilyError) throw thrown;
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : null;
    if (code === "EPERM" || code === "ENOTSUP" || code === "EINVAL" || code === "ENOSYS")
      throw unfit(`it does not support links or folder sync (${String(code)})`);
    throw thrown;
  } finally {
    fs.rmSync(name, { force: true });
    fs.rmSync(twin, { force: true });
  }
}

function requireRefusal(what: string, act: () => void): void {
  try {
    act();
  } catch {
    return;
  }
  throw unfit(`it does not honour ${what}`);
}

function unfit(why: string): LilyError {
  return new LilyError("WORKSPACE_UNFIT", `this file system cannot hold a workspace: ${why}`);
}
