import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bed, flow } from "./bed.ts";

describe("code that the plan binds, at the start of every attempt", () => {
  let bed: Bed;
  beforeEach(() => {
    bed = new Bed();
    bed.write("b.sh", "echo b\n");
    bed.write("gate.sh", "exit 1\n");
  });
  afterEach(() => bed.remove());

  test("E1: a script that an earlier step changed does not run; the step fails with WORKFLOW_DRIFT", async () => {
    const { view } = await bed.run(flow({ a: { shell: "echo 'echo evil > evil.txt' >> b.sh" }, b: { run: ["sh", "b.sh"], needs: ["a"] } }));
    expect(view.status).toBe("failed");
    expect(view.steps[1]?.attempts[0]?.error).toMatchObject({ code: "WORKFLOW_DRIFT", reason: expect.stringContaining("b.sh changed after planning") });
    expect(bed.has("evil.txt")).toBe(false);
    await bed.expectAnchored(view.run_id);
  });

  test("E1: a script that was written again with the same content runs", async () => {
    const { view } = await bed.run(flow({ a: { shell: "printf 'echo b\\n' > b.sh" }, b: { run: ["sh", "b.sh"], needs: ["a"] } }));
    expect(view.status).toBe("succeeded");
  });

  test("E1: a script that is gone does not fail silently", async () => {
    const { view } = await bed.run(flow({ a: { shell: "rm b.sh" }, b: { run: ["sh", "b.sh"], needs: ["a"] } }));
    expect(view.steps[1]?.attempts[0]?.error).toMatchObject({ code: "WORKFLOW_DRIFT", reason: expect.stringContaining("missing") });
  });

  test("E4: a step that rewrites its gate's script does not thereby pass it", async () => {
    const { view } = await bed.run(flow({ a: { shell: "echo 'exit 0' > gate.sh", gates: [{ id: "g", run: ["sh", "gate.sh"] }] } }));
    expect(view).toMatchObject({ status: "failed", gates: [{ status: "error", reason: expect.stringContaining("gate.sh changed after planning") }] });
  });

  test("E4: nor does one that rewrites the copy in its own isolated folder", async () => {
    const step = { shell: "rm -f gate.sh; echo 'exit 0' > gate.sh", workdir: "isolated", gates: [{ id: "g", run: ["sh", "gate.sh"] }] };
    const { view } = await bed.run(flow({ a: step }));
    expect(view).toMatchObject({ status: "failed", gates: [{ status: "error", reason: expect.stringContaining("gate.sh changed after planning") }] });
  });
});
