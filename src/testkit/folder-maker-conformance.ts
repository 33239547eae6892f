import { expect, it } from "vitest";
import type { FolderMaker } from "../ports/folder-maker.ts";

export interface FolderMakerBed {
  readonly maker: FolderMaker;
  /** Absolute, without links, empty. */
  readonly root: string;
  putFile(path: string): Promise<void>;
  /** A link at `path` to the folder `target`, both relative to the root. */
  putLink(path: string, target: string): Promise<void>;
  isFolder(path: string): Promise<boolean>;
}

/** What every FolderMaker promises. `open` makes a fresh bed for each case. */
export function folderMakerConformance(open: () => Promise<FolderMakerBed>): void {
  it("makes a folder with those that lead to it, and finds it there the next time", async () => {
    const bed = await open();
    expect(await bed.maker.make(bed.root, "a/b/c")).toBe(`${bed.root}/a/b/c`);
    expect(await bed.isFolder("a/b/c")).toBe(true);
    expect(await bed.maker.make(bed.root, "a/b/c")).toBe(`${bed.root}/a/b/c`);
    expect(await bed.maker.make(bed.root, "")).toBe(bed.root);
  });

  it("makes nothing where a file stands in the way", async () => {
    const bed = await open();
    await bed.putFile("a");
    expect(await bed.maker.make(bed.root, "a")).toBeNull();
    expect(await bed.maker.make(bed.root, "a/b")).toBeNull();
  });

  it("follows no link, neither at the end nor before it", async () => {
    const bed = await open();
    await bed.maker.make(bed.root, "real");
    await bed.putLink("link", "real");
    expect(await bed.maker.make(bed.root, "link")).toBeNull();
    expect(await bed.maker.make(bed.root, "link/below")).toBeNull();
    expect(await bed.isFolder("real/below")).toBe(false);
  });
}
