import { lstat } from "node:fs/promises";
import { join, relative } from "node:path";
import { hexOf } from "../../base/digest.ts";
import { ToolDigests } from "./tool-lookup.ts";

const names = ["package-lock.json", "pnpm-lock.yaml", "uv.lock", "poetry.lock", "Cargo.lock", "go.sum"];
const bytesMax = 256 * 1024 * 1024;
const foldersMax = 64;
const lockfileDigests = new ToolDigests();

/** Lockfiles from `dir` up to `top`, paths relative to `top`, in path order. Links and special files are left out. */
export async function findLockfiles(dir: string, top: string): Promise<readonly { readonly path: string; readonly sha256: string }[]> {
  const found: { path: string; sha256: string }[] = [];
  let folder = dir;
  for (let i = 0; i < foldersMax; i++) {
    for (const name of names) {
      const sha256 = await fileHex(join(folder, name));
      if (sha256 !== null) found.push({ path: relative(top, join(folder, name)), sha256 });
    }
    if (folder === top || folder === join(folder, "..")) break;
    folder = join(folder, "..");
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function fileHex(path: string): Promise<string | null> {
  try {
    const info = await lstat(path);
    if (!info.isFile() || info.size > bytesMax) return null;
    return hexOf(await lockfileDigests.digest(path));
  } catch {
    return null;
  }
}
