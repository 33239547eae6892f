import { LilyError } from "../base/lily-error.ts";
import type { Digest } from "../base/digest.ts";
import type { LogLeaf } from "../ports/journal.ts";
import { logLeafHash, rootDigest } from "./checkpoint.ts";
import { MerkleFrontier } from "./merkle-tree.ts";

/** Roots of the trees over the first so many leaves, for each size asked for, in one pass. Sizes beyond the leaves have none. */
export function rootsAt(leaves: readonly LogLeaf[], sizes: readonly number[]): ReadonlyMap<number, Digest> {
  const wanted = new Set(sizes);
  const roots = new Map<number, Digest>();
  const frontier = new MerkleFrontier();
  for (const leaf of leaves) {
    frontier.append(logLeafHash(leaf));
    if (wanted.has(frontier.size)) roots.set(frontier.size, rootDigest(frontier.root()));
  }
  return roots;
}

/** The root of all leaves. Throws CHECKPOINT_INVALID when there are none. */
export function rootOfAll(leaves: readonly LogLeaf[]): Digest {
  const root = rootsAt(leaves, [leaves.length]).get(leaves.length);
  if (root === undefined) throw new LilyError("CHECKPOINT_INVALID", "a checkpoint needs at least one leaf");
  return root;
}
