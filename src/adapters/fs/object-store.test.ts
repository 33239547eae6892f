import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Digest } from "../../base/digest.ts";
import { bytesSource, objectStoreConformance } from "../../testkit/object-store-conformance.ts";
import { openFsObjectStore } from "./object-store.ts";

const made: string[] = [];
const isRoot = process.getuid?.() === 0;

function folder(): string {
  const dir = fs.mkdtempSync(join(tmpdir(), "lily-objects-"));
  made.push(dir);
  return dir;
}

afterAll(() => {
  for (const dir of made) fs.rmSync(dir, { recursive: true, force: true });
});

const pathOf = (dir: string, digest: Digest): string => join(dir, digest.slice(7, 9), digest.slice(9));

function rewrite(path: string, change: (bytes: Buffer) => Buffer): void {
  const bytes = fs.readFileSync(path);
  fs.rmSync(path);
  fs.writeFileSync(path, change(bytes));
}

function flipped(bytes: Buffer): Buffer {
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes;
}

async function bed() {
  const dir = join(folder(), "objects");
  const store = await openFsObjectStore(dir);
  return {
    dir,
    store,
    corrupt: (digest: Digest) => rewrite(pathOf(dir, digest), flipped),
    truncate: (digest: Digest) => rewrite(pathOf(dir, digest), (bytes) => bytes.subarray(0, -1)),
  };
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe("file object store", () => {
  objectStoreConformance(bed);

  it("A1: lies where sha256sum says, read-only, without leftovers", async () => {
    const { dir, store } = await bed();
    const { digest } = await store.put(text("hello"));
    const { digest: streamed } = await store.putSource(bytesSource(text("streamed")));
    expect(
      createHash("sha256")
        .update(fs.readFileSync(pathOf(dir, digest)))
        .digest("hex"),
    ).toBe(digest.slice(7));
    expect(fs.statSync(pathOf(dir, digest)).mode & 0o777).toBe(0o444);
    expect(fs.statSync(pathOf(dir, streamed)).nlink).toBe(1);
    expect(fs.readdirSync(dir, { recursive: true }).filter((name) => String(name).includes(".tmp-"))).toEqual([]);
  });

  it("ignores what a crash left: temporary files, half-made folders, foreign names", async () => {
    const { dir, store } = await bed();
    const { digest } = await store.put(text("hello"));
    fs.writeFileSync(join(dir, ".tmp-0123"), "half");
    fs.writeFileSync(join(dir, digest.slice(7, 9), ".tmp-4567"), "half");
    fs.mkdirSync(join(dir, "zz"));
    fs.writeFileSync(join(dir, "ab"), "a file where a folder belongs");
    fs.writeFileSync(join(dir, digest.slice(7, 9), "README"), "x");
    const listed: string[] = [];
    for await (const stat of store.list()) listed.push(stat.digest);
    expect(listed).toEqual([digest]);
  });

  it("a folder that another process made is used", async () => {
    const { dir, store } = await bed();
    fs.mkdirSync(join(dir, "2c"));
    expect((await store.put(text("hello"))).digest).toMatch(/^sha256:2c/);
  });

  it("OBJECT_CORRUPT: a link, folder or FIFO under an object's name is not read and not written through", async () => {
    const { dir, store } = await bed();
    const { digest } = await store.put(text("hello"));
    const path = pathOf(dir, digest);
    const outside = join(folder(), "outside");
    fs.writeFileSync(outside, "hello");
    const places = [() => fs.symlinkSync(outside, path), () => fs.mkdirSync(path), () => execFileSync("mkfifo", [path])];
    for (const place of places) {
      fs.rmSync(path, { recursive: true, force: true });
      place();
      await expect(store.get(digest)).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
      await expect(store.put(text("hello"))).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
      await expect(store.stat(digest)).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
    }
    expect(fs.readFileSync(outside, "utf8")).toBe("hello");
  });

  it("a fan-out folder that is a link is refused", async () => {
    const { dir, store } = await bed();
    fs.symlinkSync(folder(), join(dir, "2c"));
    await expect(store.put(text("hello"))).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });

  it.skipIf(!isRoot || process.platform !== "linux")(
    "STORAGE_FULL: a full disk stores nothing, keeps what was there, and recovers (needs root for a small tmpfs)",
    async () => {
      const mount = folder();
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", mount]);
      try {
        const store = await openFsObjectStore(join(mount, "objects"));
        const kept = await store.put(text("kept"));
        const large = new Uint8Array(1 << 20).fill(7);
        for (let round = 0; round < 10; round++) {
          await expect(store.put(large)).rejects.toMatchObject({ code: "STORAGE_FULL" });
          await expect(store.putSource(bytesSource(large, 70_000))).rejects.toMatchObject({ code: "STORAGE_FULL" });
        }
        expect(new TextDecoder().decode(await store.get(kept.digest))).toBe("kept");
        expect(fs.readdirSync(mount, { recursive: true }).filter((name) => String(name).includes(".tmp-"))).toEqual([]);
        expect(await store.put(text("more"))).toMatchObject({ size: 4 });
      } finally {
        execFileSync("umount", [mount]);
      }
    },
  );

  it.skipIf(!isRoot || process.platform !== "linux")(
    "WORKSPACE_READ_ONLY: a read-only disk is named as such, and reading goes on (needs root for a mount)",
    async () => {
      const mount = folder();
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", mount]);
      try {
        const store = await openFsObjectStore(join(mount, "objects"));
        const kept = await store.put(text("kept"));
        execFileSync("mount", ["-o", "remount,ro", mount]);
        await expect(store.put(text("new"))).rejects.toMatchObject({ code: "WORKSPACE_READ_ONLY" });
        await expect(store.putSource(bytesSource(text("new")))).rejects.toMatchObject({ code: "WORKSPACE_READ_ONLY" });
        await expect(openFsObjectStore(join(mount, "other"))).rejects.toMatchObject({ code: "WORKSPACE_READ_ONLY" });
        expect(await store.get(kept.digest)).toHaveLength(4);
      } finally {
        execFileSync("umount", [mount]);
      }
    },
  );

  it("leaves no descriptor open, whatever failed", async () => {
    const { store, corrupt } = await bed();
    const { digest } = await store.put(text("hello"));
    corrupt(digest);
    const open = (): number => fs.readdirSync("/proc/self/fd").length;
    if (!fs.existsSync("/proc/self/fd")) return;
    const before = open();
    for (let i = 0; i < 20; i++) {
      await store.get(digest).catch(() => {});
      await store.open(digest).catch(() => {});
      await store.put(text("hello")).catch(() => {});
      await store.putSource(bytesSource(text("12345")), { bytesMax: 1 }).catch(() => {});
    }
    expect(open()).toBe(before);
  });
});
