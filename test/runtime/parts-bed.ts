/** A kernel over the real parts of a bed's workspace, some of them replaced: for what a disk or another process does at one exact moment. */
import { isOwnerAlive } from "../../src/adapters/process/owner-liveness.ts";
import { openSqliteAuthority } from "../../src/adapters/sqlite/authority-store.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { KernelParts } from "../../src/kernel/kernel-parts.ts";
import { openKernel } from "../../src/kernel/open-kernel.ts";
import type { FileTree } from "../../src/ports/file-tree.ts";
import { localParts, localTrust } from "../../src/presets/local-parts.ts";
import type { Bed } from "./bed.ts";

/** The caller closes it. */
export async function openWith(bed: Bed, change: (parts: KernelParts) => Partial<KernelParts>): Promise<Kernel> {
  return openChanged(bed, (parts) => ({ ...parts, ...change(parts) }));
}

/** The same with all parts chosen, so that one can be left out. The caller closes it. */
export async function openChanged(bed: Bed, choose: (parts: KernelParts) => KernelParts): Promise<Kernel> {
  await bed.kernel();
  await bed.close();
  const { workspaceDir } = bed;
  const authority = await openSqliteAuthority({ dir: workspaceDir, clock: systemClock, isOwnerAlive });
  const parts = await localParts(workspaceDir, authority, localTrust(workspaceDir, bed.dataHome), bed.dataHome);
  return openKernel(choose(parts));
}

/** The object with some members replaced; the others keep working on the object itself. */
export function replaced<T extends object>(whole: T, members: Partial<T>): T {
  return new Proxy(whole, {
    get: (target, name) => {
      if (Object.hasOwn(members, name)) return Reflect.get(members, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Trees whose files go through `change`. */
export function treesWith(parts: KernelParts, change: (tree: FileTree) => Partial<FileTree>): Pick<KernelParts, "trees"> {
  return {
    trees: {
      openTree: async (root, options) => {
        const tree = await parts.trees.openTree(root, options);
        return replaced(tree, change(tree));
      },
    },
  };
}
