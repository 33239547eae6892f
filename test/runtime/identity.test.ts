import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqliteAuthority } from "../../src/adapters/sqlite/authority-store.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { parseDigest } from "../../src/base/digest.ts";
import { parseRunId, runStream } from "../../src/contracts/ids.ts";
import { Bed, flow } from "./bed.ts";

/** Puts a record of elsewhere into a workspace as its own committing transaction would. */
async function implant(into: Bed, from: Bed, runId: string): Promise<void> {
  const bytes = readFileSync(from.recordFile(runId));
  const lines = bytes.toString("utf8").trimEnd().split("\n");
  const hash = parseDigest((JSON.parse(lines.at(-1) ?? "") as { readonly hash: string }).hash);
  const authority = await openSqliteAuthority({ dir: into.workspaceDir, clock: systemClock, isOwnerAlive: () => true });
  const stream = runStream(parseRunId(runId));
  const [outcome] = await authority.journal.commit([
    { appends: [{ stream, token: 0, fromSeq: 0, prev: null, offset: 0, bytes, count: lines.length, hash }], leaves: [] },
  ]);
  expect(outcome).toEqual({ outcome: "committed" });
  await authority.close();
}

describe("a record of another workspace", () => {
  test("S5: is corrupt here, though every link of it holds", async () => {
    const [here, there] = [new Bed(), new Bed()];
    try {
      await here.run(flow({ a: { run: ["true"] } }));
      const { view } = await there.run(flow({ a: { run: ["true"] } }));
      await Promise.all([here.close(), there.close()]);
      await implant(here, there, view.run_id);
      const verified = await (await here.kernel()).records.verify(view.run_id);
      expect(verified).toMatchObject({ result: "corrupt", problems: [expect.stringContaining("names workspace")] });
    } finally {
      await Promise.all([here.remove(), there.remove()]);
    }
  });
});

describe("a workspace whose identity was swapped", () => {
  let bed: Bed;
  beforeEach(() => {
    bed = new Bed();
  });
  afterEach(() => bed.remove());

  test("S5: is refused: its own record says who it is", async () => {
    const { view } = await bed.run(flow({ a: { run: ["true"] } }));
    await bed.close();
    const database = new DatabaseSync(join(bed.workspaceDir, "authority.db"));
    database.prepare("UPDATE meta SET value = 'other' WHERE name = 'workspaceId'").run();
    database.close();
    const kernel = await bed.kernel();
    await expect(kernel.records.verify(view.run_id)).rejects.toMatchObject({ code: "WORKSPACE_INVALID" });
    await expect(bed.run(flow({ a: { run: ["true"] } }))).rejects.toMatchObject({ code: "WORKSPACE_INVALID" });
    expect((await kernel.doctor()).filter((finding) => finding.level === "problem").map((finding) => finding.message)).toContainEqual(
      expect.stringContaining("WORKSPACE_INVALID"),
    );
  });
});
