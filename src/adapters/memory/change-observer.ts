/** In-memory change observers over `MemoryFiles`: each window keeps what was there, and everything is looked at each time. */
import { LilyError } from "../../base/lily-error.ts";
import { parseRelativePath } from "../../base/relative-path.ts";
import type { ChangeObservers, ChangeReport, TreeChange } from "../../ports/change-observer.ts";
import type { MemoryFiles, MemoryNode } from "./memory-files.ts";
import { seededRandom, someTurns } from "./seeded-random.ts";

export interface MemoryChangeObserverOptions {
  readonly seed?: number;
  /** More entries are INPUT_TOO_LARGE. */
  readonly entriesMax?: number;
}

type Snapshot = ReadonlyMap<string, MemoryNode>;

export function createMemoryChangeObservers(files: MemoryFiles, options: MemoryChangeObserverOptions = {}): ChangeObservers {
  const random = seededRandom(options.seed ?? 1);
  const entriesMax = options.entriesMax ?? 1_000_000;
  return {
    observe: async (root, { hidden }) => {
      await someTurns(random);
      if (files.node(root)?.kind !== "directory") throw new LilyError("INPUT_NOT_FOUND", `the folder ${root} does not exist`, { details: { path: root } });
      const look = async (): Promise<Snapshot> => {
        await someTurns(random);
        const found = new Map(below(files, root, "", hidden));
        if (found.size <= entriesMax) return found;
        throw new LilyError("INPUT_TOO_LARGE", `${root} has more than ${entriesMax} entries, too many to compare before and after a step`);
      };
      return {
        open: async () => {
          const before = await look();
          let report: Promise<ChangeReport> | null = null;
          const compare = async (): Promise<ChangeReport> => ({ changes: differences(before, await look()), looked: true });
          return {
            close: () => {
              report ??= compare();
              return report;
            },
          };
        },
        end: async () => {},
      };
    },
  };
}

function* below(files: MemoryFiles, folder: string, prefix: string, hidden: readonly string[]): Generator<[string, MemoryNode]> {
  for (const name of files.names(folder)) {
    const absolute = folder === "/" ? `/${name}` : `${folder}/${name}`;
    const node = files.node(absolute);
    if (node === null || hidden.includes(absolute)) continue;
    yield [`${prefix}${name}`, node];
    if (node.kind === "directory") yield* below(files, absolute, `${prefix}${name}/`, hidden);
  }
}

function differences(before: Snapshot, now: Snapshot): readonly TreeChange[] {
  const changes: TreeChange[] = [];
  for (const path of new Set([...before.keys(), ...now.keys()])) {
    const was = before.get(path);
    const is = now.get(path);
    if (markOf(was) === markOf(is)) continue;
    const node = is ?? was;
    if (node === undefined) continue;
    const change = was === undefined ? "added" : is === undefined ? "removed" : "changed";
    changes.push({ path: parseRelativePath(path), change, kind: node.kind, size: is?.kind === "file" ? is.bytes.length : 0 });
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function markOf(node: MemoryNode | undefined): string | null {
  switch (node?.kind) {
    case undefined:
      return null;
    case "file":
      return `file/${node.version}`;
    case "link":
      return `link/${node.target}`;
    case "directory":
    case "special":
      return node.kind;
  }
}
