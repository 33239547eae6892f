/** What a pure step is given, what of it is kept, and what is said about it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import { filesBelow, flow, refusalOf, stepOf } from "../runtime/bed.ts";
import { decisionOf, made, one, ReuseBed } from "./reuse-bed.ts";

let bed: ReuseBed;

beforeEach(() => {
  bed = new ReuseBed();
});
afterEach(() => bed.remove());

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

  test("B3: a step of plain tools says with uses: [] that it uses no code of the project, and is reused", async () => {
    const document = one({ run: ["cp", "data.txt", "out.txt"], uses: [] });
    expect(decisionOf((await bed.again(document)).events).kind).toBe("STEP_REUSED");
    const { uses: _, ...without } = made;
    const refused = await refusalOf(bed.run(flow({ a: { ...without, run: ["cp", "data.txt", "out.txt"] } }, { inputs: { data: { file: "data.txt" } } })));
    expect(refused.message).toContain("uses: []");
  });

  test("B3: a script of the project that is named by an absolute path would be in no key, so it is refused", async () => {
    const refused = await refusalOf(bed.run(one({ run: ["sh", `${bed.dir}/a.sh`] })));
    expect([refused.code, refused.message]).toEqual(["WORKFLOW_INVALID", expect.stringContaining("write a.sh")]);
    const gate = { id: "g", run: ["test", "-e", `${bed.dir}/lib.sh`] };
    const problems = await (await bed.kernel()).workflows.check({ document: one({ gates: [gate] }), dir: bed.dir });
    expect(problems).toMatchObject([{ code: "WORKFLOW_INVALID", message: expect.stringContaining("write lib.sh") }]);
    const given = one({ run: ["sh", "${params.at}/a.sh"] }, { params: { at: { default: bed.dir } } });
    expect((await refusalOf(bed.run(given))).message).toContain("write a.sh");
  });

  test("S6: reading the script of another step fails", async () => {
    const steps = { a: { ...made, run: ["sh", "-c", "cat lib.sh"] }, b: { run: ["sh", "lib.sh"], workdir: "isolated" } };
    const routes = [{ id: "others-go-on", when: { step: "a" }, do: { continue: true } }];
    const { view } = await bed.run(flow(steps, { inputs: { data: { file: "data.txt" } }, routes }));
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
    expect(await bed.because(affected)).toBe("step a ran again: environment REUSE_SECRET changed");
    process.env["REUSE_A"] = "two";
    expect(decisionOf((await bed.run(environment(false))).events).kind).toBe("STEP_REUSED");
  });

  test("another workspace has another secret, so its digests say nothing there", async () => {
    process.env["REUSE_SECRET"] = "secret-one";
    const other = new ReuseBed();
    try {
      const digests: (string | undefined)[] = [];
      for (const each of [bed, other]) {
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
