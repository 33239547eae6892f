import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import { Bed, flow, sh, stepOf, traceOf, until } from "./bed.ts";

const child = fileURLToPath(new URL("lead-child.ts", import.meta.url));
let bed: Bed;
const children: ChildProcess[] = [];
beforeEach(() => {
  bed = new Bed();
});
afterEach(async () => {
  for (const one of children.splice(0)) one.kill("SIGKILL");
  await bed.remove();
});

interface Leader {
  readonly process: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
}

function lead(job: JsonObject): Leader {
  const whole = { dir: bed.dir, workspaceDir: bed.workspaceDir, dataHome: bed.dataHome, ...job };
  const started = spawn(process.execPath, [child, JSON.stringify(whole)], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(started);
  let text = "";
  started.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { process: started, said: () => text, ended: once(started, "close").then(([code]) => (typeof code === "number" ? code : null)) };
}

/** Starts the run in a child and kills it with SIGKILL once `when` says so; the id of the run. */
async function killWhen(document: JsonObject, when: () => boolean | Promise<boolean>): Promise<string> {
  const leader = lead({ document });
  await until(() => leader.said().startsWith("run "));
  await until(when);
  leader.process.kill("SIGKILL");
  await leader.ended;
  return leader.said().slice(4).split("\n")[0] ?? "";
}

const slowOnce = (mark: string): JsonObject => sh(`test -e ${mark} && exit 0; echo $$ > ${mark}; exec sleep 60`);
/** True when no process of this id runs; one that is dead and not yet reaped is gone. */
const gone = (pid: string): boolean => {
  try {
    process.kill(Number(pid), 0);
    return process.platform === "linux" && /\) [ZX] /.test(readFileSync(`/proc/${pid.trim()}/stat`, "utf8"));
  } catch {
    return true;
  }
};

describe("after a SIGKILL of the leader", () => {
  test("E7: what was in flight is INTERRUPTED, its process is gone, and it runs again as a new attempt", async () => {
    const id = await killWhen(
      flow({ a: sh("true"), b: { ...slowOnce("mark"), needs: ["a"] }, c: sh("true", { needs: ["b"] }) }),
      () => bed.has("mark") && bed.read("mark") !== "",
    );
    const { view, events } = await bed.finish(await (await bed.kernel()).runs.resume(id));
    expect(gone(bed.read("mark"))).toBe(true);
    expect(view.status).toBe("succeeded");
    expect(stepOf(view, "b").attempts.map(({ n, outcome, cause }) => [n, outcome, cause])).toEqual([
      [1, "interrupted", "ready"],
      [2, "completed", "resume"],
    ]);
    expect(stepOf(view, "a").attempts).toHaveLength(1);
    expect(traceOf(events)).toContain("STEP_INTERRUPTED b/1");
    await bed.expectAnchored(id);
  });

  test("E7: a gate that was cut off is judged again for the same attempt, and is never taken as passed", async () => {
    const steps = { a: sh("echo ran >> ran", { gates: [{ id: "g", run: ["sh", "-c", "echo $$ >> gate; test $(wc -l < gate) -ge 2 || exec sleep 60"] }] }) };
    const id = await killWhen(flow(steps), () => bed.has("gate") && bed.read("gate") !== "");
    const { view } = await bed.finish(await (await bed.kernel()).runs.resume(id));
    expect(view).toMatchObject({ status: "succeeded", gates: [{ gate_id: "g", attempt: 1, status: "passed" }] });
    expect(bed.read("ran")).toBe("ran\n");
    await bed.expectAnchored(id);
  });

  test("E7: the same for a gate of the run, and for a gate in an isolated folder", async () => {
    const gate = (id: string): JsonObject => ({ id, run: ["sh", "-c", `test -e ${bed.dir}/${id} && exit 0; touch ${bed.dir}/${id}; exec sleep 60`] });
    const document = flow(
      {
        a: sh("touch here", {
          workdir: "isolated",
          gates: [{ id: "inner", run: ["sh", "-c", `test -e here || exit 1; test -e ${bed.dir}/inner && exit 0; touch ${bed.dir}/inner; exec sleep 60`] }],
        }),
      },
      { gates: [gate("outer")] },
    );
    const id = await killWhen(document, () => bed.has("inner"));
    await bed.close();
    const second = lead({ resume: id });
    await until(() => bed.has("outer"));
    second.process.kill("SIGKILL");
    await second.ended;
    const { view } = await bed.finish(await (await bed.kernel()).runs.resume(id));
    expect(view).toMatchObject({
      status: "succeeded",
      gates: [
        { gate_id: "inner", status: "passed" },
        { gate_id: "outer", status: "passed" },
      ],
    });
    expect(stepOf(view, "a").attempts).toHaveLength(1);
  });

  test("E7 E3: attempts that crashes used up are decided by the routes", async () => {
    const document = flow({ a: slowOnce("mark") }, { policy: { attempts_max: 1 } });
    const id = await killWhen(document, () => bed.has("mark"));
    const { view } = await bed.finish(await (await bed.kernel()).runs.resume(id));
    expect(view).toMatchObject({ status: "failed", reason: expect.stringContaining("interrupted (crash)") });
  });

  test("a run that is canceled while nobody leads it ends CANCELED, with what was in flight INTERRUPTED", async () => {
    const id = await killWhen(flow({ a: slowOnce("mark") }), () => bed.has("mark") && bed.read("mark") !== "");
    const kernel = await bed.kernel();
    const view = await kernel.runs.cancel(id, "no longer wanted");
    expect(view).toMatchObject({ status: "canceled", reason: "no longer wanted", record: { sealed: true } });
    expect(gone(bed.read("mark"))).toBe(true);
    expect(traceOf(await bed.events(id))).toContain("STEP_INTERRUPTED a/1");
    await bed.expectAnchored(id);
  });

  test("a run killed in a gate is canceled without a verdict", async () => {
    const id = await killWhen(flow({ a: sh("true", { gates: [{ id: "g", run: ["sh", "-c", "touch gate; exec sleep 60"] }] }) }), () => bed.has("gate"));
    const view = await (await bed.kernel()).runs.cancel(id, "stop");
    expect(view).toMatchObject({ status: "canceled", gates: [] });
    await bed.expectAnchored(id);
  });

  const drifts: readonly (readonly [string, () => void])[] = [
    ["code that a step names", () => void bed.write("a.sh", "echo other")],
    ["code that is gone", () => void writeFileSync(join(bed.dir, "uses.txt"), "other")],
    ["a schema", () => void bed.write("row.json", '{"type":"array"}')],
    ["a schema that is no longer registered", () => void bed.write("lily.yaml", "modules: {m: ./m.mjs}\n")],
    ["a module", () => void bed.write("m.mjs", "export const other = 1;")],
  ];
  for (const [what, change] of drifts) {
    test(`WORKFLOW_DRIFT: resume refuses when ${what} changed after planning`, async () => {
      bed.write("lily.yaml", "modules: {m: ./m.mjs}\nschemas: {row.v1: ./row.json}\n");
      bed.write("row.json", '{"type":"object"}');
      bed.write("m.mjs", "export const m = 1;");
      bed.write("a.sh", "echo a");
      bed.write("uses.txt", "used");
      const document = flow({
        first: slowOnce("mark"),
        a: { run: ["sh", "a.sh"], uses: ["uses.txt"], needs: ["first"], outputs: { o: { path: "o", schema: "row.v1", optional: true } } },
        b: { module: "m", needs: ["a"] },
      });
      const id = await killWhen(document, () => bed.has("mark"));
      change();
      const kernel = await bed.kernel();
      const before = (await bed.events(id)).length;
      await expect(kernel.runs.resume(id)).rejects.toMatchObject({ code: "WORKFLOW_DRIFT" });
      expect((await bed.events(id)).length).toBe(before);
      expect(await kernel.runs.cancel(id, "drifted")).toMatchObject({ status: "canceled" });
    });
  }

  test("a record that ends in the middle of starting is continued by run start --run", async () => {
    const kernel = await bed.kernel();
    const made = await kernel.runs.create({ title: "t" });
    await expect(kernel.runs.resume(made.run_id)).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT", message: expect.stringContaining("run start --run") });
    const { view } = await bed.run(flow({ a: sh("true") }), { runId: made.run_id });
    expect(view).toMatchObject({ run_id: made.run_id, status: "succeeded", title: "t" });
    await bed.expectAnchored(made.run_id);
  });
});

describe("two processes", () => {
  test("L3: a second live process is refused with LEASE_HELD and exit 3, naming the leader", async () => {
    const leader = lead({ document: flow({ a: slowOnce("mark") }) });
    await until(() => bed.has("mark"));
    const id = leader.said().slice(4).split("\n")[0] ?? "";
    await expect((await bed.kernel()).runs.resume(id)).rejects.toMatchObject({
      code: "LEASE_HELD",
      message: expect.stringContaining(String(leader.process.pid)),
    });
    const second = lead({ resume: id });
    expect(await second.ended).toBe(3);
    expect(second.said()).toBe("refused LEASE_HELD\n");
  });

  test("a cancel from another process ends the live leader's run", async () => {
    const leader = lead({ document: flow({ a: slowOnce("mark") }) });
    await until(() => bed.has("mark") && bed.read("mark") !== "");
    const id = leader.said().slice(4).split("\n")[0] ?? "";
    const view = await (await bed.kernel()).runs.cancel(id, "from outside");
    expect(view).toMatchObject({ status: "canceled", reason: "from outside" });
    expect(await leader.ended).toBe(0);
    expect(leader.said()).toContain("end canceled");
    expect(gone(bed.read("mark"))).toBe(true);
    await bed.expectAnchored(id);
  });

  test("watch follows a run that another process leads until it rests", async () => {
    const leader = lead({ document: flow({ a: sh("until test -e go; do sleep 0.02; done") }) });
    await until(() => leader.said().startsWith("run "));
    const id = leader.said().slice(4).split("\n")[0] ?? "";
    const seen: LedgerEvent[] = [];
    for await (const event of (await bed.kernel()).runs.watch(id)) {
      seen.push(event);
      if (event.kind === "STEP_STARTED") bed.write("go", "");
    }
    expect(seen.map((event) => event.seq)).toEqual(seen.map((_, index) => index));
    expect(seen.at(-1)?.kind).toBe("RUN_SEALED");
    await leader.ended;
  });
});

describe("cancel", () => {
  test("E6: from the handle, with a reason of any text and length", async () => {
    const handle = await bed.start(flow({ a: slowOnce("mark"), b: sh("true", { needs: ["a"] }) }));
    await until(() => bed.has("mark") && bed.read("mark") !== "");
    const reason = `${"x".repeat(63)}😀\ud800${"y".repeat(9_000)}`;
    await handle.cancel(reason);
    const { view } = await bed.finish(handle);
    expect(view.status).toBe("canceled");
    expect(view.reason).toMatch(/^x{63}😀\ufffdy+$/);
    expect(stepOf(view, "b").attempts).toEqual([]);
    expect(gone(bed.read("mark"))).toBe(true);
    await bed.expectAnchored(view.run_id);
  });

  test("twice, and after the end, is no other run", async () => {
    const handle = await bed.start(flow({ a: slowOnce("mark") }));
    await until(() => bed.has("mark"));
    await Promise.all([handle.cancel("one"), handle.cancel("two")]);
    await handle.cancel("three");
    const { view, events } = await bed.finish(handle);
    expect(view.status).toBe("canceled");
    expect(events.filter((event) => event.kind === "RUN_CANCELED")).toHaveLength(1);
    await expect((await bed.kernel()).runs.cancel(view.run_id, "four")).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
  });

  test("during a gate of the run waits for the gate's processes, and records no verdict", async () => {
    const handle = await bed.start(flow({ a: sh("true") }, { gates: [{ id: "g", run: ["sh", "-c", "echo $$ > gate; exec sleep 60"] }] }));
    await until(() => bed.has("gate") && bed.read("gate") !== "");
    await handle.cancel("stop");
    const { view } = await bed.finish(handle);
    expect(view).toMatchObject({ status: "canceled", gates: [] });
    expect(gone(bed.read("gate"))).toBe(true);
  });

  test("during a step's gate interrupts the attempt", async () => {
    const handle = await bed.start(flow({ a: sh("true", { gates: [{ id: "g", run: ["sh", "-c", "touch gate; exec sleep 60"] }] }) }));
    await until(() => bed.has("gate"));
    await handle.cancel("stop");
    const { view, events } = await bed.finish(handle);
    expect(view).toMatchObject({ status: "canceled", gates: [] });
    expect(events.find((event) => event.kind === "STEP_INTERRUPTED")?.data).toMatchObject({ reason: "cancel" });
  });

  test("of a run that was only created ends it, and it cannot be started any more", async () => {
    const kernel = await bed.kernel();
    const made = await kernel.runs.create({});
    expect(await kernel.runs.cancel(made.run_id, "not needed")).toMatchObject({ status: "canceled", reason: "not needed" });
    await expect(bed.start(flow({ a: sh("true") }), { runId: made.run_id })).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
    await bed.expectAnchored(made.run_id);
  });

  test("of a blocked run ends it", async () => {
    const { view } = await bed.run(flow({ a: sh("exit 1") }, { routes: [{ id: "ask", when: { step: "a" }, do: { escalate: "look" } }] }));
    const kernel = await bed.kernel();
    expect(await kernel.runs.cancel(view.run_id, "given up")).toMatchObject({ status: "canceled", reason: "given up", record: { sealed: true } });
    await expect(kernel.runs.resume(view.run_id, { unblockReason: "x" })).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
    await bed.expectAnchored(view.run_id);
  });
});

describe("identity of runs", () => {
  test("a work order is kept as an artifact and named by the manifest", async () => {
    const kernel = await bed.kernel();
    const made = await kernel.runs.create({ workOrderFile: bed.write("order.md", "do it"), runId: "order-1" });
    const manifest: unknown = JSON.parse(bed.read(".lily/runs/order-1/run_manifest.json"));
    const [artifact] = await kernel.artifacts.list({ run_id: "order-1" });
    expect(manifest).toMatchObject({ run_id: "order-1", kind: "workflow", work_order_ref: artifact?.artifact_id });
    expect(new TextDecoder().decode(await kernel.artifacts.get(artifact?.artifact_id ?? ""))).toBe("do it");
    expect(made.status).toBe("created");
    await expect(kernel.runs.create({ runId: "order-1" })).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
  });

  test("a planned run is not started twice, and an unknown one not at all", async () => {
    const { view } = await bed.run(flow({ a: sh("true") }));
    await expect(bed.start(flow({ a: sh("true") }), { runId: view.run_id })).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
    await expect(bed.start(flow({ a: sh("true") }), { runId: "nobody" })).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    await expect((await bed.kernel()).runs.resume(view.run_id)).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
  });

  test("a plan hash that was approved pins the run: another parameter or code is WORKFLOW_DRIFT", async () => {
    bed.write("a.sh", "echo a");
    const document = flow({ a: { run: ["sh", "a.sh", "${params.x}"] } }, { params: { x: { type: "integer", default: 1 } } });
    const { plan_hash: planHash } = await (await bed.kernel()).workflows.plan({ document, dir: bed.dir });
    expect((await bed.run(document, { planHash })).view.status).toBe("succeeded");
    await expect(bed.start(document, { planHash, params: { x: 2 } })).rejects.toMatchObject({ code: "WORKFLOW_DRIFT", details: { expected: planHash } });
    bed.write("a.sh", "echo b");
    await expect(bed.start(document, { planHash })).rejects.toMatchObject({ code: "WORKFLOW_DRIFT" });
  });

  test("watch from behind the end of a resting run ends at once", async () => {
    const { view } = await bed.run(flow({ a: sh("true") }));
    const kernel = await bed.kernel();
    const seen: number[] = [];
    for await (const event of kernel.runs.watch(view.run_id, { fromSeq: view.record.events - 1 })) seen.push(event.seq);
    for await (const event of kernel.runs.watch(view.run_id, { fromSeq: view.record.events })) seen.push(event.seq);
    for await (const event of kernel.runs.watch(view.run_id, { fromSeq: view.record.events + 50 })) seen.push(event.seq);
    expect(seen).toEqual([view.record.events - 1]);
  });

  test("L2: a follower of the handle sees every event once, from the first, whenever it comes", async () => {
    const handle = await bed.start(flow({ a: sh("true"), b: sh("true", { needs: ["a"] }) }));
    const early: number[] = [];
    const late: number[] = [];
    for await (const event of handle.events()) early.push(event.seq);
    await handle.done();
    for await (const event of handle.events()) late.push(event.seq);
    const all = (await bed.events(handle.runId)).map((event) => event.seq);
    expect(early).toEqual(all);
    expect(late).toEqual(all);
  });
});
