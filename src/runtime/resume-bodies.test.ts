import { expect, test } from "vitest";
import { gate, planOf, step, ToldRun } from "../graph/scheduler.test-support.ts";
import { resumeBodies } from "./resume-run.ts";

const bodiesOf = (run: ToldRun): readonly string[] => resumeBodies(run.state, 7, { unblock: null }).map(({ key }) => key);

test("what ran when the leader ended is interrupted in plan order, and what only waits for its gates is not", () => {
  const run = new ToldRun(planOf([step("a"), step("b", [], { gates: [gate("g")] }), step("c")]));
  run.settle();
  run.complete("b");
  expect(bodiesOf(run)).toEqual(["RUN_RESUMED/7", "STEP_INTERRUPTED/a/1", "STEP_INTERRUPTED/c/1"]);
});

test("a run that rests is not resumed, and what can be done instead is said", () => {
  const conflict = (words: string) => expect.objectContaining({ code: "RUN_STATE_CONFLICT", message: expect.stringContaining(words) });
  const fresh = new ToldRun(planOf([step("a")]), { started: false });
  expect(() => bodiesOf(fresh)).toThrow(conflict("it has not begun"));
  const told = (phase: "incomplete" | "failed" | "blocked"): ToldRun => {
    const run = new ToldRun(planOf([step("a")]));
    run.state.phase = phase;
    return run;
  };
  expect(() => bodiesOf(told("incomplete"))).toThrow(conflict("it never goes on"));
  expect(() => bodiesOf(told("failed"))).toThrow(conflict("lily run rerun run-a"));
  expect(() => bodiesOf(told("blocked"))).toThrow(conflict("--unblock REASON"));
  expect(resumeBodies(told("blocked").state, 7, { unblock: "fixed" })).toMatchObject([{ key: "RUN_UNBLOCKED/7", data: { reason: "fixed" } }]);
});
