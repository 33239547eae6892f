import { expect, test } from "vitest";
import { lily } from "./fake-host.ts";
import { fakeKernel } from "./fake-kernel.ts";
import { runView } from "./sample-run.ts";

test("record show gives one document or the lines of the record, never both", async () => {
  const { code, stdout, stderr } = await lily(["record", "show", "latest", "--json", "--jsonl"], fakeKernel());
  expect([code, stdout.includes("USAGE_INVALID") || stderr.includes("USAGE_INVALID")]).toEqual([2, true]);
});

test("run watch says that it waits for a run that was only created, and how to start it", async () => {
  const view = { ...runView("succeeded"), status: "created" as const };
  const { stderr } = await lily(["run", "watch", "latest"], fakeKernel({ view }));
  expect(stderr).toContain("was not started yet; waiting for it");
  expect(stderr).toContain(`run start FILE --run ${view.run_id}`);
  const started = await lily(["run", "watch", "latest"], fakeKernel());
  expect(started.stderr).not.toContain("waiting for it");
});
