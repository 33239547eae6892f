/**
 * What a pack consists of: every regular file of its folder, and the digest over them. Left out are `node_modules` and names that
 * begin with a dot, so nothing that a pack names may lie there. Links and special files are refused: what is digested is what is read.
 */
import { type Digest, documentDigest } from "../base/digest.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import type { FileTree, TreeEntry } from "../ports/file-tree.ts";
import { digestFile } from "./bind-code.ts";

export const packFilesMax = 2_000;
export const packBytesMax = 32 * 1024 * 1024;
const entriesMax = 20_000;

/** A file of a pack, by its path in the pack's folder. */
export interface PackFile {
  readonly path: string;
  readonly size: number;
  readonly digest: Digest;
  /** Changes whenever the content may have changed; never part of the digest. */
  readonly mark: string;
}

/** True for a path that the digest leaves out. */
export function isLeftOut(path: string): boolean {
  return path.split("/").some((segment) => segment.startsWith(".") || segment.toLowerCase() === "node_modules");
}

/** Every file of the pack, sorted by path. `known` are files seen earlier: one whose mark is unchanged is not read again. Throws PACK_INVALID. */
export async function packFiles(tree: FileTree, known: ReadonlyMap<string, PackFile> = new Map()): Promise<readonly PackFile[]> {
  const entries = await listed(tree);
  const files = entries.filter((entry) => entry.kind === "file");
  if (files.length > packFilesMax) throw invalid(tree, `has more than ${packFilesMax} files`);
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  if (bytes > packBytesMax) throw invalid(tree, `is larger than ${packBytesMax} bytes`);
  const found: PackFile[] = [];
  for (const entry of files) found.push(await fileOf(tree, entry, known.get(entry.path)));
  return found;
}

/** The digest of a pack: the tagged digest of its files' paths and digests. Neither times nor the folder's place enter it. */
export function packDigest(files: readonly Pick<PackFile, "path" | "digest">[]): Digest {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return documentDigest(
    "pack",
    sorted.map(({ path, digest }) => ({ path, sha256: digest })),
  );
}

async function fileOf(tree: FileTree, { path, size, mark }: TreeEntry, known: PackFile | undefined): Promise<PackFile> {
  if (known !== undefined && known.mark === mark) return known;
  return { path, size, mark, digest: await refusing(tree, () => digestFile(tree, path)) };
}

async function listed(tree: FileTree): Promise<readonly TreeEntry[]> {
  const found: TreeEntry[] = [];
  for (const entry of await refusing(tree, () => tree.glob(["*"], entriesMax))) {
    if (isLeftOut(entry.path)) continue;
    found.push(entry);
    if (entry.kind === "directory") found.push(...(await refusing(tree, () => tree.walk(entry.path, entriesMax))));
    if (found.length > entriesMax) throw invalid(tree, `has more than ${entriesMax} files and folders`);
  }
  const kept = found.filter((entry) => !isLeftOut(entry.path));
  for (const { path, kind } of kept) {
    if (kind === "link") throw invalid(tree, `holds the link ${path}; a pack consists of plain files`);
    if (kind === "special") throw invalid(tree, `holds ${path}, which is neither a file nor a folder`);
  }
  return kept.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What a tree refuses is the pack's fault; faults of the disk stay what they are. */
async function refusing<T>(tree: FileTree, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (!isLilyError(thrown, "PATH_INVALID", "INPUT_TOO_LARGE", "INPUT_NOT_FOUND")) throw thrown;
    throw new LilyError("PACK_INVALID", `the pack in ${tree.root} cannot be read: ${thrown.message}`, { cause: thrown, details: { dir: tree.root } });
  }
}

function invalid(tree: FileTree, why: string): LilyError {
  return new LilyError("PACK_INVALID", `the pack in ${tree.root} ${why}`, { details: { dir: tree.root } });
}
