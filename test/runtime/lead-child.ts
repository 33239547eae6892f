/** A process that starts or resumes one run and says on stdout what it does, with the hash of every event it saw: argv is JSON {dir, workspaceDir, dataHome, document | resume}. */
import process from "node:process";
import { isJsonObject, type JsonValue } from "../../src/base/json-value.ts";
import { isLilyError } from "../../src/base/lily-error.ts";
import { openLocal } from "../../src/presets/local.ts";

const job: JsonValue = JSON.parse(process.argv[2] ?? "");
if (!isJsonObject(job)) throw new Error("no job");
const text = (name: string): string => String(job[name]);
const kernel = await openLocal({ workspaceDir: text("workspaceDir"), dataHome: text("dataHome"), create: true });
try {
  const { document } = job;
  const handle = isJsonObject(document) ? await kernel.runs.start({ document, dir: text("dir") }) : await kernel.runs.resume(text("resume"));
  process.stdout.write(`run ${handle.runId}\n`);
  const hashes: string[] = [];
  const following = (async () => {
    for await (const event of handle.events()) hashes.push(event.hash);
  })();
  const end = await handle.done().then(
    (view) => `end ${view.status}`,
    (thrown: unknown) => thrown,
  );
  await following;
  process.stdout.write(`${typeof end === "string" ? end : refusal(end)}\n${hashes.map((hash) => `event ${hash}\n`).join("")}`);
} catch (thrown) {
  process.stdout.write(`${refusal(thrown)}\n`);
}
await kernel.close().catch(() => undefined);

function refusal(thrown: unknown): string {
  process.exitCode = isLilyError(thrown) ? thrown.entry.exit : 99;
  return `refused ${isLilyError(thrown) ? thrown.code : String(thrown)}`;
}
