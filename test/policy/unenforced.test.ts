/** A rule that nothing holds the commands of a run to is said to be none that is kept. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import { createProcessRunner } from "../../src/adapters/process/process-runner.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { openWith } from "../runtime/parts-bed.ts";
import { Bed, flow, sh } from "../runtime/bed.ts";

const support = await createProcessRunner().sandbox();
let bed: Bed;

beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

async function told(kernel: Kernel, policy: JsonObject, text = "true"): Promise<unknown> {
  const handle = await kernel.runs.start({ document: flow({ a: sh(text) }, { policy }), dir: bed.dir });
  const { run_id: runId } = await handle.done();
  return kernel.runs.unenforced(runId);
}

describe("S6: what nothing holds a run to", () => {
  test.each([
    [{ network: "deny" }, ["network"]],
    [{ network: "deny", tools: ["sh"] }, ["subprocesses", "network"]],
    [{ write: { allow: ["out/**"] }, diff_max: "1MB" }, null],
    [{ attempts_max: 3, env_allow: [] }, null],
    [{}, null],
  ])("without a sandbox, of %j it is %j", async (policy, rules) => {
    expect(await told(await bed.kernel(), policy)).toEqual(rules === null ? null : { rules, sandbox: "off" });
  });

  test("a run without a plan has no rule", async () => {
    const kernel = await bed.kernel();
    const { run_id: runId } = await kernel.runs.create({});
    expect(await kernel.runs.unenforced(runId)).toBeNull();
  });

  test("where a sandbox is preferred and there is none, it is said, and what a run did counts more than what a machine can", async () => {
    const bare = await openWith(bed, () => ({ processes: createProcessRunner({ sandboxProgram: "/nonexistent/bwrap" }) }));
    try {
      const unenforced = { rules: ["network"], sandbox: "prefer" };
      expect(await told(bare, { network: "deny", sandbox: "prefer" })).toEqual(unenforced);
      const [row] = await bare.runs.list();
      await bare.close();
      expect(await (await bed.kernel()).runs.unenforced(row?.run_id ?? "")).toEqual(unenforced);
    } finally {
      await bare.close();
    }
  });

  test.skipIf(support.name === null)("in a sandbox it is nothing, whether the command ended well or not", async () => {
    const policy = { network: "deny", tools: ["sh"], write: { allow: ["out/**"] }, sandbox: "prefer" };
    expect(await told(await bed.kernel(), policy)).toBeNull();
    expect(await told(await bed.kernel(), policy, "exit 3")).toBeNull();
  });
});
