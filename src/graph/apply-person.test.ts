import { describe, expect, test } from "vitest";
import { isLilyError } from "../base/lily-error.ts";
import { type ArtifactRef, artifactIdSchema } from "../contracts/artifact-ref.ts";
import type { PlanOutput } from "../contracts/plan-document.ts";
import { parseRunId } from "../contracts/ids.ts";
import { taggedDigest } from "../base/digest.ts";
import { gate, planOf, route, step, ToldRun } from "./scheduler.test-support.ts";

const output: PlanOutput = { path: "o", glob: null, schema: null, media_type: null, optional: false };
const idOf = (mark: number) => artifactIdSchema.parse(`art_${String(mark).padStart(32, "0")}`);
const refOf = (mark: number): ArtifactRef => ({
  artifact_id: idOf(mark),
  run_id: parseRunId("run-a"),
  artifact_type: "file",
  storage_kind: "file",
  digest: taggedDigest("event", String(mark)),
  size: 1,
  media_type: "text/plain",
  producer_id: "x",
  producer_kind: "tool",
  created_at: "2026-01-01T00:00:00.000Z",
  inputs: [],
});
const store = (run: ToldRun, mark: number): void => run.apply({ kind: "ARTIFACT_STORED", key: `ARTIFACT_STORED/${mark}`, data: { artifact: refOf(mark) } });

/** Completes the newest attempt with one output. */
function produce(run: ToldRun, id: string, mark: number): void {
  const attempt = run.state.byId.get(id)?.attempt ?? 0;
  store(run, mark);
  const data = {
    step_id: id,
    attempt,
    outputs: { o: refOf(mark).digest },
    artifacts: [idOf(mark)],
    logs: [],
    duration_ms: 1,
    executor: { kind: "process" as const },
  };
  run.apply({ kind: "STEP_COMPLETED", key: `STEP_COMPLETED/${id}/${attempt}`, data });
}

const reopen = (run: ToldRun): void => run.apply({ kind: "RUN_REOPENED", key: `RUN_REOPENED/${run.state.events}`, data: { reason: "again" } });
const rerun = (run: ToldRun, ...ids: readonly string[]): void =>
  run.apply({ kind: "RERUN_REQUESTED", key: `RERUN_REQUESTED/${run.state.events}`, data: { step_ids: [...ids], reason: "again" } });
function replace(run: ToldRun, id: string | null, original: number, replacement: number, name = "o"): void {
  const data = {
    original_artifact_id: idOf(original),
    replacement_artifact_id: idOf(replacement),
    artifact_id: idOf(replacement),
    ...(id === null ? {} : { step_id: id }),
    name,
    reason: "mended",
  };
  run.apply({ kind: "ARTIFACT_REPLACED", key: `ARTIFACT_REPLACED/${run.state.events}`, data });
}
const seal = (run: ToldRun): void =>
  run.apply({ kind: "RUN_SEALED", key: `RUN_SEALED/${run.state.events}`, data: { outcome: "failed", events: run.state.events, counts: {} } });
function illegal(work: () => void): string {
  try {
    work();
  } catch (thrown) {
    if (isLilyError(thrown, "LEDGER_TRANSITION_ILLEGAL")) return thrown.message;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

describe("a rerun", () => {
  test("what failed together with what aborted the run is settled as failed, and what needs it is skipped", () => {
    const run = new ToldRun(planOf([step("a"), step("b"), step("after", ["b"]), step("c")]));
    run.settle();
    run.complete("c");
    run.fail("a");
    run.fail("b");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
    expect(run.phases()).toEqual({ a: "failed", b: "deciding", after: "waiting", c: "succeeded" });
    reopen(run);
    rerun(run, "c");
    expect(run.settle()).toMatchObject({ started: ["c/2"], recorded: ["STEP_SKIPPED"] });
    run.complete("c");
    expect(run.settle().recorded).toEqual(["RUN_FAILED"]);
    expect(run.phases()).toEqual({ a: "failed", b: "failed", after: "skipped", c: "succeeded" });
  });

  test("E3: every route and the steps that are reset have a fresh allowance; the number of attempts goes on", () => {
    const routes = [route("again", { step: "a" }, { kind: "retry", max: 1 })];
    const run = new ToldRun(planOf([step("a")], { routes, attemptsMax: 2 }));
    run.settle();
    run.fail("a");
    expect(run.settle().started).toEqual(["a/2"]);
    run.fail("a");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
    reopen(run);
    rerun(run, "a");
    expect(run.settle().started).toEqual(["a/3"]);
    run.fail("a");
    expect(run.settle().started).toEqual(["a/4"]);
  });

  test("what a cancel had cut off goes on, also what never started", () => {
    const run = new ToldRun(planOf([step("a"), step("b", ["a"]), step("c")]), { parallel: 1 });
    run.settle();
    run.apply({ kind: "CANCEL_REQUESTED", key: "CANCEL_REQUESTED/1", data: { reason: "enough" } });
    run.interrupt("a", "cancel");
    run.settle();
    reopen(run);
    rerun(run, "c");
    expect(run.settle().started).toEqual(["a/2"]);
    expect(run.state.byId.get("c")?.cause).toBe("rerun");
  });

  test("L4: is refused while the run goes on, sealed, for a step it does not have, and without a plan", () => {
    const run = new ToldRun(planOf([step("a")]));
    run.settle();
    expect(illegal(() => rerun(run, "a"))).toContain("the run is running");
    const done = new ToldRun(planOf([step("a")]));
    done.settle();
    done.complete("a");
    done.settle();
    seal(done);
    expect(illegal(() => rerun(done, "a"))).toContain("sealed");
    reopen(done);
    expect(illegal(() => rerun(done, "z"))).toContain("no step z");
    const bare = new ToldRun(planOf([step("a")]), { started: false });
    expect(illegal(() => rerun(bare, "a"))).toContain("no plan is committed");
  });
});

describe("a replacement", () => {
  const plan = planOf([step("a", [], { outputs: { o: output }, gates: [gate("g")] }), step("b", ["a"], { outputs: { o: output } }), step("c")], {
    gates: [gate("all")],
  });
  function done(): ToldRun {
    const run = new ToldRun(plan);
    run.settle();
    produce(run, "a", 1);
    run.complete("c");
    run.judge("GATE_PASSED", "g", "a");
    run.settle();
    produce(run, "b", 2);
    run.settle();
    run.judge("GATE_PASSED", "all");
    run.settle();
    expect(run.state.phase).toBe("succeeded");
    reopen(run);
    store(run, 3);
    return run;
  }

  test("K25: the step keeps it and its gates judge it; strict dependents and the run's gates are done again, the rest is not", () => {
    const run = done();
    replace(run, "a", 1, 3);
    expect(run.phases()).toEqual({ a: "gating", b: "waiting", c: "succeeded" });
    expect(run.settle()).toMatchObject({ started: [], left: ["gate g"] });
    run.judge("GATE_PASSED", "g", "a");
    expect(run.settle().started).toEqual(["b/2"]);
    produce(run, "b", 4);
    expect(run.settle().left).toEqual(["gate all"]);
    expect(run.state.byId.get("a")).toMatchObject({ attempt: 1, replacements: 1, outputs: new Map([["o", [idOf(3)]]]) });
    expect(run.state.runGateRound).toBe(2);
  });

  test("a step without gates keeps it at once; one that nothing needs is judged by the run's gates alone", () => {
    const run = done();
    replace(run, "b", 2, 3);
    expect(run.phases()).toEqual({ a: "succeeded", b: "succeeded", c: "succeeded" });
    expect(run.settle().left).toEqual(["gate all"]);
  });

  test("an output that a gate refused can be replaced; one of an attempt that failed cannot", () => {
    const run = new ToldRun(planOf([step("a", [], { outputs: { o: output }, gates: [gate("g")] }), step("b", ["a"])]));
    run.settle();
    produce(run, "a", 1);
    run.judge("GATE_FAILED", "g", "a");
    run.settle();
    expect(run.phases()).toEqual({ a: "failed", b: "waiting" });
    reopen(run);
    store(run, 3);
    replace(run, "a", 1, 3);
    run.judge("GATE_PASSED", "g", "a");
    expect(run.settle().started).toEqual(["b/1"]);
    const failed = new ToldRun(planOf([step("a")]));
    failed.settle();
    failed.fail("a");
    failed.settle();
    reopen(failed);
    store(failed, 3);
    expect(illegal(() => replace(failed, "a", 1, 3))).toContain("no current output of step a");
  });

  test("L4: is refused for what is no current output or input, and for a replacement that is not in the record", () => {
    expect(illegal(() => replace(done(), "a", 2, 3))).toContain("no current output");
    expect(illegal(() => replace(done(), "a", 1, 9))).toContain("A3");
    expect(illegal(() => replace(done(), null, 1, 3, "i"))).toContain("it is not input i");
  });
});
