/** docs/howto/write-a-pack.md: its files make a pack that passes its check and judges as the page says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bed, stepOf } from "../runtime/bed.ts";
import { repoModule } from "./repo-module.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/howto/write-a-pack.md"), "utf8");

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
  for (const [, path = "", text = ""] of page.matchAll(/^```(?:yaml|js)\n(?:#|\/\/) (\S+)\n([\s\S]*?)^```$/gm))
    bed.write(path, text.replace('"lily-kernel"', JSON.stringify(repoModule)));
});
afterEach(() => bed.remove());

test("the pack of the page is sound, and its gate judges", async () => {
  const kernel = await bed.kernel();
  expect(await kernel.packs.check(join(bed.dir, "packs/acme"))).toEqual([]);
  const ran = await bed.finish(await kernel.runs.start({ file: join(bed.dir, "workflow.yaml") }));
  expect(ran.view.status).toBe("succeeded");
  expect(stepOf(ran.view, "write").status).toBe("succeeded");
  expect(ran.events.find((event) => event.kind === "GATE_PASSED")?.data).toMatchObject({
    gate_id: "size",
    reason: "6 bytes, and 1000 are allowed",
    metrics: { bytes: 6 },
  });
});
