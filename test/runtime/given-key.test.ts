/** Verifying with a key and a checkpoint that an auditor kept, trusting nothing on this machine. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLocal } from "../../src/presets/local.ts";
import { Bed, flow, refusalOf, sh } from "./bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

async function kept(): Promise<{ readonly key: string; readonly checkpoint: string }> {
  const cut = await (await bed.kernel()).records.checkpoint();
  if (cut === null) throw new Error("nothing was sealed");
  return { key: cut.verifier_key, checkpoint: cut.note };
}

test("S5: a record is anchored by the given key where this machine has none", async () => {
  const { view } = await bed.run(flow({ a: sh("true") }));
  const { key, checkpoint } = await kept();
  await bed.close();
  rmSync(bed.dataHome, { recursive: true });
  const { records } = await bed.kernel();
  expect(await records.verify(view.run_id)).toMatchObject({ result: "unanchored" });
  const [only] = await records.verifyAll({ key, checkpoint });
  expect(only).toMatchObject({ result: "anchored", anchor: expect.stringMatching(/^given key lily\/\S+, checkpoint of 1 leaf$/) });
  expect((await refusalOf(records.verify(view.run_id, { checkpoint }))).code).toBe("KEY_MISSING");
});

test("S5: a log that is shorter than the kept checkpoint is behind it", async () => {
  const { view } = await bed.run(flow({ a: sh("true") }));
  await bed.close();
  const copy = join(bed.root, "copy");
  cpSync(bed.workspaceDir, copy, { recursive: true });
  await bed.run(flow({ a: sh("true") }));
  const given = await kept();
  const older = await openLocal({ workspaceDir: copy, dataHome: join(bed.root, "elsewhere") });
  try {
    expect(await older.records.verify(view.run_id, { key: given.key })).toMatchObject({ result: "anchored" });
    expect(await older.records.verify(view.run_id, given)).toMatchObject({ result: "behind_anchor" });
  } finally {
    await older.close();
  }
});

test("S5: a log that is another than the kept checkpoint says is corrupt", async () => {
  await bed.kernel();
  await bed.close();
  const copy = join(bed.root, "copy");
  cpSync(bed.workspaceDir, copy, { recursive: true });
  const dataCopy = join(bed.root, "elsewhere");
  cpSync(bed.dataHome, dataCopy, { recursive: true });
  await bed.run(flow({ a: sh("true") }));
  const given = await kept();
  const fork = await openLocal({ workspaceDir: copy, dataHome: dataCopy });
  try {
    const view = await (await fork.runs.start({ document: flow({ b: sh("true") }), dir: bed.dir })).done();
    expect(await fork.records.verify(view.run_id)).toMatchObject({ result: "anchored" });
    expect(await fork.records.verify(view.run_id, given)).toMatchObject({ result: "corrupt" });
  } finally {
    await fork.close();
  }
});

test("what is not a key, and a note that the key did not sign, are refused", async () => {
  const { view } = await bed.run(flow({ a: sh("true") }));
  const { key, checkpoint } = await kept();
  const { records } = await bed.kernel();
  const refused = async (given: { readonly key?: string; readonly checkpoint?: string }): Promise<string> =>
    (await refusalOf(records.verify(view.run_id, given))).code;
  const [name = "", id = "", ...data] = key.split("+");
  expect(await refused({ key: "no key" })).toBe("KEY_INVALID");
  expect(await refused({ key: `${name}+00000000+${data.join("+")}` })).toBe("KEY_INVALID");
  expect(await refused({ key: `${name}+${id}+AAAA` })).toBe("KEY_INVALID");
  expect(await refused({ key: `${name}+${id}+*` })).toBe("KEY_INVALID");
  expect(await refused({ key, checkpoint: "no note" })).toBe("CHECKPOINT_INVALID");
  expect(await refused({ checkpoint: checkpoint.replace(/\n\d+\n/, "\n7\n") })).toBe("CHECKPOINT_INVALID");
});
