import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseRunId, runStream } from "../../contracts/ids.ts";
import { recordFilesConformance } from "../../testkit/record-files-conformance.ts";
import { openFsRecordFiles } from "./record-files.ts";

const makeRoot = (): string => mkdtempSync(join(tmpdir(), "lily-files-"));

recordFilesConformance("fs", async () => {
  const root = makeRoot();
  const files = openFsRecordFiles({ root });
  return {
    files,
    another: async () => openFsRecordFiles({ root }),
    end: async () => {
      await files.close();
      rmSync(root, { recursive: true });
    },
  };
});

it("does not follow a link in place of a record file, nor list what is no stream", async () => {
  const root = makeRoot();
  const files = openFsRecordFiles({ root });
  const stream = runStream(parseRunId("linked"));
  await files.writeAt(stream, 0, new Uint8Array([1]));
  await files.close();
  rmSync(join(root, "runs/linked/record.jsonl"));
  writeFileSync(join(root, "target"), "elsewhere");
  symlinkSync(join(root, "target"), join(root, "runs/linked/record.jsonl"));
  writeFileSync(join(root, "runs/UPPER"), "");
  const again = openFsRecordFiles({ root });
  await expect(again.writeAt(stream, 0, new Uint8Array([2]))).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  await expect(again.read(stream, 0, 1)).rejects.toMatchObject({ code: "LEDGER_DAMAGED" });
  expect(readdirSync(root).sort()).toEqual(["runs", "target"]);
  expect(await again.list()).toEqual([stream]);
  rmSync(root, { recursive: true });
});

it("says what could not be written or read", async () => {
  const root = makeRoot();
  writeFileSync(join(root, "runs"), "a file where the folder must be");
  const files = openFsRecordFiles({ root });
  const stream = runStream(parseRunId("a"));
  await expect(files.writeAt(stream, 0, new Uint8Array([1]))).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  await expect(files.sync([stream])).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  await expect(files.setAside(stream, 0)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  expect(await files.size(stream)).toBe(0);
  expect(await files.read(stream, 0, 1)).toHaveLength(0);
  expect(await files.list()).toEqual([]);
  rmSync(root, { recursive: true });
});
