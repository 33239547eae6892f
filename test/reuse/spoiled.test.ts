/** What is said against a result in a run that only stands on it, and how a certificate says what was wrong. */
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import { flow, type Ran, stepOf } from "../runtime/bed.ts";
import { decisionOf, made, one, ReuseBed } from "./reuse-bed.ts";

let bed: ReuseBed;

beforeEach(() => {
  bed = new ReuseBed();
});
afterEach(async () => {
  delete process.env["REUSE_VERDICT"];
  await bed.remove();
});

function gated(required: boolean): JsonObject {
  const text = 'case "$REUSE_VERDICT" in bad) exit 1;; broken) kill -9 $$;; esac';
  return { gates: [{ id: "g", required, run: ["sh", "-c", text], env_from: ["REUSE_VERDICT"] }], env_affects_output: false };
}

function judged(required: boolean): JsonObject {
  return one(gated(required));
}

async function judge({ view }: Ran, verdict: string): Promise<readonly string[]> {
  process.env["REUSE_VERDICT"] = verdict;
  const { verdicts } = await (await bed.kernel()).runs.judge(view.run_id);
  delete process.env["REUSE_VERDICT"];
  return verdicts.map(({ status }) => status);
}

function outputOf({ view }: Ran): string {
  const [id] = stepOf(view, "a").attempts.flatMap((attempt) => Object.keys(attempt.output_artifact_hashes ?? {}));
  if (id === undefined) throw new Error("the step made nothing");
  return id;
}

describe("E4: what is recorded against a result in a run that reused it", () => {
  test.each([
    ["bad", "failed", "did not pass"],
    ["broken", "error", "could not be judged"],
  ])("a %s verdict of a required gate spoils the result for later runs, also by an index that was rebuilt", async (verdict, status, said) => {
    const first = await bed.run(judged(true));
    const second = await bed.run(judged(true));
    expect(decisionOf(second.events).kind).toBe("STEP_REUSED");
    expect(await judge(second, verdict)).toEqual([status]);
    await (await bed.kernel()).rebuildIndex();
    const third = await bed.run(judged(true));
    expect(decisionOf(third.events).kind).toBe("STEP_STARTED");
    const [run, user] = [first.view.run_id, second.view.run_id];
    expect(await bed.because(third)).toMatch(
      new RegExp(
        `its result of run ${run}, attempt 1 cannot be used \\(required gate g ${said} when it was judged again, in run ${user}, which stands on it\\)$`,
      ),
    );
    expect(decisionOf((await bed.run(judged(true))).events).data).toMatchObject({ from: { run_id: third.view.run_id } });
  });

  test("a verdict of an optional gate does not", async () => {
    await bed.run(judged(false));
    const second = await bed.run(judged(false));
    expect(await judge(second, "bad")).toEqual(["failed"]);
    expect(decisionOf((await bed.run(judged(false))).events).kind).toBe("STEP_REUSED");
  });

  test("a replacement spoils it, and what it is replaced with is nobody's result", async () => {
    const first = await bed.run(one());
    const second = await bed.run(one());
    const file = bed.write("better.txt", "better\n");
    await (await (await bed.kernel()).artifacts.replace(outputOf(first), { file }, { reason: "mended by hand", run: second.view.run_id })).done();
    const third = await bed.run(one());
    expect(decisionOf(third.events).kind).toBe("STEP_STARTED");
    expect(await bed.because(third)).toContain("its output o was replaced by a person, in run ");
    expect((await (await bed.kernel()).runs.why(third.view.run_id, "a")).compared_with).toMatchObject({ run_id: first.view.run_id, attempt: 1 });
  });

  test("a verdict in a fork of a run that reused it does too: both stand on the same attempt", async () => {
    const document = flow({ a: { ...made, ...gated(true) }, z: { run: ["true"], needs: ["a"] } }, { inputs: { data: { file: "data.txt" } } });
    const second = await bed.again(document);
    const { runs } = await bed.kernel();
    const fork = await bed.finish(await runs.fork(second.view.run_id, { from: ["z"], reason: "go on elsewhere" }));
    expect(decisionOf(fork.events).data).toMatchObject({ cause: "fork" });
    expect(await judge(fork, "bad")).toEqual(["failed"]);
    expect(decisionOf((await bed.run(document)).events).kind).toBe("STEP_STARTED");
  });

  test("an attempt that a person asks for in such a run and that fails says nothing about the result", async () => {
    const document = judged(true);
    await bed.run(document);
    const second = await bed.run(document);
    process.env["REUSE_VERDICT"] = "bad";
    const rerun = await (await bed.kernel()).runs.rerun(second.view.run_id, { from: ["a"], reason: "look again" });
    expect((await rerun.done()).status).toBe("failed");
    delete process.env["REUSE_VERDICT"];
    expect(decisionOf((await bed.run(document)).events).kind).toBe("STEP_REUSED");
  });
});

describe("run why, when no earlier result counts", () => {
  test("says what was wrong with the newest although other things changed since", async () => {
    const first = await bed.run(judged(true));
    await judge(first, "bad");
    bed.write("data.txt", "other\n");
    expect(await bed.because(await bed.run(judged(true)))).toBe(
      `step a ran: no earlier result of it counts (of run ${first.view.run_id}, attempt 1: required gate g did not pass when it was judged again)`,
    );
  });

  test("B3: an attempt that another one followed in its run is named, with what followed", async () => {
    const document = one({ run: ["sh", "-c", `test ! -e ${bed.dir}/bad && cat data.txt > out.txt`] });
    const first = await bed.run(document);
    bed.write("bad", "");
    const rerun = await (await bed.kernel()).runs.rerun(first.view.run_id, { from: ["a"], reason: "look again" });
    expect((await rerun.done()).status).toBe("failed");
    const second = await bed.run(document);
    expect(await bed.because(second)).toMatch(/its result of run .*, attempt 1 cannot be used \(attempt 2 of the step began after it\)$/);
  });
});
