import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { executionRecordSchema, rollbackScaffoldSchema } from "../../src/artifacts/builtin-schemas.ts";
import { checkExecutionRecord } from "../../src/audit/check-execution-record.ts";
import { Bed, filesBelow, flow, refusalOf, sh } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(async () => {
  await bed.remove();
});

const effects = [{ category: "file_system", description: "writes out.txt", reversible: true, hint: "rm out.txt" }];

/** Digests of everything in the workspace but its index, which is derived. */
function workspaceBytes(): ReadonlyMap<string, string> {
  const files = filesBelow(bed.workspaceDir).filter((file) => !/(?:index|authority)[^/]*$/.test(file));
  return new Map(files.map((file) => [file, createHash("sha256").update(readFileSync(file)).digest("hex")]));
}

describe("an operator's views of real runs", () => {
  it("H1: the execution record of a finished run is what its events fold to, and fits its schema", async () => {
    const { view, events } = await bed.run(flow({ a: sh("echo x > out.txt", { effects }), b: sh("exit 3", { needs: ["a"] }) }));
    const kernel = await bed.kernel();
    const record = await kernel.audit.record("latest");
    expect(executionRecordSchema.parse(record)).toEqual(record);
    expect(record).toMatchObject({
      execution_id: view.run_id,
      plan_id: view.plan_hash,
      status: "FAILED",
      side_effects: { declared: [{ step: "a" }], unknown_effects: true },
    });
    expect(record.record).toEqual({ events: events.length, head: view.record.head });
    expect(checkExecutionRecord(record)).toEqual([]);
    expect(await kernel.audit.record(view.run_id)).toEqual(record);
  });

  it("H6: a failed run of an operational workspace may be undone by the hints for what ran", async () => {
    await bed.run(flow({ a: sh("echo x > out.txt", { effects }), b: sh("exit 3", { needs: ["a"] }) }));
    const kernel = await bed.kernel();
    const scaffold = await kernel.audit.rollback("latest");
    expect(rollbackScaffoldSchema.parse(scaffold)).toEqual(scaffold);
    expect(scaffold).toMatchObject({ is_rollback_possible: true, rollback_hints: [{ step_index: 0, actions: ["rm out.txt"] }], irreversible_steps: [] });
  });

  it("H6: a run that an operator stopped is INCOMPLETE and never called possible", async () => {
    const handle = await bed.start(flow({ a: sh("echo x > out.txt", { effects }), b: sh("sleep 60", { needs: ["a"], effects }) }));
    const kernel = await bed.kernel();
    for await (const event of handle.events()) if (event.kind === "STEP_STARTED" && event.data.step_id === "b") break;
    await kernel.security.set("LOCKDOWN", "somebody was here");
    await handle.done();
    const record = await kernel.audit.record(handle.runId);
    expect(record).toMatchObject({
      status: "INCOMPLETE",
      security_snapshot_pre: { security_state: "OPERATIONAL" },
      security_snapshot_post: { security_state: "LOCKDOWN" },
    });
    expect(record.step_events.at(-1)).toMatchObject({ event_type: "STEP_FAILED", step_name: "b", error_message: "interrupted: security" });
    const scaffold = await kernel.audit.rollback(handle.runId);
    expect(scaffold).toMatchObject({ is_rollback_possible: false, manual_steps: [] });
    expect(scaffold.warnings).toHaveLength(2);
    expect(await kernel.audit.summary(handle.runId)).toMatchObject({ security: { before: "OPERATIONAL", after: "LOCKDOWN", change: "degraded" } });
    expect(await kernel.audit.confirmRollback(scaffold, "yes")).toMatchObject({ confirmed: false });
  });

  it("S2: every view leaves every byte of records, objects and logs as it was", async () => {
    const first = await bed.run(flow({ a: sh("echo x > out.txt", { effects, outputs: { out: { path: "out.txt" } } }) }));
    const second = await bed.run(flow({ a: sh("echo y > out.txt", { effects, outputs: { out: { path: "out.txt" } } }) }));
    const kernel = await bed.kernel();
    const before = workspaceBytes();
    const run = second.view.run_id;
    const scaffold = await kernel.audit.rollback(run);
    await kernel.audit.confirmRollback(scaffold, "yes");
    await Promise.all([kernel.audit.record(run), kernel.audit.summary(run), kernel.audit.irreversible(run), kernel.audit.trend(), kernel.provenance(run)]);
    await kernel.audit.diff(first.view.run_id, run);
    for (const format of ["chrome-trace", "provenance-json", "execution-record"] as const) await kernel.audit.export(run, format);
    expect(workspaceBytes()).toEqual(before);
    expect(before.size).toBeGreaterThan(2);
    expect(bed.read("out.txt")).toBe("y\n");
    await bed.expectAnchored(run);
  });

  it("shows how the runs of one workflow went, newest first", async () => {
    await bed.run(flow({ a: sh("true") }));
    await bed.run({ ...flow({ a: sh("true") }), workflow: "other" });
    const last = await bed.run(flow({ a: sh("exit 1") }));
    const kernel = await bed.kernel();
    expect((await kernel.audit.trend({ workflow: "demo" })).map((one) => one.status)).toEqual(["FAILED", "COMPLETED"]);
    expect((await kernel.audit.trend({ limit: 1 })).map((one) => one.execution_id)).toEqual([last.view.run_id]);
    expect(await kernel.audit.trend()).toHaveLength(3);
    expect(await refusalOf(kernel.audit.record("ffff"))).toMatchObject({ code: "RUN_NOT_FOUND" });
  });

  it("H6: the example of the page on undoing a run gives its hint", async () => {
    const page = readFileSync(join(import.meta.dirname, "../../docs/howto/roll-back.md"), "utf8");
    const yaml = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
    bed.write("load.sh", "exit 3\n");
    await bed.run(parse(yaml));
    const kernel = await bed.kernel();
    expect(await kernel.audit.rollback("latest")).toMatchObject({
      rollback_hints: [{ actions: ["run unload.sh with the day of the run"], description: "inserts into table weather" }],
    });
  });
});
