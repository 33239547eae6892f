import { describe, expect, test } from "vitest";
import { decide } from "./decide.ts";
import { gate, planOf, route, someArtifact, startMs, step, ToldRun } from "./scheduler.test-support.ts";

const illegal = expect.objectContaining({ code: "LEDGER_TRANSITION_ILLEGAL" });

describe("starting", () => {
  test("E1: a step starts only when everything it needs succeeded, in plan order", () => {
    const run = new ToldRun(planOf([step("c", ["a", "b"]), step("a"), step("b")]));
    expect(run.settle().started).toEqual(["a/1", "b/1"]);
    run.complete("a");
    expect(run.settle().started).toEqual([]);
    expect(() => run.start("c")).toThrow(illegal);
  });

  test("E1: the last dependency starts what waited for it", () => {
    const run = new ToldRun(planOf([step("a"), step("b", ["a"])]));
    run.settle();
    run.complete("a");
    expect(run.settle().started).toEqual(["b/1"]);
    run.complete("b");
    expect(run.settle()).toMatchObject({ recorded: ["RUN_SUCCEEDED"], left: ["seal"] });
  });

  test("E1: a step whose gate is not judged yet has not succeeded", () => {
    const run = new ToldRun(planOf([step("a", [], { gates: [gate("g")] }), step("b", ["a"])]));
    run.settle();
    run.complete("a");
    expect(run.settle()).toMatchObject({ started: [], left: ["gate g"] });
    run.judge("GATE_PASSED", "g", "a");
    expect(run.settle().started).toEqual(["b/1"]);
  });

  test("E1: no more steps are in flight than the run may have at once", () => {
    const run = new ToldRun(planOf([step("a"), step("b"), step("c")]), { parallel: 2 });
    expect(run.settle().started).toEqual(["a/1", "b/1"]);
    run.complete("b");
    expect(run.settle().started).toEqual(["c/1"]);
  });

  test("E2: an attempt is numbered one further than the last", () => {
    const run = new ToldRun(planOf([step("a")]));
    expect(() => run.start("a", 2)).toThrow(illegal);
  });

  test("E2: an attempt that ended cannot end again", () => {
    const run = new ToldRun(planOf([step("a")]));
    run.settle();
    run.complete("a");
    expect(() => run.complete("a")).toThrow(illegal);
    expect(() => run.interrupt("a", "crash")).toThrow(illegal);
  });
});

describe("retries", () => {
  const retry = { max: 2, backoff_ms: 100, factor: 2, max_backoff_ms: 1_000 };

  test("E3: a failed step is retried as often as its own bound says, then decided", () => {
    const run = new ToldRun(planOf([step("a", [], { retry })]));
    run.settle();
    for (const attempt of [2, 3]) {
      run.fail("a");
      const { wakeAtMs, started } = run.settle();
      expect(started).toEqual([]);
      run.nowMs = wakeAtMs ?? 0;
      expect(run.settle().started).toEqual([`a/${attempt}`]);
    }
    run.fail("a");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
  });

  test("E3: the wait grows, is at most a quarter shorter, and is the same each time", () => {
    const waits = [1, 2].map(() => {
      const run = new ToldRun(planOf([step("a", [], { retry })]));
      run.settle();
      run.fail("a");
      return (run.settle().wakeAtMs ?? 0) - startMs;
    });
    expect(waits[0]).toBe(waits[1]);
    expect(waits[0]).toBeGreaterThanOrEqual(75);
    expect(waits[0]).toBeLessThanOrEqual(100);
  });

  test("E3: the policy's bound holds whatever a retry says", () => {
    const run = new ToldRun(planOf([step("a", [], { retry: { ...retry, max: 50, backoff_ms: 0 } })], { attemptsMax: 2 }));
    expect(run.settle().started).toEqual(["a/1"]);
    run.fail("a");
    expect(run.settle().started).toEqual(["a/2"]);
    run.fail("a");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
    expect(run.state.byId.get("a")?.attempt).toBe(2);
  });

  test("E3: the policy's bound holds whatever a route says", () => {
    const run = new ToldRun(planOf([step("a")], { attemptsMax: 2, routes: [route("r", {}, { kind: "retry", max: 50 })] }));
    run.settle();
    run.fail("a");
    expect(run.settle().started).toEqual(["a/2"]);
    run.fail("a");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
    expect(() => run.start("a")).toThrow(illegal);
  });

  test("E3: a route is taken as often as it says", () => {
    const run = new ToldRun(planOf([step("a")], { routes: [route("r", { step: "a", status: "timeout" }, { kind: "retry", max: 1 })] }));
    run.settle();
    run.fail("a", "timeout");
    expect(run.settle().started).toEqual(["a/2"]);
    run.fail("a", "timeout");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
    expect(run.state.ending?.reason).toContain("route r was taken 1 times already");
  });

  test("E3: a goto loop is bounded by its own count", () => {
    const run = new ToldRun(
      planOf([step("a"), step("b", ["a"])], { attemptsMax: 50, routes: [route("r", { step: "b" }, { kind: "goto", target: "a", max: 3 })] }),
    );
    for (let round = 0; round < 4; round++) {
      expect(run.settle().started).toEqual([`a/${round + 1}`]);
      run.complete("a");
      expect(run.settle().started).toEqual([`b/${round + 1}`]);
      run.fail("b");
    }
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
  });

  test("E3: a goto is not taken when a step behind its target has no attempt left", () => {
    const spent = { retry: { ...retry, max: 5, backoff_ms: 0 } };
    const run = new ToldRun(planOf([step("a"), step("b", ["a"], spent)], { attemptsMax: 3, routes: [route("r", {}, { kind: "goto", target: "a", max: 5 })] }));
    run.settle();
    run.complete("a");
    for (let attempt = 0; attempt < 3; attempt++) {
      run.settle();
      run.fail("b");
    }
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
    expect(run.state.ending?.reason).toContain("step b used its 3 attempts");
  });

  test("E3: a violation is not retried", () => {
    const run = new ToldRun(planOf([step("a", [], { retry })], { routes: [route("r", { violation: true }, { kind: "escalate", reason: "" })] }));
    run.settle();
    run.apply({
      kind: "POLICY_VIOLATION",
      key: "v",
      data: { step_id: "a", attempt: 1, violation_type: "write_denied", details: "out", artifact_id: someArtifact },
    });
    run.fail("a");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_BLOCKED"]);
  });
});

describe("gates", () => {
  for (const kind of ["GATE_FAILED", "GATE_ERROR"] as const) {
    test(`E4: a required gate that ends as ${kind} is never a pass`, () => {
      const run = new ToldRun(planOf([step("a", [], { gates: [gate("g"), gate("h")] })]));
      run.settle();
      run.complete("a");
      run.judge(kind, "g", "a");
      run.judge("GATE_PASSED", "h", "a");
      expect(run.phases()).toEqual({ a: "deciding" });
      expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
      expect(() => run.apply({ kind: "RUN_SUCCEEDED", key: "RUN_SUCCEEDED", data: { reason: "no" } })).toThrow(illegal);
    });

    test(`E4: a required gate of the run that ends as ${kind} is never a pass`, () => {
      const run = new ToldRun(planOf([step("a")], { gates: [gate("g")] }));
      run.settle();
      run.complete("a");
      expect(run.settle().left).toEqual(["gate g"]);
      run.judge(kind, "g");
      expect(() => new ToldRun(run.state.plan).apply({ kind: "RUN_SUCCEEDED", key: "k", data: { reason: "no" } })).toThrow(illegal);
      expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
    });
  }

  test("E4: an optional gate that fails does not stop its step", () => {
    const run = new ToldRun(planOf([step("a", [], { gates: [gate("g", false)] })]));
    run.settle();
    run.complete("a");
    run.judge("GATE_FAILED", "g", "a", { required: false });
    expect(run.settle().recorded).toEqual(["RUN_SUCCEEDED"]);
  });

  test("E4: whether a gate is required is what the plan says, not what its verdict says", () => {
    const run = new ToldRun(planOf([step("a", [], { gates: [gate("g")] })]));
    run.settle();
    run.complete("a");
    run.judge("GATE_FAILED", "g", "a", { required: false });
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
  });

  test("E4: a gate that is not due cannot be judged", () => {
    const run = new ToldRun(planOf([step("a", [], { gates: [gate("g"), gate("h")] })], { gates: [gate("z")] }));
    run.settle();
    expect(() => run.judge("GATE_PASSED", "g", "a")).toThrow(illegal);
    expect(() => run.judge("GATE_PASSED", "z")).toThrow(illegal);
    const other = new ToldRun(run.state.plan);
    other.settle();
    other.complete("a");
    expect(() => other.judge("GATE_PASSED", "h", "a")).toThrow(illegal);
  });

  test("E4: a run does not succeed before its own gates are judged", () => {
    const run = new ToldRun(planOf([step("a")], { gates: [gate("g"), gate("h")] }));
    run.settle();
    run.complete("a");
    run.judge("GATE_PASSED", "g");
    expect(() => run.apply({ kind: "RUN_SUCCEEDED", key: "k", data: { reason: "no" } })).toThrow(illegal);
  });

  test("E5: a dry-run verdict changes nothing", () => {
    const run = new ToldRun(planOf([step("a", [], { gates: [gate("g")] })]));
    run.settle();
    run.complete("a");
    run.judge("GATE_FAILED", "g", "a", { dry_run: true });
    expect(run.phases()).toEqual({ a: "gating" });
  });

  test("E3: a route judges the run's gates again as a new round, as often as it says", () => {
    const run = new ToldRun(planOf([step("a")], { gates: [gate("g")], routes: [route("r", { gate: "g", status: "failed" }, { kind: "retry", max: 1 })] }));
    run.settle();
    run.complete("a");
    run.judge("GATE_FAILED", "g");
    expect(run.settle()).toMatchObject({ recorded: ["ROUTE_TAKEN"], left: ["gate g"] });
    run.judge("GATE_FAILED", "g");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
  });
});

describe("held steps", () => {
  test("E6: a step that is held starts no attempt and holds up no other", () => {
    const { state, nowMs } = new ToldRun(planOf([step("a"), step("b")]), { parallel: 1 });
    const startsOf = (held: readonly string[]): readonly string[] =>
      decide(state, nowMs, (each) => held.includes(each.plan.id)).commands.flatMap((command) => (command.kind === "start" ? [command.step.plan.id] : []));
    expect(startsOf([])).toEqual(["a"]);
    expect(startsOf(["a"])).toEqual(["b"]);
    expect(startsOf(["a", "b"])).toEqual([]);
  });
});
