import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { Bed, flow } from "./bed.ts";

test.skipIf(!existsSync("/proc/self/fd"))("a workspace that is refused at opening leaves no descriptor behind", async () => {
  const bed = new Bed();
  try {
    await bed.run(flow({ a: { run: ["true"] } }));
    await bed.close();
    const database = new DatabaseSync(join(bed.workspaceDir, "authority.db"));
    database.prepare("DELETE FROM meta WHERE name = 'createdAt'").run();
    database.close();
    await bed.open().catch(() => undefined);
    const before = readdirSync("/proc/self/fd").length;
    for (let round = 0; round < 20; round++) await expect(bed.open()).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
    expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before + 2);
  } finally {
    await bed.remove();
  }
});
