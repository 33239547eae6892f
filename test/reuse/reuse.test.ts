/** When an earlier result stands in for a pure step and when it does not, through the real product. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Digest } from "../../src/base/digest.ts";
import type { JsonObject } from "../../src/base/json-value.ts";
import type { EventOf, LedgerEvent } from "../../src/contracts/event.ts";
import type { ResultRow } from "../../src/ports/run-index.ts";
import { Bed, filesBelow, flow, type Ran, refusalOf, stepOf, traceOf } from "../runtime/bed.ts";
import { openWith, replaced } from "../runtime/parts-bed.ts";

let bed: Bed;

beforeEach(() => {
  bed = new Bed();
  bed.write("a.sh", "{ cat data.txt; echo made; } > out.txt\n");
  bed.write("lib.sh", "x=1\n");
  bed.write("data.txt", "data\n");
});
afterEach(() => bed.remove());

const made: JsonObject = {
  run: ["sh", "a.sh"],
  uses: ["a.sh"],
  reads: ["data"],
  workdir: "isolated",
  pure: true,
  outputs: { o: { path: "out.txt" } },
};

function one(more: JsonObject = {}, rest: JsonObject = {}): JsonObject {
  return flow({ a: { ...made, ...more } }, { inputs: { data: { file: "data.txt" } }, ...rest });
}

function decisionOf(events: readonly LedgerEvent[], step = "a"): EventOf<"STEP_STARTED" | "STEP_REUSED"> {
  const found = events.findLast(
    (event): event is EventOf<"STEP_STARTED" | "STEP_REUSED"> => (event.kind === "STEP_STARTED" || event.kind === "STEP_REUSED") && event.data.step_id === step,
  );
  if (found === undefined) throw new Error(`step ${step} was not decided`);
  return found;
}

async function because({ view }: Ran, step = "a"): Promise<string> {
  return (await (await bed.kernel()).runs.why(view.run_id, step)).because;
}

/** Runs twice and says how the second was decided. */
async function again(document: JsonObject, between: (first: Ran) => Promise<void> | void = () => {}): Promise<Ran> {
  const first = await bed.run(document);
  await between(first);
  return bed.run(document);
}

describe("a reuse", () => {
  test("B3: names the attempt and event that it stands on, keeps the artifacts of their run, and is verified like everything else", async () => {
    const first = await bed.run(one());
    const second = await bed.run(one());
    expect(traceOf(second.events)).toContain("STEP_REUSED a/0");
    const reused = decisionOf(second.events);
    const completed = first.events.find((event) => event.kind === "STEP_COMPLETED");
    expect(reused.data).toMatchObject({
      cause: "pure",
      attempt: 0,
      from: { run_id: first.view.run_id, step_id: "a", attempt: 1, event: completed?.hash },
      outputs: completed?.kind === "STEP_COMPLETED" ? completed.data.outputs : null,
      artifacts: completed?.kind === "STEP_COMPLETED" ? completed.data.artifacts : null,
      materials: completed?.kind === "STEP_COMPLETED" ? completed.data.materials : null,
    });
    const stored = second.events.filter((event) => event.kind === "ARTIFACT_STORED" && event.data.artifact.run_id === first.view.run_id);
    expect(stored).toHaveLength(2);
    expect(stepOf(second.view, "a").status).toBe("reused");
    expect(await because(second)).toMatch(/^step a was reused from run .*, attempt 1: nothing of 10 inputs changed$/);
    await bed.expectAnchored(second.view.run_id);
  });

  test("B3: a third run stands on the attempt that was done, not on the reuse of it", async () => {
    const first = await bed.run(one());
    await bed.run(one());
    const third = await bed.run(one());
    expect(decisionOf(third.events).data).toMatchObject({ from: { run_id: first.view.run_id } });
  });

  test("B3: what needs a reused step is given its artifacts", async () => {
    const document = flow(
      { a: made, b: { run: ["cp", "${steps.a.outputs.o}", "b.txt"], workdir: "isolated", outputs: { o: { path: "b.txt" } } } },
      { inputs: { data: { file: "data.txt" } } },
    );
    const second = await again(document);
    expect(traceOf(second.events)).toEqual(expect.arrayContaining(["STEP_REUSED a/0", "STEP_STARTED b/1", "STEP_COMPLETED b/1"]));
    expect(second.view.status).toBe("succeeded");
  });

  test("B3: a step of a failed run that succeeded is reused", async () => {
    const document = flow({ a: made, z: { run: ["sh", "-c", "test -e ok"], needs: ["a"] } }, { inputs: { data: { file: "data.txt" } } });
    const second = await again(document, ({ view }) => {
      expect(view.status).toBe("failed");
      bed.write("ok", "");
    });
    expect(second.view.status).toBe("succeeded");
    expect(decisionOf(second.events).kind).toBe("STEP_REUSED");
  });

  test("L6: the index is derived: dropped and rebuilt it gives the same reuse", async () => {
    const second = await again(one(), async () => {
      await (await bed.kernel()).rebuildIndex();
    });
    expect(decisionOf(second.events).kind).toBe("STEP_REUSED");
  });

  test("the two words of a person that turn it off are honoured: run start without reuse does every step", async () => {
    await bed.run(one());
    const second = await bed.run(one(), { reuse: false });
    expect(decisionOf(second.events)).toMatchObject({ kind: "STEP_STARTED", data: { attempt: 1 } });
    expect(await because(second)).toBe("step a ran: earlier results were not looked for");
  });
});

describe("what an earlier result is not used for", () => {
  const notReused = async (document: JsonObject, between: (first: Ran) => Promise<void> | void, said: RegExp): Promise<void> => {
    const second = await again(document, between);
    expect(decisionOf(second.events).kind).toBe("STEP_STARTED");
    expect(second.view.status).toBe("succeeded");
    expect(await because(second)).toMatch(said);
  };

  const outputObject = ({ events }: Ran): string => {
    const completed = events.find((event) => event.kind === "STEP_COMPLETED");
    const digest = completed?.kind === "STEP_COMPLETED" ? String(completed.data.outputs["o"]) : "";
    const file = filesBelow(join(bed.workspaceDir, "objects")).find((path) => path.replaceAll("/", "").includes(digest.slice(9)));
    if (file === undefined) throw new Error(`no object ${digest}`);
    return file;
  };

  test("A1: an object that is gone is no result: the step runs, the run does not fail, and the why says it", async () => {
    await notReused(
      one(),
      (first) => rmSync(outputObject(first)),
      /although nothing of 10 inputs changed: its result of run .* cannot be used \(OBJECT_MISSING/,
    );
  });

  test("A1: neither is one whose bytes changed", async () => {
    // A second put of the same bytes finds the damage too, so the step makes other bytes then.
    const document = one({ run: ["sh", "-c", "date +%s%N > out.txt"] });
    await notReused(
      document,
      (first) => {
        const path = outputObject(first);
        rmSync(path);
        writeFileSync(path, "other\n");
      },
      /cannot be used \(OBJECT_CORRUPT/,
    );
  });

  test("E4: a gate that was judged again later and did not pass speaks against the result", async () => {
    const gate = { id: "g", run: ["sh", "-c", 'test -z "$REUSE_BAD"'], env_from: ["REUSE_BAD"] };
    await notReused(
      one({ gates: [gate], env_affects_output: false }),
      async ({ view }) => {
        process.env["REUSE_BAD"] = "yes";
        expect((await (await bed.kernel()).runs.judge(view.run_id)).verdicts).toMatchObject([{ status: "failed" }]);
        delete process.env["REUSE_BAD"];
      },
      /there is no earlier result/,
    );
  });

  test("E4: an optional gate that did not pass does not", async () => {
    const document = one({ gates: [{ id: "g", required: false, run: ["false"] }] });
    const second = await again(document);
    expect(decisionOf(second.events).kind).toBe("STEP_REUSED");
  });

  test("an output that a person replaced is never given as the step's own result, nor is the replacement", async () => {
    await notReused(
      one(),
      async ({ events }) => {
        const completed = events.find((event) => event.kind === "STEP_COMPLETED");
        const original = completed?.kind === "STEP_COMPLETED" ? completed.data.artifacts[0] : undefined;
        const file = bed.write("better.txt", "better\n");
        const kernel = await bed.kernel();
        await (await kernel.artifacts.replace(original ?? "", { file }, { reason: "mended by hand" })).done();
      },
      /there is no earlier result/,
    );
  });

  test("a run that goes on may still be left incomplete, so nothing of it is used yet", async () => {
    const steps = { a: made, hold: { run: ["sh", "-c", `while test ! -e ${bed.dir}/go; do sleep 0.02; done`], needs: ["a"] } };
    const going = await bed.start(flow(steps, { inputs: { data: { file: "data.txt" } } }));
    for await (const event of going.events()) if (event.kind === "STEP_STARTED" && event.data.step_id === "hold") break;
    const other = await bed.run(one());
    expect(decisionOf(other.events).kind).toBe("STEP_STARTED");
    expect(await because(other)).toContain("its run is running");
    bed.write("go", "");
    await going.done();
  });

  test("a step that a person asks for again is done again, and its start names the person's why", async () => {
    const first = await bed.run(one());
    const handle = await (await bed.kernel()).runs.rerun(first.view.run_id, { from: ["a"], reason: "look again" });
    const { events } = await bed.finish(handle);
    const asked = events.find((event) => event.kind === "RERUN_REQUESTED");
    expect(decisionOf(events)).toMatchObject({
      kind: "STEP_STARTED",
      data: { attempt: 2, cause: "rerun", why_artifact_id: asked?.kind === "RERUN_REQUESTED" ? asked.data.why_artifact_id : "" },
    });
  });

  test("what needs a step that a person asks for again is done again too, pure or reused before, and names the same why", async () => {
    const steps = {
      a: made,
      b: { run: ["cp", "${steps.a.outputs.o}", "b.txt"], uses: ["lib.sh"], workdir: "isolated", pure: true, outputs: { o: { path: "b.txt" } } },
    };
    const document = flow(steps, { inputs: { data: { file: "data.txt" } } });
    const second = await again(document);
    expect(decisionOf(second.events, "b").kind).toBe("STEP_REUSED");
    const handle = await (await bed.kernel()).runs.rerun(second.view.run_id, { from: ["a"], reason: "look again" });
    const { events } = await bed.finish(handle);
    const asked = events.find((event) => event.kind === "RERUN_REQUESTED");
    const why = asked?.kind === "RERUN_REQUESTED" ? asked.data.why_artifact_id : undefined;
    expect(why).toBeDefined();
    for (const step of ["a", "b"]) expect(decisionOf(events, step)).toMatchObject({ kind: "STEP_STARTED", data: { attempt: 1, why_artifact_id: why } });
  });

  test("E2: an attempt that was done again in its run is not the step's result any more, whatever became of the second", async () => {
    const document = one({ run: ["sh", "-c", `test ! -e ${bed.dir}/bad && cat data.txt > out.txt`] });
    const first = await bed.run(document);
    bed.write("bad", "");
    const rerun = await (await bed.kernel()).runs.rerun(first.view.run_id, { from: ["a"], reason: "look again" });
    expect((await rerun.done()).status).toBe("failed");
    rmSync(join(bed.dir, "bad"));
    const second = await bed.run(document);
    expect(decisionOf(second.events).kind).toBe("STEP_STARTED");
  });

  test("a file of code that changed while the step ran leaves no materials behind", async () => {
    const document = one({ run: ["sh", "-c", `echo x >> ${bed.dir}/package-lock.json; cat data.txt > out.txt`] });
    const { events } = await bed.run(document);
    const completed = events.find((event) => event.kind === "STEP_COMPLETED");
    expect(completed?.kind === "STEP_COMPLETED" && completed.data.materials).toBe(undefined);
  });

  test("S6: in the project's folder only a sandboxed command is reused: without one nobody knows what it wrote and where", async () => {
    const inPlace = one(
      { workdir: "source", outputs: { o: { path: "made.txt" } }, run: ["sh", "-c", "rm -f made.txt; cat data.txt > made.txt"] },
      { policy: { sandbox: "prefer" } },
    );
    const first = await bed.run(inPlace);
    const second = await bed.run(inPlace);
    const completed = first.events.find((event) => event.kind === "STEP_COMPLETED");
    if (completed?.kind !== "STEP_COMPLETED") throw new Error("the step did not complete");
    const { executor, materials } = completed.data;
    expect(materials !== undefined).toBe(executor.sandbox !== undefined);
    expect(decisionOf(second.events).kind).toBe(executor.sandbox === undefined ? "STEP_STARTED" : "STEP_REUSED");
  });

  test("S6: an input that is read in the project's folder and was changed there meanwhile leaves no materials behind", async () => {
    const inPlace = one(
      { workdir: "source", outputs: { o: { path: "made.txt" } }, run: ["sh", "-c", "cat data.txt > made.txt"] },
      { policy: { sandbox: "prefer" } },
    );
    bed.write("given.txt", "given\n");
    const { events } = await bed.run(inPlace, { inputs: { data: join(bed.dir, "given.txt") } });
    const completed = events.find((event) => event.kind === "STEP_COMPLETED");
    expect(completed?.kind === "STEP_COMPLETED" && completed.data.materials).toBe(undefined);
  });
});

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

describe("what a pure step is given", () => {
  test("an isolated pure step finds its own code and inputs, not those of others", async () => {
    bed.write("other.sh", "echo other\n");
    bed.write("more.txt", "more\n");
    const steps = {
      a: { ...made, run: ["sh", "-c", "find . -type f ! -name out.txt | sort > out.txt"] },
      b: { run: ["sh", "other.sh"], uses: ["lib.sh"], reads: ["more"], pure: true, workdir: "isolated" },
    };
    const { view } = await bed.run(flow(steps, { inputs: { data: { file: "data.txt" }, more: { file: "more.txt" } } }));
    const hashes = stepOf(view, "a").attempts[0]?.output_artifact_hashes ?? {};
    const text = new TextDecoder().decode(await (await bed.kernel()).artifacts.get(Object.keys(hashes)[0] ?? ""));
    expect(text.trim().split("\n")).toEqual(["./a.sh", "./data.txt"]);
  });

  test("S6: reading the script of another step fails", async () => {
    const steps = { a: { ...made, run: ["sh", "-c", "cat lib.sh"] }, b: { run: ["sh", "lib.sh"], workdir: "isolated" } };
    const { view } = await bed.run(flow(steps, { inputs: { data: { file: "data.txt" } } }));
    expect(stepOf(view, "a").status).toBe("failed");
    expect(stepOf(view, "b").status).toBe("succeeded");
  });
});

describe("values of the caller", () => {
  const environment = (affects: boolean): JsonObject => one({ env_from: ["REUSE_A"], secrets: ["REUSE_SECRET"], env_affects_output: affects });

  afterEach(() => {
    delete process.env["REUSE_A"];
    delete process.env["REUSE_SECRET"];
  });

  test("S4: neither a value nor a digest that could be guessed of it reaches the record, the workspace or the why", async () => {
    process.env["REUSE_A"] = "guessable-value";
    process.env["REUSE_SECRET"] = "top-secret-value";
    const { events } = await bed.run(environment(true));
    const { createHash } = await import("node:crypto");
    const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
    const forms = ["guessable-value", "top-secret-value"].flatMap((value) => [
      value,
      digest(value),
      digest(`lily/reuse/v1\n${value}`),
      digest(`lily/secret/v1\n${value}`),
      digest(`environment\nREUSE_SECRET\n${value}`),
      digest(`environment\nREUSE_A\n${value}`),
    ]);
    await bed.close();
    const texts = filesBelow(bed.workspaceDir).map((path) => readFileSync(path, "latin1"));
    for (const form of forms) expect([form, texts.some((text) => text.includes(form))]).toEqual([form, false]);
    expect(JSON.stringify(events)).toContain("REUSE_SECRET");
    const [id = ""] = readdirSync(join(bed.dataHome, "lily", "secrets"));
    expect(readFileSync(join(bed.dataHome, "lily", "secrets", id), "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
  });

  test("with env_affects_output they are part of the key; without, they are not", async () => {
    process.env["REUSE_A"] = "one";
    process.env["REUSE_SECRET"] = "secret-one";
    await bed.run(environment(true));
    await bed.run(environment(false));
    process.env["REUSE_SECRET"] = "secret-two";
    const affected = await bed.run(environment(true));
    expect(await because(affected)).toBe("step a ran again: environment REUSE_SECRET changed");
    process.env["REUSE_A"] = "two";
    expect(decisionOf((await bed.run(environment(false))).events).kind).toBe("STEP_REUSED");
  });

  test("another workspace has another secret, so its digests say nothing there", async () => {
    process.env["REUSE_SECRET"] = "secret-one";
    const other = new Bed();
    try {
      const digests: (string | undefined)[] = [];
      for (const each of [bed, other]) {
        each.write("a.sh", "cat data.txt > out.txt\n");
        each.write("data.txt", "data\n");
        const { events } = await each.run(environment(true));
        const stored = events.find((event) => event.kind === "ARTIFACT_STORED" && event.data.artifact.artifact_type === "step_materials.v1");
        const text = stored?.kind === "ARTIFACT_STORED" ? (stored.data.inline ?? "") : "";
        const list: { kind: string; name: string; digest: string }[] = JSON.parse(text).payload.materials;
        digests.push(list.find(({ name }) => name === "REUSE_SECRET")?.digest);
      }
      expect(new Set(digests).size).toBe(2);
    } finally {
      await other.remove();
    }
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
    const second = await again(document);
    expect(second.events.filter((event) => event.kind === "STEP_REUSED")).toHaveLength(90);
    expect(second.view.status).toBe("succeeded");
    await bed.expectAnchored(second.view.run_id);
  });
});

describe("run why", () => {
  test("says of a step that is not pure what would make it one, and of one that was not decided that it was not", async () => {
    const { view } = await bed.run(flow({ a: { run: ["false"] }, b: { run: ["true"], needs: ["a"] } }));
    const { runs } = await bed.kernel();
    expect(await runs.why(view.run_id, "a")).toMatchObject({
      decision: "ran",
      because: "step a ran because it is not pure: such a step is done in every run",
      advice: expect.stringContaining("pure: true"),
      why_artifact_id: null,
    });
    expect(await runs.why(view.run_id, "b")).toMatchObject({ decision: "pending", because: expect.stringContaining("has not started") });
    expect((await refusalOf(runs.why(view.run_id, "c"))).code).toBe("USAGE_INVALID");
  });

  test("says of retries, and of skipped steps, what they followed from", async () => {
    const document = flow(
      { a: { run: ["false"], retry: { max: 1, backoff: "1ms" } }, b: { run: ["true"], needs: ["a"] } },
      { routes: [{ id: "go-on", when: { step: "a", status: "failed" }, do: { continue: true } }] },
    );
    const { view } = await bed.run(document);
    const { runs } = await bed.kernel();
    expect((await runs.why(view.run_id, "a")).because).toBe("step a, attempt 2, is a retry: the attempt before it did not succeed");
    expect(await runs.why(view.run_id, "b")).toMatchObject({
      decision: "skipped",
      because: expect.stringContaining("step a, which it needs, did not succeed"),
    });
  });

  test("a run without a plan has decided nothing", async () => {
    const { runs } = await bed.kernel();
    const { run_id } = await runs.create({});
    expect((await refusalOf(runs.why(run_id, "a"))).code).toBe("RUN_STATE_CONFLICT");
  });
});
