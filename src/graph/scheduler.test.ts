import { describe, expect, test } from "vitest";
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
    const run = new ToldRun(planOf([step("a"), step("b", ["a"])], { attemptsMax: 50, routes: [route("r", { step: "b" }, { kind: "goto", target: "a", max: 3 })] }));
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
    run.apply({ kind: "POLICY_VIOLATION", key: "v", data: { step_id: "a", attempt: 1, violation_type: "write_denied", details: "out", artifact_id: someArtifact } });
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

describe("routes", () => {
  test("E1: what a tolerated failure leaves behind is skipped, the rest goes on, and the run ends failed", () => {
    const run = new ToldRun(planOf([step("a"), step("b", ["a"]), step("c", ["b"]), step("d")], { routes: [route("r", {}, { kind: "continue" })] }));
    run.settle();
    run.fail("a");
    run.complete("d");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "STEP_SKIPPED", "STEP_SKIPPED", "RUN_FAILED"]);
    expect(run.phases()).toEqual({ a: "failed", b: "skipped", c: "skipped", d: "succeeded" });
  });

  test("E1: steps are skipped for a step they need, whatever the order of the document", () => {
    const run = new ToldRun(planOf([step("c", ["b"]), step("b", ["a"]), step("a")], { routes: [route("r", {}, { kind: "continue" })] }));
    run.settle();
    run.fail("a");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "STEP_SKIPPED", "STEP_SKIPPED", "RUN_FAILED"]);
  });

  test("E1: a goto does not revive a step that needs one whose failure was tolerated", () => {
    const routes = [route("t", { step: "a" }, { kind: "continue" }), route("g", { step: "b" }, { kind: "goto", target: "b", max: 1 })];
    const run = new ToldRun(planOf([step("a"), step("b"), step("c", ["a", "b"])], { routes }));
    run.settle();
    run.fail("a");
    run.settle();
    expect(run.phases()["c"]).toBe("skipped");
    run.fail("b");
    expect(run.settle().started).toEqual(["b/2"]);
    run.complete("b");
    expect(run.settle().recorded).toEqual(["RUN_FAILED"]);
    expect(run.phases()).toEqual({ a: "failed", b: "succeeded", c: "skipped" });
  });

  test("E7: a goto first ends what it would do again", () => {
    const run = new ToldRun(planOf([step("a"), step("b", ["a"]), step("c", ["a"])], { routes: [route("g", { step: "b" }, { kind: "goto", target: "a", max: 1 })] }));
    run.settle();
    run.complete("a");
    run.settle();
    run.fail("b");
    expect(run.settle()).toMatchObject({ recorded: [], left: ["interrupt c goto"] });
    expect(() =>
      run.apply({ kind: "ROUTE_TAKEN", key: "x", data: { route_id: "g", action: "goto", step_id: "b", target: "a", reason: "early" } }),
    ).toThrow(illegal);
  });

  test("E7: a step that a goto interrupted goes on when the goto is not taken after all", () => {
    const routes = [route("g", { gate: "g" }, { kind: "goto", target: "a", max: 1 }), route("t", {}, { kind: "continue" })];
    const run = new ToldRun(planOf([step("a"), step("b", ["a"])], { routes }));
    run.settle();
    run.complete("a");
    run.settle();
    run.interrupt("b", "goto");
    expect(run.settle().started).toEqual(["b/2"]);
  });

  test("E3: an interrupted step without an attempt left is decided, not started", () => {
    const run = new ToldRun(planOf([step("a")], { attemptsMax: 1 }));
    run.settle();
    run.interrupt("a", "crash");
    expect(run.phases()).toEqual({ a: "deciding" });
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
  });

  test("an escalation waits for what is in flight, and a person lets the step go on", () => {
    const run = new ToldRun(planOf([step("a"), step("b")], { attemptsMax: 1, routes: [route("e", { step: "a" }, { kind: "escalate", reason: "look" })] }));
    run.settle();
    run.fail("a");
    expect(run.settle()).toMatchObject({ recorded: ["ROUTE_TAKEN"], left: [] });
    run.complete("b");
    expect(run.settle()).toMatchObject({ recorded: ["RUN_BLOCKED"], left: ["seal"] });
    run.apply({ kind: "RUN_UNBLOCKED", key: "RUN_UNBLOCKED/2", data: { reason: "looked" } });
    expect(run.settle().started).toEqual(["a/2"]);
  });

  test("a person lets the gates of a blocked run be judged again", () => {
    const run = new ToldRun(planOf([step("a")], { gates: [gate("g")], routes: [route("e", { gate: "g" }, { kind: "escalate", reason: "" })] }));
    run.settle();
    run.complete("a");
    run.judge("GATE_ERROR", "g");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_BLOCKED"]);
    run.apply({ kind: "RUN_UNBLOCKED", key: "RUN_UNBLOCKED/2", data: { reason: "mended" } });
    expect(run.settle().left).toEqual(["gate g"]);
  });

  test("an abort ends what is in flight, and its failures are not retried", () => {
    const run = new ToldRun(planOf([step("a"), step("b", [], { retry: { max: 3, backoff_ms: 0, factor: 1, max_backoff_ms: 1 } })]));
    run.settle();
    run.fail("a");
    expect(run.settle()).toMatchObject({ recorded: ["ROUTE_TAKEN"], left: ["interrupt b abort"] });
    run.fail("b");
    expect(run.settle()).toMatchObject({ recorded: ["RUN_FAILED"], left: ["seal"] });
    expect(run.phases()).toEqual({ a: "failed", b: "failed" });
  });

  test("a goto of the run's gates does its target again, and judges them again", () => {
    const run = new ToldRun(planOf([step("a")], { gates: [gate("g")], routes: [route("r", { gate: "g" }, { kind: "goto", target: "a", max: 1 })] }));
    run.settle();
    run.complete("a");
    run.judge("GATE_FAILED", "g");
    expect(run.settle()).toMatchObject({ recorded: ["ROUTE_TAKEN"], started: ["a/2"] });
    expect(run.state.runGateRound).toBe(2);
  });

  test("a failure of the run's gates cannot be continued from", () => {
    const run = new ToldRun(planOf([step("a")], { gates: [gate("g")], routes: [route("r", {}, { kind: "continue" })] }));
    run.settle();
    run.complete("a");
    run.judge("GATE_FAILED", "g");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
  });
});

describe("the run", () => {
  test("E6: a cancel ends what is in flight before the run ends", () => {
    const run = new ToldRun(planOf([step("a", [], { gates: [gate("g")] }), step("b")]));
    run.settle();
    run.complete("a");
    run.apply({ kind: "CANCEL_REQUESTED", key: "c", data: { reason: "enough" } });
    expect(run.settle().left).toEqual(["interrupt a cancel", "interrupt b cancel"]);
    expect(() => run.apply({ kind: "RUN_CANCELED", key: "x", data: { reason: "enough" } })).toThrow(illegal);
    run.interrupt("a", "cancel");
    run.interrupt("b", "cancel");
    expect(run.settle()).toMatchObject({ recorded: ["RUN_CANCELED"], left: ["seal"] });
  });

  test("a blocked run can be canceled after its seal", () => {
    const run = new ToldRun(planOf([step("a")], { routes: [route("e", {}, { kind: "escalate", reason: "" })] }));
    run.settle();
    run.fail("a");
    run.settle();
    run.apply({ kind: "RUN_SEALED", key: "s", data: { outcome: "blocked", events: 0, counts: {} } });
    run.apply({ kind: "CANCEL_REQUESTED", key: "c", data: { reason: "enough" } });
    expect(run.settle().recorded).toEqual(["RUN_CANCELED"]);
  });

  test("L4: nothing of the run follows its seal but facts about it", () => {
    const run = new ToldRun(planOf([]));
    run.settle();
    run.apply({ kind: "RUN_SEALED", key: "s", data: { outcome: "succeeded", events: 4, counts: {} } });
    expect(run.settle().left).toEqual([]);
    run.judge("GATE_FAILED", "z", null, { dry_run: true });
    expect(() => run.apply({ kind: "CANCEL_REQUESTED", key: "c", data: { reason: "late" } })).toThrow(illegal);
    expect(() => run.judge("GATE_PASSED", "z")).toThrow(illegal);
    run.apply({ kind: "RUN_REOPENED", key: "r", data: { reason: "again" } });
    expect(run.settle().left).toEqual(["seal"]);
  });

  test("L4: what a run cannot do in its state is refused", () => {
    const run = new ToldRun(planOf([step("a")]));
    const refused: readonly Parameters<ToldRun["apply"]>[0][] = [
      { kind: "RUN_CREATED", key: "1", data: { workspace_id: "ws", format: 1, kernel_version: "0", kind: "workflow" } },
      { kind: "RUN_STARTED", key: "2", data: { inputs: {}, parallel: 1 } },
      { kind: "RUN_SEALED", key: "3", data: { outcome: "failed", events: 0, counts: {} } },
      { kind: "RUN_UNBLOCKED", key: "4", data: { reason: "no" } },
      { kind: "STEP_SKIPPED", key: "5", data: { step_id: "a", attempt: 1, reason: "no", because: "a" } },
      { kind: "ROUTE_TAKEN", key: "6", data: { route_id: null, action: "abort", reason: "no" } },
      { kind: "ROUTE_TAKEN", key: "7", data: { route_id: null, action: "abort", step_id: "a", reason: "no" } },
      { kind: "STEP_STARTED", key: "8", data: { step_id: "z", attempt: 1, cause: "ready", inputs: [] } },
      { kind: "WORKSPACE_CREATED", key: "9", data: { workspace_id: "ws", format: 1, kernel_version: "0" } },
    ];
    for (const body of refused) expect(() => new ToldRun(run.state.plan).apply(body), body.key).toThrow(illegal);
    const { planHash } = run.state;
    expect(() => planHash !== null && run.apply({ kind: "PLAN_COMMITTED", key: "p", data: { plan_hash: planHash, artifact_id: someArtifact, workflow: "w", source_dir: "s" } })).toThrow(illegal);
  });

  test("L4: a run does not start without a plan", () => {
    const run = new ToldRun(planOf([]), { started: false });
    expect(run.settle()).toEqual({ started: [], left: [], recorded: [], wakeAtMs: null });
    expect(() => run.apply({ kind: "RUN_STARTED", key: "2", data: { inputs: {}, parallel: 1 } })).toThrow(illegal);
  });

  test("L4: no step starts while the run is coming to rest", () => {
    const run = new ToldRun(planOf([step("a"), step("b")]), { parallel: 1 });
    run.settle();
    run.apply({ kind: "CANCEL_REQUESTED", key: "c", data: { reason: "enough" } });
    expect(() => run.start("b")).toThrow(illegal);
  });
});
