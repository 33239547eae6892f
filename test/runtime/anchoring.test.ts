/** Runs that are sealed but not yet covered, workspaces without their key, and workspaces that were restored from an older copy. */
import { cpSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bed, flow, refusalOf, sh } from "./bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const simple = flow({ a: sh("printf one > o", { outputs: { o: { path: "o" } } }) });
const leavesTrace = flow({ a: sh("touch ran") });

const keys = (): string => join(bed.dataHome, "lily", "keys");
const hideKey = (): void => renameSync(keys(), `${keys()}-away`);
const returnKey = (): void => renameSync(`${keys()}-away`, keys());
const resultOf = async (run: string): Promise<string> => (await (await bed.kernel()).records.verify(run)).result;

/** As a kill between the seal and the checkpoint leaves it. */
async function sealedUncovered(): Promise<string> {
  await bed.kernel();
  hideKey();
  const { run_id } = (await bed.run(simple)).view;
  returnKey();
  await bed.close();
  return run_id;
}

describe("a run that is sealed but not covered", () => {
  test("S5: resume cuts the missing checkpoint and gives the finished run; a covered one is refused", async () => {
    const run = await sealedUncovered();
    expect(await resultOf(run)).toBe("unanchored");
    const kernel = await bed.kernel();
    const found = (await kernel.doctor()).find(({ subject }) => subject === `record run/${run}`);
    expect(found).toMatchObject({ level: "note", remedy: "run lily log checkpoint" });
    const handle = await kernel.runs.resume(run);
    expect((await handle.done()).status).toBe("succeeded");
    expect(await handle.anchoring()).toBeNull();
    expect(await resultOf(run)).toBe("anchored");
    await expect(handle.cancel("too late")).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
    expect((await refusalOf(kernel.runs.resume(run))).code).toBe("RUN_STATE_CONFLICT");
    expect((await kernel.doctor()).some(({ subject }) => subject === `record run/${run}`)).toBe(false);
  });

  test("S5: is covered before the next run is led", async () => {
    const run = await sealedUncovered();
    await (await bed.kernel()).runs.create({});
    expect(await resultOf(run)).toBe("anchored");
  });

  test("KEY_MISSING: is not anchored by a machine without the key, and its log is not said to be empty", async () => {
    const run = await sealedUncovered();
    hideKey();
    const kernel = await bed.kernel();
    expect((await refusalOf(kernel.runs.resume(run))).code).toBe("KEY_MISSING");
    expect((await refusalOf(kernel.records.checkpoint())).code).toBe("KEY_MISSING");
    expect(await kernel.keyProblem()).toMatchObject({ code: "KEY_MISSING" });
    returnKey();
    expect(await kernel.keyProblem()).toBeNull();
  });
});

describe("a workspace that was restored from an older copy", () => {
  const copy = (): string => join(bed.root, "copy");

  /** One run, a copy, `more` runs, and the copy put back. */
  async function rolledBack(more: number): Promise<string> {
    const first = (await bed.run(simple)).view.run_id;
    await bed.close();
    cpSync(bed.workspaceDir, copy(), { recursive: true });
    for (let count = 0; count < more; count++) await bed.run(simple);
    await bed.close();
    restore();
    return first;
  }
  const restore = (): void => {
    rmSync(bed.workspaceDir, { recursive: true });
    cpSync(copy(), bed.workspaceDir, { recursive: true });
  };

  test("RECORD_BEHIND_ANCHOR: runs nothing, by any of the ways to lead a run", async () => {
    const first = await rolledBack(1);
    const kernel = await bed.kernel();
    const file = bed.write("x.txt", "x");
    const attempts = [
      () => bed.run(leavesTrace),
      () => kernel.runs.exec({ argv: ["touch", "ran"], cwd: bed.dir, inputs: [], outputs: [], gates: [], env: [], secrets: [], timeoutMs: null }),
      () => kernel.runs.create({}),
      () => kernel.runs.resume(first),
      () => kernel.artifacts.put(file, { run: first }),
    ];
    for (const attempt of attempts) expect((await refusalOf(attempt())).code).toBe("RECORD_BEHIND_ANCHOR");
    expect(existsSync(join(bed.dir, "ran"))).toBe(false);
    expect(await kernel.runs.list()).toHaveLength(1);
  });

  test("CHECKPOINT_INVALID: a copy that went its own way runs nothing either", async () => {
    await rolledBack(1);
    const notes = join(bed.dataHome, "lily", "checkpoints");
    renameSync(notes, `${notes}-away`);
    await bed.run(simple);
    await bed.close();
    rmSync(notes, { recursive: true });
    renameSync(`${notes}-away`, notes);
    expect((await refusalOf(bed.run(leavesTrace))).code).toBe("CHECKPOINT_INVALID");
    expect(existsSync(join(bed.dir, "ran"))).toBe(false);
  });

  test("goes on once the rollback is accepted, which the record says, and the checkpoint is kept", async () => {
    await rolledBack(2);
    const kernel = await bed.kernel();
    expect((await refusalOf(kernel.runs.create({}))).message).toContain("--accept-rollback");
    expect(await kernel.acceptRollback("the disk died")).toContain("the disk died; the log has 1 leaves; the checkpoint that was set aside says 3 leaves");
    expect((await refusalOf(kernel.acceptRollback("again"))).code).toBe("RUN_STATE_CONFLICT");
    const { view } = await bed.run(simple);
    expect(await resultOf(view.run_id)).toBe("anchored");
    await bed.close();
    expect(bed.read(".lily/streams/workspace.jsonl")).toContain("rollback accepted: the disk died");
    const [workspace = ""] = readdirSync(join(bed.dataHome, "lily", "checkpoints"));
    expect(readdirSync(join(bed.dataHome, "lily", "checkpoints", workspace))).toContain("0000000000000003.set-aside-1");
  });

  test("RUN_STATE_CONFLICT: there is nothing to accept in a workspace that is whole", async () => {
    await bed.run(simple);
    expect((await refusalOf((await bed.kernel()).acceptRollback("why not"))).code).toBe("RUN_STATE_CONFLICT");
  });
});
