import { expect, test } from "vitest";
import { inlineBytesMax } from "../artifacts/artifact-store.ts";
import { LilyError } from "../base/lily-error.ts";
import { parseRunId } from "../contracts/ids.ts";
import type { AttemptFolder } from "../ports/attempt-folders.ts";
import { storeLogs } from "./store-logs.ts";

/** Bytes that come in pieces of three; `size` is what the log says of itself. */
function sourceOf(bytes: Uint8Array, size = bytes.length) {
  let at = 0;
  return {
    size,
    read: (into: Uint8Array): number => {
      const piece = bytes.subarray(at, at + Math.min(3, into.length));
      into.set(piece);
      at += piece.length;
      return piece.length;
    },
    close: async (): Promise<void> => {},
  };
}

async function storedOf(openLog: () => Promise<unknown>): Promise<readonly unknown[]> {
  const artifacts = {
    prepareText: async ({ name, text }: { name: string; text: string }) => `${name}: ${text}`,
    prepareSource: async ({ name, source }: { name: string; source: { size: number } }) => `${name}, ${source.size} bytes`,
  };
  const run = { deps: { artifacts }, runId: parseRunId("run-a") } as unknown as Parameters<typeof storeLogs>[0];
  return storeLogs(run, { attempt: 1 }, { openLog } as unknown as AttemptFolder, { stdout: true, stderr: false }, "log", "a");
}

const textBytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("a short log rides in the record as text, as far as it can be read; a stream that was not written has none", async () => {
  expect(await storedOf(async () => sourceOf(textBytes("printed")))).toEqual(["stdout.txt: printed"]);
  expect(await storedOf(async () => sourceOf(textBytes("cut"), 9))).toEqual(["stdout.txt: cut"]);
});

test("a long log, and one that is no text, go to the store", async () => {
  expect(await storedOf(async () => sourceOf(new Uint8Array(inlineBytesMax + 1)))).toEqual([`stdout.txt, ${inlineBytesMax + 1} bytes`]);
  expect(await storedOf(async () => sourceOf(new Uint8Array([0xff, 0xfe])))).toEqual(["stdout.txt, 2 bytes"]);
});

test("a log that is not there is left out, and a fault of the disk is a fault", async () => {
  expect(await storedOf(async () => null)).toEqual([]);
  const failing = { ...sourceOf(textBytes("x")), read: () => Promise.reject(new LilyError("STORAGE_FAILED", "disk")) };
  await expect(storedOf(async () => failing)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
});
