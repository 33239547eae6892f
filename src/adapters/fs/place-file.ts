import * as fs from "node:fs";
import type { RelativePath } from "../../base/relative-path.ts";
import { closeQuietly, openTemporary, removeQuietly } from "./durable-folder.ts";
import { entryPath, type FolderHandle, makeSubfolder, openFolder } from "./folder-handle.ts";
import { storageError } from "./storage-error.ts";
import { writeHashed } from "./write-hashed.ts";

/**
 * Puts bytes at a path below `root`, making folders on the way and replacing what stands there. No link on the way is followed
 * (PATH_INVALID): an earlier command may have left one.
 */
export async function placeFile(root: string, path: RelativePath, read: () => Promise<Uint8Array | AsyncIterable<Uint8Array>>): Promise<void> {
  const segments = path.split("/");
  const name = segments.pop() ?? "";
  try {
    const folder = makeFolders(root, segments);
    try {
      await writeInto(folder, name, read);
    } finally {
      closeQuietly(folder.fd);
    }
  } catch (thrown) {
    throw storageError(thrown, `cannot put a file at ${path}`);
  }
}

function makeFolders(root: string, segments: readonly string[]): FolderHandle {
  let at = openFolder(root);
  for (const segment of segments) {
    const parent = at;
    try {
      at = makeSubfolder(parent, segment);
    } finally {
      closeQuietly(parent.fd);
    }
  }
  return at;
}

async function writeInto(folder: FolderHandle, name: string, read: () => Promise<Uint8Array | AsyncIterable<Uint8Array>>): Promise<void> {
  const temporary = openTemporary(entryPath(folder, "."));
  try {
    await writeHashed(temporary.fd, await read());
    fs.fchmodSync(temporary.fd, 0o644);
    fs.renameSync(temporary.path, entryPath(folder, name));
  } catch (thrown) {
    removeQuietly(temporary.path);
    throw thrown;
  } finally {
    closeQuietly(temporary.fd);
  }
}
