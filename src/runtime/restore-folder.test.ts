import { expect, test } from "vitest";
import { taggedDigest } from "../base/digest.ts";
import { isLilyError } from "../base/lily-error.ts";
import { artifactIdSchema } from "../contracts/artifact-ref.ts";
import { parseRunId } from "../contracts/ids.ts";
import type { PlanOutput } from "../contracts/plan-document.ts";
import { planOf, step, ToldRun } from "../graph/scheduler.test-support.ts";
import { outputFiles, stepsBehind } from "./restore-folder.ts";

const output = (more: Partial<PlanOutput>): PlanOutput => ({ path: null, glob: null, schema: null, media_type: null, optional: false, ...more });

/** A run whose step `a` put these out, by output name: the names of its artifacts. */
function ran(outputs: Readonly<Record<string, PlanOutput>>, names: Readonly<Record<string, readonly string[]>>): ToldRun {
  const run = new ToldRun(planOf([step("a", [], { outputs })]));
  run.settle();
  let count = 0;
  const digest = taggedDigest("event", "x");
  const artifacts = Object.keys(names)
    .sort()
    .flatMap((name) => names[name] ?? [])
    .map((name) => {
      const artifact_id = artifactIdSchema.parse(`art_${String(++count).padStart(32, "0")}`);
      const ref = { artifact_id, run_id: parseRunId("run-a"), artifact_type: "file", storage_kind: "file" as const, digest, size: 1, media_type: "text/plain" };
      const artifact = { ...ref, artifact_name: name, producer_id: "a", producer_kind: "tool" as const, created_at: "2026-01-01T00:00:00.000Z", inputs: [] };
      run.apply({ kind: "ARTIFACT_STORED", key: `ARTIFACT_STORED/${artifact_id}`, data: { artifact } });
      return artifact_id;
    });
  const digests = Object.fromEntries(Object.entries(names).map(([name, files]) => [name, files.map(() => digest)]));
  run.apply({
    kind: "STEP_COMPLETED",
    key: "STEP_COMPLETED/a/1",
    data: { step_id: "a", attempt: 1, outputs: digests, artifacts, logs: [], duration_ms: 1, executor: { kind: "process" } },
  });
  return run;
}

function filesOf(run: ToldRun): readonly string[] {
  const [first] = run.state.steps;
  return first === undefined ? [] : outputFiles(run.state, first).map(({ path }) => path);
}

test("files of a path and of a glob have their places; values that a module returned have none", () => {
  const outputs = { one: output({ path: "out/one" }), many: output({ glob: "out/*" }), value: output({}) };
  expect(filesOf(ran(outputs, { many: ["many/out/a", "many/out/b"], one: ["one"], value: ["value"] })).toSorted()).toEqual(["out/a", "out/b", "out/one"]);
});

test("a file of a glob whose path was too long for its name is refused by name", () => {
  const run = ran({ many: output({ glob: "**" }) }, { many: [`many/${"0123456789abcdef".repeat(2)}`] });
  try {
    filesOf(run);
  } catch (thrown) {
    expect(isLilyError(thrown, "STEP_OUTPUT_INVALID")).toBe(true);
    return;
  }
  throw new Error("nothing was refused");
});

test("a gate of a step among the files of others finds theirs too; one of an isolated step its own, one of the run all", () => {
  const { state } = new ToldRun(planOf([step("a"), step("b", ["a"]), step("c", ["b"]), step("d", ["c"], { workdir: "isolated" })]));
  const behind = (id: string | null): readonly string[] => stepsBehind(state, id === null ? null : (state.byId.get(id) ?? null)).map((one) => one.plan.id);
  expect([behind("c"), behind("d"), behind(null)]).toEqual([["c", "b", "a"], ["d"], ["a", "b", "c", "d"]]);
});
