import { expect, test } from "vitest";
import { parseRunId, runStream } from "../contracts/ids.ts";
import { MemoryWorkspace, testDraft } from "../testkit/memory-workspace.ts";
import { RecordFileQueue } from "./record-file-queue.ts";

const stream = runStream(parseRunId("run-a"));

test("L2: a sync that failed is never tried again and then trusted: every later call fails, and the rows stay", async () => {
  const workspace = new MemoryWorkspace();
  const { ledger, authority, files } = await workspace.open();
  await (await ledger.openWriter(stream, { token: 0 })).append([testDraft("a")]);
  const queue = new RecordFileQueue({ journal: authority.journal, files }, () => false);
  await queue.replay(stream);
  workspace.disk.failNext("STORAGE_FAILED");
  await expect(queue.settle()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  await expect(queue.settle()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  await expect(queue.flush()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  expect(await authority.journal.rows(stream)).toHaveLength(1);
});
