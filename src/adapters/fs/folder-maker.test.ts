import { lstatSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { folderMakerConformance } from "../../testkit/folder-maker-conformance.ts";
import { openFsFolderMaker } from "./folder-maker.ts";

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

function makeRoot(): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "lily-folders-")));
  roots.push(root);
  return root;
}

describe("folders of a file system", () => {
  folderMakerConformance(async () => {
    const root = makeRoot();
    return {
      maker: openFsFolderMaker(),
      root,
      putFile: async (path) => writeFileSync(join(root, path), "x"),
      putLink: async (path, target) => symlinkSync(join(root, target), join(root, path)),
      isFolder: async (path) => lstatSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() === true,
    };
  });

  test("what cannot be made is a failure of storage", async () => {
    const root = makeRoot();
    await expect(openFsFolderMaker().make(root, "x".repeat(300))).rejects.toMatchObject({ code: expect.stringMatching(/^STORAGE_/) });
  });
});
