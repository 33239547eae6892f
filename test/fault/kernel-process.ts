/**
 * A kernel that runs `w.yaml` of a folder again and again until it is ended. Prints `ready` before the first run, then
 * `event RUN HASH` for each event after it is durable.
 *
 *     node test/fault/kernel-process.ts DIR
 */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { openLocal } from "../../src/presets/local.ts";

const [dir = ""] = process.argv.slice(2);
const kernel = await openLocal({ workspaceDir: join(dir, ".lily"), dataHome: join(dir, "data"), create: true });
writeSync(1, "ready\n");
for (;;) {
  const handle = await kernel.runs.start({ file: join(dir, "w.yaml") });
  for await (const event of handle.events()) writeSync(1, `event ${handle.runId} ${event.hash}\n`);
  await handle.done();
}
