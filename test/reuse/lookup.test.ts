/** How earlier results are looked for: whose word counts, and what becomes of a lookup. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Digest } from "../../src/base/digest.ts";
import type { ResultRow } from "../../src/ports/run-index.ts";
import { flow, stepOf } from "../runtime/bed.ts";
import { openWith, replaced } from "../runtime/parts-bed.ts";
import { decisionOf, made, one, ReuseBed } from "./reuse-bed.ts";

let bed: ReuseBed;

beforeEach(() => {
  bed = new ReuseBed();
});
afterEach(() => bed.remove());

describe("the record has the last word: an index that", () => {
  const other = `sha256:${"0".repeat(64)}` as Digest;
  const lies: readonly (readonly [string, (row: ResultRow) => Partial<ResultRow>, RegExp])[] = [
    ["names another event", () => ({ event: other }), /the record does not hold what the index says/],
    ["names another attempt", ({ attempt }) => ({ attempt: attempt + 1 }), /the record does not hold what the index says/],
    ["names another step", () => ({ step_id: "b" }), /the record does not hold what the index says/],
    ["names a run that there is none of", () => ({ run_id: "0000" as ResultRow["run_id"] }), /run 0000 has no plan/],
    ["gives the result of another key", () => ({ key: other }), /its materials do not give its key/],
  ];
  const openLying = (change: (row: ResultRow) => Partial<ResultRow>): ReturnType<typeof openWith> =>
    openWith(bed, (parts) => ({
      index: replaced(parts.index, {
        results: async (filter, limit) => (await parts.index.results(filter, limit)).map((row) => ({ ...row, ...change(row) })),
      }),
    }));

  test.each(lies)("%s makes the step run", async (_, change, said) => {
    await bed.run(one());
    const kernel = await openLying(change);
    try {
      const view = await (await kernel.runs.start({ document: one(), dir: bed.dir })).done();
      expect([view.status, stepOf(view, "a").status]).toEqual(["succeeded", "succeeded"]);
      expect((await kernel.runs.why(view.run_id, "a")).because).toMatch(said);
    } finally {
      await kernel.close();
    }
  });

  test("lists materials that are none compares with nothing", async () => {
    await bed.run(one());
    const kernel = await openLying(() => ({ key: other, inline: '{"payload":[]}' }));
    try {
      bed.write("a.sh", "echo other > out.txt\n");
      const view = await (await kernel.runs.start({ document: one(), dir: bed.dir })).done();
      expect((await kernel.runs.why(view.run_id, "a")).because).toBe("step a ran: there is no earlier result of it to compare with");
    } finally {
      await kernel.close();
    }
  });

  test.each([
    ["says that an event speaks against a result which does not", { seq: 0 }],
    ["names an event that there is none of", { seq: 100_000 }],
    ["names a run that there is none of", { run_id: "0000" as ResultRow["run_id"], seq: 1 }],
  ])("%s makes no certificate of it", async (_, place) => {
    await bed.run(one());
    const kernel = await openWith(bed, (parts) => ({
      index: replaced(parts.index, {
        results: async ({ spoiled, ...filter }, limit) =>
          spoiled !== true ? [] : (await parts.index.results(filter, limit)).map((row) => ({ ...row, against: { run_id: row.run_id, ...place } })),
      }),
    }));
    try {
      const view = await (await kernel.runs.start({ document: one(), dir: bed.dir })).done();
      expect((await kernel.runs.why(view.run_id, "a")).because).toBe("step a ran: there is no earlier result of it to compare with");
    } finally {
      await kernel.close();
    }
  });

  test("names what a changed record does not vouch for makes the step run", async () => {
    const { view } = await bed.run(one());
    const kernel = await openWith(bed, () => ({}));
    try {
      const file = bed.recordFile(view.run_id);
      const text = readFileSync(file, "utf8");
      writeFileSync(file, text.replace('"required":true', '"required":false').replace("STEP_COMPLETED/a/1", "STEP_COMPLETED/a/2"));
      const after = await (await kernel.runs.start({ document: one(), dir: bed.dir })).done();
      expect([after.status, stepOf(after, "a").status]).toEqual(["succeeded", "succeeded"]);
    } finally {
      await kernel.close();
    }
  });
});

describe("what cannot be told beforehand", () => {
  test("a tool that is an output of another step leaves the step without a key, and it runs", async () => {
    const steps = {
      make: { run: ["sh", "-c", "printf '#!/bin/sh\\necho x > out.txt\\n' > tool; chmod +x tool"], workdir: "isolated", outputs: { tool: { path: "tool" } } },
      a: { ...made, run: ["${steps.make.outputs.tool}"], reads: ["data"] },
    };
    const { view } = await bed.run(flow(steps, { inputs: { data: { file: "data.txt" } } }));
    const { because: said } = await (await bed.kernel()).runs.why(view.run_id, "a");
    expect(said).toContain("what it depends on cannot be told");
  });

  test("a tool that is not there leaves the step without a key, and the attempt says that it is not there", async () => {
    const { view } = await bed.run(one({ run: ["no-such-tool-anywhere"] }));
    expect(stepOf(view, "a").status).toBe("failed");
    expect((await (await bed.kernel()).runs.why(view.run_id, "a")).because).toContain("the tool no-such-tool-anywhere was not found");
  });
});

describe("a lookup", () => {
  test("that fails is a step that runs, and says so", async () => {
    await bed.run(one());
    const kernel = await openWith(bed, (parts) => ({
      index: replaced(parts.index, {
        results: async () => {
          const { LilyError } = await import("../../src/base/lily-error.ts");
          throw new LilyError("INDEX_DAMAGED", "on purpose");
        },
      }),
    }));
    try {
      const view = await (await kernel.runs.start({ document: one(), dir: bed.dir })).done();
      expect([view.status, stepOf(view, "a").status]).toEqual(["succeeded", "succeeded"]);
      expect((await kernel.runs.why(view.run_id, "a")).because).toContain("earlier results could not be looked up (INDEX_DAMAGED");
    } finally {
      await kernel.close();
    }
  });

  test("E6: that never ends does not hold the end of a run, and what it finds late changes nothing", async () => {
    await bed.run(one());
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let asked: () => void = () => {};
    const looking = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const kernel = await openWith(bed, (parts) => ({
      index: replaced(parts.index, {
        results: async (filter, limit) => {
          asked();
          await held;
          return parts.index.results(filter, limit);
        },
      }),
    }));
    try {
      const handle = await kernel.runs.start({ document: one(), dir: bed.dir });
      await looking;
      await handle.cancel("enough");
      const view = await handle.done();
      expect(view.status).toBe("canceled");
      release();
      await new Promise((resolve) => void setImmediate(resolve));
      expect(await kernel.records.verify(view.run_id)).toMatchObject({ result: "anchored", problems: [] });
      expect(stepOf(await kernel.runs.show(view.run_id), "a").status).toBe("pending");
    } finally {
      release();
      await kernel.close();
    }
  });

  test("what was found is dropped when the run is coming to rest meanwhile", async () => {
    const hold = { run: ["sh", "-c", `while test ! -e ${bed.dir}/go; do sleep 0.02; done`] };
    const steps = { a: made, bad: { run: ["false"] }, hold };
    const document = flow(steps, {
      inputs: { data: { file: "data.txt" } },
      routes: [{ id: "ask", when: { step: "bad", status: "failed" }, do: { escalate: "a person looks" } }],
    });
    await bed.run(one());
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let answered: () => void = () => {};
    const found = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const kernel = await openWith(bed, (parts) => ({
      index: replaced(parts.index, {
        results: async (filter, limit) => {
          await held;
          const rows = await parts.index.results(filter, limit);
          answered();
          return rows;
        },
      }),
    }));
    try {
      const handle = await kernel.runs.start({ document, dir: bed.dir }, { parallel: 3 });
      for await (const event of handle.events()) if (event.kind === "ROUTE_TAKEN") break;
      release();
      await found;
      bed.write("go", "");
      const view = await handle.done();
      expect([view.status, stepOf(view, "a").status, stepOf(view, "hold").status]).toEqual(["blocked", "pending", "succeeded"]);
      expect(await kernel.records.verify(view.run_id)).toMatchObject({ problems: [] });
    } finally {
      release();
      await kernel.close();
    }
  });

  test("what was found is looked for again when a route did the step's inputs again before it started", async () => {
    const document = flow(
      {
        x: {
          run: ["sh", "-c", `echo x >> ${bed.dir}/count; grep -c x ${bed.dir}/count > out.txt`],
          workdir: "isolated",
          outputs: { o: { path: "out.txt" } },
        },
        p: { run: ["cp", "${steps.x.outputs.o}", "p.txt"], uses: ["a.sh"], workdir: "isolated", pure: true, outputs: { o: { path: "p.txt" } } },
        h: { run: ["sh", "-c", `test -e ${bed.dir}/ok || { sleep 0.3; touch ${bed.dir}/ok; exit 1; }`], needs: ["x"] },
      },
      { routes: [{ id: "anew", when: { step: "h", status: "failed" }, do: { goto: "x", max: 2 } }] },
    );
    bed.write("ok", "");
    await bed.run(document, { parallel: 1 });
    rmSync(join(bed.dir, "ok"));
    const { view, events } = await bed.run(document, { parallel: 1 });
    expect(view.status).toBe("succeeded");
    expect(events.filter((event) => event.kind === "STEP_STARTED" && event.data.step_id === "x")).toHaveLength(2);
    const { changed } = await (await bed.kernel()).runs.why(view.run_id, "p");
    const { digestBytes } = await import("../../src/base/digest.ts");
    expect(changed).toEqual([{ kind: "input", name: "steps.x.outputs.o", before: digestBytes("1\n"), after: digestBytes("3\n") }]);
  });

  test("a mistake of Lily itself in a lookup stops the run like any other fault", async () => {
    await bed.run(one());
    const kernel = await openWith(bed, (parts) => ({
      index: replaced(parts.index, {
        results: async () => {
          throw new TypeError("a bug");
        },
      }),
    }));
    try {
      const handle = await kernel.runs.start({ document: one(), dir: bed.dir });
      await expect(handle.done()).rejects.toThrow("a bug");
    } finally {
      await kernel.close();
    }
  });

  test("steps that are looked up do not hold others up, and more than the bound are all decided", async () => {
    const many = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`p${i}`, { ...made, run: ["sh", "-c", `echo ${i} > out.txt`] }]));
    const document = flow({ ...many, z: { run: ["true"] } }, { inputs: { data: { file: "data.txt" } } });
    const second = await bed.again(document);
    expect(second.events.filter((event) => event.kind === "STEP_REUSED")).toHaveLength(90);
    expect(second.view.status).toBe("succeeded");
    await bed.expectAnchored(second.view.run_id);
  });
});

describe("a run without reuse", () => {
  test("says so in its record, so that whoever resumes it looks for nothing either", async () => {
    await bed.run(one());
    const steps = { a: { ...made, needs: ["hold"] }, hold: { run: ["sh", "-c", `test -e ${bed.dir}/go || kill -STOP $$`] } };
    const document = flow(steps, { inputs: { data: { file: "data.txt" } } });
    const kernel = await bed.kernel();
    const handle = await kernel.runs.start({ document, dir: bed.dir }, { reuse: false });
    for await (const event of handle.events()) {
      if (event.kind === "RUN_STARTED") expect(event.data.reuse).toBe(false);
      if (event.kind === "STEP_STARTED") break;
    }
    await handle.cancel("enough");
    bed.write("go", "");
    const again = await kernel.runs.rerun(handle.runId, { from: ["hold"], reason: "go on" });
    const { view, events } = await bed.finish(again);
    expect(view.status).toBe("succeeded");
    expect(decisionOf(events).kind).toBe("STEP_STARTED");
  });
});
