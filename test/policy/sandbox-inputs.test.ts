/** What a command is handed can be read in a sandbox, wherever the workspace lies; the rest of the workspace cannot. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import { createProcessRunner } from "../../src/adapters/process/process-runner.ts";
import { Bed, flow } from "../runtime/bed.ts";

const support = await createProcessRunner().sandbox();
let bed: Bed;

beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

/** Where the workflow stands, when `.lily` is in `work`. */
const places: Readonly<Record<string, (bed: Bed) => string>> = {
  "in the folder of the workflow": ({ dir }) => dir,
  "above it": ({ dir }) => join(dir, "deep", "flows"),
  "beside it": ({ root }) => join(root, "flows"),
};

const rules: Readonly<Record<string, JsonObject>> = {
  "no rule about writes": {},
  "a part of the folder writable": { write: { allow: ["out/**"] } },
  "a part of the folder protected": { write: { deny: ["keep/**"] } },
};

describe.skipIf(support.name === null)(`S7: in a sandbox, with .lily (${support.name ?? `skipped: ${support.reason}`})`, () => {
  const cases = Object.keys(places).flatMap((place) =>
    Object.keys(rules).flatMap((rule) => ["source", "isolated"].map((workdir) => [place, workdir, rule] as const)),
  );

  test.each(cases)("%s, workdir %s, %s: steps and gates read what they are given, and nothing else of the workspace", async (place, workdir, rule) => {
    const dir = places[place]?.(bed) ?? "";
    for (const folder of ["out", "keep"]) mkdirSync(join(dir, folder), { recursive: true });
    writeFileSync(join(dir, "data.csv"), "1\n");
    const unseen = `test -z "$(ls ${bed.workspaceDir}/runs/*/record.jsonl 2>/dev/null)"`;
    writeFileSync(join(dir, "copy.sh"), `mkdir -p out\ncat "$1" data.csv > out/a.txt\n${unseen}\n`);
    const document = flow(
      {
        a: { run: ["sh", "copy.sh", "${inputs.data}"], outputs: { a: { path: "out/a.txt" } } },
        b: {
          run: ["sh", "-c", `mkdir -p out; cat "$0" "$1" > out/b.txt; ${unseen}`, "${steps.a.outputs.a}", "${inputs.data}"],
          outputs: { b: { path: "out/b.txt" } },
          gates: [{ id: "same", run: ["sh", "-c", `test "$(cat "$0" out/b.txt | wc -l)" = 6 && ${unseen}`, "${steps.b.outputs.b}"] }],
        },
      },
      {
        workdir,
        inputs: { data: { file: "data.csv" } },
        policy: { sandbox: "prefer", network: "deny", ...rules[rule] },
        gates: [{ id: "all", run: ["sh", "-c", `test "$(cat "$0" | wc -l)" = 3 && ${unseen}`, "${steps.b.outputs.b}"] }],
      },
    );
    const kernel = await bed.kernel();
    const handle = await kernel.runs.start({ document, dir });
    const view = await handle.done();
    const events = await bed.events(view.run_id);
    const ended = events.flatMap((event) =>
      event.kind === "STEP_COMPLETED" || event.kind === "STEP_FAILED" ? [[event.kind, event.data.executor?.sandbox]] : [],
    );
    expect({ status: view.status, ended }).toEqual({
      status: "succeeded",
      ended: [
        ["STEP_COMPLETED", support.name],
        ["STEP_COMPLETED", support.name],
      ],
    });
  });
});
