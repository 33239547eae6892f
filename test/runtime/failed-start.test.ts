import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bed } from "./bed.ts";

const schema = JSON.stringify({ type: "object", properties: { n: { type: "integer" } }, required: ["n"], additionalProperties: false });
const document = { workflow: "w", version: 1, inputs: { row: { file: "in.json", schema: "number_row.v1" } }, steps: { a: { run: ["true"] } } };

describe("a run that cannot begin", () => {
  let bed: Bed;
  beforeEach(() => {
    bed = new Bed();
    bed.write("row.json", schema);
    bed.write("lily.yaml", "schemas: { number_row.v1: row.json }\n");
    bed.write("in.json", '{"n":"x"}');
  });
  afterEach(() => bed.remove());

  test("ends failed and sealed with the reason in its record, so that nothing stays open for ever", async () => {
    const kernel = await bed.kernel();
    await expect(kernel.runs.start({ document, dir: bed.dir })).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
    const [row] = await kernel.runs.list();
    const view = await kernel.runs.show(row?.run_id ?? "");
    expect(view).toMatchObject({ status: "failed", reason: expect.stringContaining("input row"), record: { sealed: true } });
    expect((await kernel.records.verify(view.run_id)).result).toBe("anchored");
  });

  test("can be begun again when it was made before by run new", async () => {
    const kernel = await bed.kernel();
    const made = await kernel.runs.create({});
    await expect(kernel.runs.start({ document, dir: bed.dir }, { runId: made.run_id })).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
    expect((await kernel.runs.show(made.run_id)).status).toBe("created");
    bed.write("in.json", '{"n":1}');
    const handle = await kernel.runs.start({ document, dir: bed.dir }, { runId: made.run_id });
    expect((await handle.done()).status).toBe("succeeded");
  });
});
