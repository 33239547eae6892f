import { describe, expect, test } from "vitest";
import { digestBytes } from "../base/digest.ts";
import { type ArtifactRef, artifactIdSchema } from "../contracts/artifact-ref.ts";
import { parseRunId } from "../contracts/ids.ts";
import { gate, planOf, route, someArtifact, step, ToldRun } from "./scheduler.test-support.ts";

const someDigest = digestBytes("");
const storedArtifact: ArtifactRef = {
  artifact_id: someArtifact,
  run_id: parseRunId("run-a"),
  artifact_type: "file",
  storage_kind: "file",
  digest: someDigest,
  size: 0,
  media_type: "text/plain",
  producer_id: "a",
  producer_kind: "tool",
  created_at: "2026-01-01T00:00:00.000Z",
  inputs: [],
};
const illegal = expect.objectContaining({ code: "LEDGER_TRANSITION_ILLEGAL" });

describe("routes", () => {
  test("E1: what a tolerated failure leaves behind is skipped, the rest goes on, and the run ends failed", () => {
    const run = new ToldRun(planOf([step("a"), step("b", ["a"]), step("c", ["b"]), step("d")], { routes: [route("r", {}, { kind: "continue" })] }));
    run.settle();
    run.fail("a");
    run.complete("d");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "STEP_SKIPPED", "STEP_SKIPPED", "RUN_FAILED"]);
    expect(run.phases()).toEqual({ a: "failed", b: "skipped", c: "skipped", d: "succeeded" });
  });

  test("E3: a step is not retried, by itself or by a route, that was tried more often than the policy's retry_max", () => {
    const routes = [route("again", { step: "a" }, { kind: "retry", max: 5 })];
    const plan = planOf([step("a", [], { retry: { max: 1, backoff_ms: 0, factor: 1, max_backoff_ms: 0 } })], { routes });
    const run = new ToldRun({ ...plan, policy: { ...plan.policy, retry_max: 2 } });
    run.settle();
    run.fail("a");
    run.settle();
    run.fail("a");
    expect(run.settle().recorded).toContain("ROUTE_TAKEN");
    run.fail("a");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
    expect(run.state.ending?.reason).toContain("the policy allows 2 retries");
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
    const run = new ToldRun(
      planOf([step("a"), step("b", ["a"]), step("c", ["a"])], { routes: [route("g", { step: "b" }, { kind: "goto", target: "a", max: 1 })] }),
    );
    run.settle();
    run.complete("a");
    run.settle();
    run.fail("b");
    expect(run.settle()).toMatchObject({ recorded: [], left: ["interrupt c goto"] });
    expect(() => run.apply({ kind: "ROUTE_TAKEN", key: "x", data: { route_id: "g", action: "goto", step_id: "b", target: "a", reason: "early" } })).toThrow(
      illegal,
    );
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
    expect(
      () =>
        planHash !== null &&
        run.apply({ kind: "PLAN_COMMITTED", key: "p", data: { plan_hash: planHash, artifact_id: someArtifact, workflow: "w", source_dir: "s" } }),
    ).toThrow(illegal);
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

  test("L6: facts about a run change what they say and nothing else", () => {
    const run = new ToldRun(planOf([step("a")]));
    run.apply({ kind: "LEADER_TAKEN", key: "l", data: { token: 1, host: "h", pid: 1, boot_id: "b" } });
    run.apply({ kind: "ENVIRONMENT_CAPTURED", key: "e", data: { artifact_id: someArtifact } });
    run.apply({ kind: "RUN_RESUMED", key: "r", data: { reason: "again" } });
    run.apply({ kind: "RECORD_RECOVERED", key: "x", data: { stream: "run/run-a", bytes: 1, digest: someDigest, set_aside: "q", reason: "torn" } });
    run.apply({ kind: "ARTIFACT_STORED", key: "s", data: { artifact: storedArtifact, inline: "{}" } });
    expect(run.state.artifacts.get(someArtifact)).toEqual({ ref: storedArtifact, inline: "{}" });
    expect(run.state.counts.artifacts).toBe(1);
    expect(run.phases()).toEqual({ a: "ready" });
  });

  test("L4: a checkpoint belongs to the workspace, and a run that ended is not resumed", () => {
    const run = new ToldRun(planOf([]));
    const data = { size: 1, root: someDigest, leaves: [], key_name: "k", note: "n" };
    expect(() => run.apply({ kind: "CHECKPOINT_CUT", key: "c", data })).toThrow(illegal);
    const ended = new ToldRun(planOf([]));
    ended.settle();
    expect(() => ended.apply({ kind: "RUN_RESUMED", key: "r", data: { reason: "late" } })).toThrow(illegal);
    expect(() => ended.apply({ kind: "RUN_UNBLOCKED", key: "u", data: { reason: "late" } })).toThrow(illegal);
  });

  test("L6: artifacts of a completed step are found under the outputs that they became", () => {
    const run = new ToldRun(planOf([step("a")]));
    run.settle();
    run.apply({
      kind: "STEP_COMPLETED",
      key: "c",
      data: {
        step_id: "a",
        attempt: 1,
        outputs: { one: someDigest, many: [someDigest, someDigest] },
        artifacts: [artifact(1), artifact(2), artifact(3)],
        logs: [],
        duration_ms: 1,
        executor: { kind: "process" },
      },
    });
    expect(Object.fromEntries(run.state.byId.get("a")?.outputs ?? [])).toEqual({ many: [artifact(1), artifact(2)], one: [artifact(3)] });
  });

  test("E3: a violation counts and keeps its route apart from other failures", () => {
    const routes = [
      route("plain", { violation: false }, { kind: "retry", max: 5 }),
      route("only", { violation: true, status: "failed" }, { kind: "abort", reason: "breach" }),
    ];
    const run = new ToldRun(planOf([step("a")], { routes }));
    run.settle();
    run.apply({
      kind: "POLICY_VIOLATION",
      key: "v",
      data: { step_id: "a", attempt: 1, violation_type: "write_denied", details: "out", artifact_id: someArtifact },
    });
    run.fail("a");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
    expect(run.state).toMatchObject({ ending: { reason: "breach" }, counts: { violations: 1 } });
  });

  test("E3: an abandoned attempt counts as a failure of its step", () => {
    const run = new ToldRun(planOf([step("a", [], { retry: { max: 1, backoff_ms: 0, factor: 1, max_backoff_ms: 0 } })]));
    run.settle();
    run.interrupt("a", "abandoned");
    expect(run.settle().started).toEqual(["a/2"]);
    run.interrupt("a", "abandoned");
    expect(run.settle().recorded).toEqual(["ROUTE_TAKEN", "RUN_FAILED"]);
  });

  test("E7: a shutdown leaves the step to be started again, with the cause that it was resumed", () => {
    const run = new ToldRun(planOf([step("a")]));
    run.settle();
    run.interrupt("a", "shutdown");
    expect(run.state.byId.get("a")?.cause).toBe("resume");
    expect(run.settle().started).toEqual(["a/2"]);
  });

  test("steps behind a retry that waits start in plan order with it once it is due", () => {
    const retry = { max: 1, backoff_ms: 1_000, factor: 1, max_backoff_ms: 1_000 };
    const run = new ToldRun(planOf([step("a", [], { retry }), step("b"), step("c", ["b"])]), { parallel: 1 });
    run.settle();
    run.fail("a");
    expect(run.settle()).toMatchObject({ started: ["b/1"], wakeAtMs: null });
    run.complete("b");
    run.nowMs += 2_000;
    expect(run.settle().started).toEqual(["a/2"]);
    run.complete("a");
    expect(run.settle().started).toEqual(["c/1"]);
  });
});

function artifact(number: number): typeof someArtifact {
  return artifactIdSchema.parse(`art_${String(number).padStart(32, "0")}`);
}
