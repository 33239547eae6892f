import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bed, flow, sh, stepOf } from "./bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

test("K21: a step says what it read and wrote by hash, how long it took, how it was executed, and which verdicts and violations it has", async () => {
  bed.write("raw.txt", "raw");
  const document = flow(
    {
      a: { run: ["cp", "${inputs.raw}", "copy.txt"], outputs: { copy: { path: "copy.txt" } }, gates: [{ id: "g", run: ["test", "-s", "copy.txt"] }] },
      b: sh("true"),
    },
    { inputs: { raw: { file: "raw.txt" } }, policy: { tools: ["cp", "test"] } },
  );
  const { view, events } = await bed.run(document, { parallel: 1 });
  const step = stepOf(view, "a");
  const [attempt] = step.attempts;
  const [inputId = "", inputDigest] = Object.entries(attempt?.input_artifact_hashes ?? {})[0] ?? [];
  expect([inputId, inputDigest]).toEqual([view.inputs["raw"], digestOf("raw")]);
  expect(attempt?.output_artifact_hashes).toEqual({ [step.produced_artifact_ids[0] ?? ""]: digestOf("raw") });
  const completed = events.find((event) => event.kind === "STEP_COMPLETED");
  expect(attempt?.duration_ms).toBe(completed?.data.duration_ms);
  expect(attempt?.executor_summary).toMatchObject({ kind: "process", exit_code: 0, tool_digest: expect.stringMatching(/^sha256:/) });
  expect(step.gate_result_ids).toEqual(view.gates.map(({ result_artifact_id }) => result_artifact_id));
  expect(step.policy_violation_ids).toEqual([]);
  const violation = events.find((event) => event.kind === "POLICY_VIOLATION");
  expect(stepOf(view, "b").policy_violation_ids).toEqual([violation?.data.artifact_id]);
});
