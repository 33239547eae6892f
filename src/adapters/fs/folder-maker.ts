import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { FolderMaker } from "../../ports/folder-maker.ts";
import { hasErrno, storageError } from "./storage-error.ts";

export function openFsFolderMaker(): FolderMaker {
  return { make: async (root, path) => makeBelow(realpathSync.native(root), path) };
}

function makeBelow(root: string, path: string): string | null {
  let at = root;
  for (const segment of path === "" ? [] : path.split("/")) {
    at = join(at, segment);
    try {
      mkdirSync(at);
    } catch (thrown) {
      if (!hasErrno(thrown, "EEXIST")) throw storageError(thrown, `cannot make the folder ${at}`);
      if (!lstatSync(at).isDirectory()) return null;
    }
  }
  return at;
}
