import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bed, flow } from "./bed.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/howto/modules.md"), "utf8");
const library = new URL("../../src/runtime/define-module.ts", import.meta.url).href;

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

describe("docs/howto/modules.md", () => {
  test.each(["none", "process"])("H4: its example of a side effect is recorded as the page says (isolation: %s)", async (isolation) => {
    const text = /^```ts\n\/\/ steps\/announce\.ts\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? "";
    bed.write("steps/announce.ts", text.replace('"lily-kernel"', JSON.stringify(library)));
    bed.write("lily.yaml", "modules: {weather.announce: ./steps/announce.ts}\n");
    const { view, events } = await bed.run(flow({ announce: { module: "weather.announce", isolation } }));
    expect(view.status).toBe("succeeded");
    expect(events.find((event) => event.kind === "SIDE_EFFECT_OBSERVED")?.data).toEqual({
      step_id: "announce",
      attempt: 1,
      category: "network",
      description: "sent the forecast to forecast@example.org",
      reversible: false,
      source: "module",
      details: { mail_id: "m-17" },
    });
  });
});
