import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe } from "vitest";
import { type ChangeObserverBed, changeObserverConformance } from "../../testkit/change-observer-conformance.ts";
import { type ChangeObserverOptions, openFsChangeObservers } from "./change-observer.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function bedOf(options: ChangeObserverOptions): ChangeObserverBed {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "lily-observed-")));
  folders.push(root);
  const placed = (path: string): string => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  return {
    observers: openFsChangeObservers(options),
    limited: (entriesMax) => openFsChangeObservers({ ...options, entriesMax }),
    root,
    write: (path, content) => writeFileSync(placed(path), content),
    makeFolder: (path) => void mkdirSync(join(root, path), { recursive: true }),
    link: (path, target) => symlinkSync(target, placed(path)),
    special: (path) => void spawnSync("mkfifo", [placed(path)]),
    remove: (path) => rmSync(join(root, path), { recursive: true, force: true }),
  };
}

describe.skipIf(process.platform !== "linux")("change observer of a file system, told by the kernel what was touched", () => {
  changeObserverConformance(async () => bedOf({ walkAlwaysUpTo: 0 }));
});

describe("change observer of a file system, looking at everything", () => {
  changeObserverConformance(async () => bedOf({ watch: false }));
});
