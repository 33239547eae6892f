/**
 * Owns: which files of one pack were last seen, with their marks and digests.
 * Invariants: what a pack runs is what the plan binds: its files are looked at before each use, and read again where a mark changed.
 * Not responsible for: what the pack's code imports from `node_modules`, which its digest leaves out, and what changes a file between
 * this look and the code being read: steps of the same user can do that (S6).
 */
import { LilyError } from "../base/lily-error.ts";
import type { PlanPack } from "../contracts/plan-document.ts";
import { packDigest, packFiles, type PackFile } from "../graph/pack-files.ts";
import type { FileTree } from "../ports/file-tree.ts";

export class PackGuard {
  readonly #tree: FileTree;
  #known: ReadonlyMap<string, PackFile>;

  constructor(tree: FileTree, files: readonly PackFile[]) {
    this.#tree = tree;
    this.#known = byPath(files);
  }

  /** The folder where the paths of the pack's modules start. */
  get dir(): string {
    return this.#tree.root;
  }

  /** Throws WORKFLOW_DRIFT, PACK_INVALID. */
  async check(bound: PlanPack): Promise<void> {
    const files = await packFiles(this.#tree, this.#known);
    this.#known = byPath(files);
    const seen = packDigest(files);
    if (seen === bound.digest) return;
    throw new LilyError("WORKFLOW_DRIFT", `pack ${bound.name} changed after planning: the plan binds ${bound.digest}, ${this.dir} is now ${seen}`, {
      details: { pack: bound.name, expected: bound.digest, seen },
    });
  }
}

function byPath(files: readonly PackFile[]): ReadonlyMap<string, PackFile> {
  return new Map(files.map((file) => [file.path, file]));
}
