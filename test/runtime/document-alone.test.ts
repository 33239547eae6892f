/** Starting a document that was built in code, without a file or folder. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, expectTypeOf, test } from "vitest";
import { defineWorkflow } from "../../src/graph/define-workflow.ts";
import type { WorkflowSource } from "../../src/kernel/kernel.ts";
import { openLocal } from "../../src/presets/local.ts";
import { Bed, refusalOf } from "./bed.ts";
import { openWith } from "./parts-bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const document = defineWorkflow({
  workflow: "greeting",
  version: 1,
  params: { name: { type: "string" } },
  steps: { say: { run: ["sh", "-c", 'printf "hello %s" "$1" > said', "sh", "${params.name}"], outputs: { said: { path: "said" } } } },
});

test("a document is a source of its own type, and its paths are relative to the default folder of the kernel", async () => {
  expectTypeOf(document).toExtend<WorkflowSource>();
  expectTypeOf<{ readonly steps: 1 }>().not.toExtend<WorkflowSource>();
  const kernel = await openWith(bed, () => ({ defaultSourceDir: bed.dir }));
  try {
    const handle = await kernel.runs.start(document, { params: { name: "Ada" } });
    expect(await handle.done()).toMatchObject({ status: "succeeded" });
    expect(bed.read("said")).toBe("hello Ada");
    expect(await kernel.workflows.check(document)).toEqual([]);
  } finally {
    await kernel.close();
  }
});

test("a document that names no folder is refused by a kernel that has none", async () => {
  const kernel = await openWith(bed, () => ({}));
  await kernel.close();
  const { defaultSourceDir: _, ...parts } = await partsOf();
  const { openKernel } = await import("../../src/kernel/open-kernel.ts");
  const bare = openKernel(parts);
  try {
    expect((await refusalOf(bare.runs.start(document, { params: { name: "x" } }))).code).toBe("USAGE_INVALID");
  } finally {
    await bare.close();
  }
});

async function partsOf(): Promise<import("../../src/kernel/kernel-parts.ts").KernelParts> {
  const { isOwnerAlive } = await import("../../src/adapters/process/owner-liveness.ts");
  const { openSqliteAuthority } = await import("../../src/adapters/sqlite/authority-store.ts");
  const { systemClock } = await import("../../src/adapters/system/clock.ts");
  const { localParts, localTrust } = await import("../../src/presets/local-parts.ts");
  const authority = await openSqliteAuthority({ dir: bed.workspaceDir, clock: systemClock, isOwnerAlive });
  return localParts(bed.workspaceDir, authority, localTrust(bed.workspaceDir, bed.dataHome));
}

test("openLocal makes a workspace unless it is told not to", async () => {
  const options = { workspaceDir: bed.workspaceDir, dataHome: bed.dataHome };
  expect((await refusalOf(openLocal({ ...options, create: false }))).code).toBe("WORKSPACE_NOT_FOUND");
  const made = await openLocal(options);
  const { workspaceId } = made;
  await made.close();
  const again = await openLocal({ ...options, create: false });
  expect(again.workspaceId).toBe(workspaceId);
  await again.close();
});

test("a folder or a link in place of a workflow file is told as what it is", async () => {
  mkdirSync(join(bed.dir, "w.yaml"));
  const refused = await refusalOf((await bed.kernel()).runs.start({ file: join(bed.dir, "w.yaml") }));
  expect([refused.code, refused.message.includes("is a folder; a workflow is a plain file")]).toEqual(["INPUT_NOT_FOUND", true]);
});
