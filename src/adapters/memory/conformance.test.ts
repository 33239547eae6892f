import { describe, it, expect } from "vitest";
import { attemptFoldersConformance } from "../../testkit/attempt-folders-conformance.ts";
import { fileTreeConformance } from "../../testkit/file-tree-conformance.ts";
import { bytesSource, objectStoreConformance } from "../../testkit/object-store-conformance.ts";
import { runIndexConformance } from "../../testkit/run-index-conformance.ts";
import { trustStoreConformance } from "../../testkit/trust-store-conformance.ts";
import { LilyError } from "../../base/lily-error.ts";
import { createMemoryAttemptFolders } from "./attempt-folders.ts";
import { createMemoryFileTrees } from "./file-tree.ts";
import { MemoryFiles } from "./memory-files.ts";
import { createMemoryObjectStore } from "./object-store.ts";
import { createMemoryRunIndex } from "./run-index.ts";
import { createMemoryTrustStore } from "./trust-store.ts";

describe.each([1, 2, 3])("memory object store, seed %i", (seed) => {
  objectStoreConformance(async () => {
    const store = createMemoryObjectStore({ seed });
    return { store, corrupt: (digest) => void store.corrupt(digest), truncate: (digest) => void store.truncate(digest) };
  });

  it("fails the put that a test asked to fail, and no other", async () => {
    const store = createMemoryObjectStore({ seed });
    store.failNextPut(new LilyError("STORAGE_FULL", "full on purpose"));
    await expect(store.putSource(bytesSource(new Uint8Array(3)))).rejects.toMatchObject({ code: "STORAGE_FULL" });
    const { digest } = await store.put(new Uint8Array(3));
    expect(store.remove(digest)).toBe(true);
    expect(await store.stat(digest)).toBeNull();
  });
});

describe("memory file tree", () => {
  fileTreeConformance(async () => {
    const files = new MemoryFiles();
    files.makeFolder("/root");
    const absolute = (path: string): string => `/root/${path}`;
    return {
      trees: createMemoryFileTrees(files),
      root: "/root",
      write: (path, content) => files.write(absolute(path), content),
      makeFolder: (path) => files.makeFolder(absolute(path)),
      link: (path, target) => files.link(absolute(path), target),
      hardLink: (path) => files.write(absolute(path), "x", 2),
      special: (path) => files.special(absolute(path)),
      remove: (path) => files.remove(absolute(path)),
    };
  });
});

describe("memory attempt folders", () => {
  attemptFoldersConformance(async () => {
    const files = new MemoryFiles();
    const read = (path: string): string | null => {
      const node = files.node(path);
      return node?.kind === "file" ? new TextDecoder().decode(node.bytes) : null;
    };
    return { folders: createMemoryAttemptFolders(files), write: (path, content) => files.write(path, content), read, names: (path) => files.names(path) };
  });
});

describe("memory trust store", () => {
  trustStoreConformance(async () => createMemoryTrustStore());

  it("KEY_INVALID and null stand for a damaged and a lost key", async () => {
    const trust = createMemoryTrustStore();
    await trust.createKey("ws1");
    trust.damageKey("ws1");
    await expect(trust.signer("ws1")).rejects.toMatchObject({ code: "KEY_INVALID" });
    trust.loseKey("ws1");
    expect(await trust.signer("ws1")).toBeNull();
  });
});

describe("memory run index", () => {
  runIndexConformance(async () => ({ index: createMemoryRunIndex(), reopen: null }));

  it("INDEX_DAMAGED until it is cleared", async () => {
    const index = createMemoryRunIndex();
    index.damage();
    await expect(index.cursor()).rejects.toMatchObject({ code: "INDEX_DAMAGED" });
    await index.clear();
    expect(await index.cursor()).toBe(0);
  });
});
