import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ChangeWindow } from "../../ports/change-observer.ts";
import { openFsChangeObservers } from "./change-observer.ts";

const names = ["a", "b", "c"] as const;
const path = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("write" as const), path, size: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("folder" as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rename" as const), path, to: path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("link" as const), path, to: path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("mode" as const), path, mode: fc.constantFrom(0o700, 0o755, 0o711) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("open" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("close" as const), which: fc.nat(5) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What is there, found in another way than the observer finds it. */
function snapshot(folder: string, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const seen = fs.lstatSync(join(folder, entry.name), { bigint: true });
    const times = entry.isDirectory() ? "" : `${seen.size} ${seen.ctimeNs} ${seen.mtimeNs}`;
    found.set(`${prefix}${entry.name}`, `${seen.mode} ${seen.ino} ${times}`);
    if (entry.isDirectory()) for (const each of snapshot(join(folder, entry.name), `${prefix}${entry.name}/`)) found.set(...each);
  }
  return found;
}

function expected(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): readonly string[] {
  const paths = [...new Set([...before.keys(), ...now.keys()])].sort();
  return paths.flatMap((each) => {
    if (before.get(each) === now.get(each)) return [];
    return [`${before.has(each) ? (now.has(each) ? "changed" : "removed") : "added"} ${each}`];
  });
}

function perform(root: string, act: Step): void {
  if (act.do === "open" || act.do === "close") return;
  const at = join(root, act.path);
  switch (act.do) {
    case "write":
      return fs.writeFileSync(at, "x".repeat(act.size));
    case "folder":
      return fs.mkdirSync(at);
    case "remove":
      return fs.rmSync(at, { recursive: true });
    case "rename":
      return fs.renameSync(at, join(root, act.to));
    case "link":
      return fs.symlinkSync(act.to, at);
    case "mode":
      return fs.chmodSync(at, act.mode);
  }
}

async function check(steps: readonly Step[]): Promise<void> {
  const root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "lily-random-")));
  const observer = await openFsChangeObservers({ walkAlwaysUpTo: 0 }).observe(root, { hidden: [] });
  const windows: { readonly window: ChangeWindow; readonly before: ReadonlyMap<string, string> }[] = [];
  const close = async (which: number): Promise<void> => {
    const [open] = windows.splice(which % windows.length, 1);
    if (open === undefined) return;
    const { changes } = await open.window.close();
    expect(changes.map(({ change, path: changed }) => `${change} ${changed}`)).toEqual(expected(open.before, snapshot(root)));
  };
  try {
    fs.mkdirSync(join(root, "a/b"), { recursive: true });
    fs.writeFileSync(join(root, "a/b/c"), "x");
    for (const act of steps) {
      if (act.do === "open") windows.push({ window: await observer.open(), before: snapshot(root) });
      else if (act.do === "close" && windows.length > 0) await close(act.which);
      else attempt(() => perform(root, act));
    }
    while (windows.length > 0) await close(0);
  } finally {
    await observer.end();
    fs.rmSync(root, { recursive: true, force: true });
  }
}

/** Not every step is possible in every state; what the system refuses did nothing, or part of it, and either is right. */
function attempt(act: () => void): void {
  try {
    act();
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown)) throw thrown;
  }
}

describe.skipIf(process.platform !== "linux")("a folder that is watched", () => {
  test("every window tells exactly what differs from when it was opened, whatever was done and whichever others were open", async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), check), { numRuns: 150 });
  });
});
