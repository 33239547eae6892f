import { expect, test } from "vitest";
import { type Digest, taggedDigest } from "../base/digest.ts";
import type { EventBody, LedgerEvent } from "../contracts/event.ts";
import { parseRunId } from "../contracts/ids.ts";
import { forkPrefix, keptResult, succeededInOrder } from "./fork-prefix.ts";
import { planOf, someArtifact, step, ToldRun } from "./scheduler.test-support.ts";

const runId = parseRunId("run-a");
const hash = taggedDigest("event", "done");
const recorded = (body: EventBody): LedgerEvent => ({ ...body, hash }) as LedgerEvent;
const completed = (id: string, outputs: Record<string, Digest | Digest[]> = {}): EventBody => ({
  kind: "STEP_COMPLETED",
  key: `STEP_COMPLETED/${id}/1`,
  data: { step_id: id, attempt: 1, outputs, artifacts: [], logs: [], duration_ms: 1, executor: { kind: "process" } },
});
const reused = (id: string): EventBody => ({
  kind: "STEP_REUSED",
  key: `STEP_REUSED/${id}/pure`,
  data: {
    step_id: id,
    attempt: 0,
    cause: "pure",
    from: { run_id: parseRunId("run-b"), step_id: "x", attempt: 3, event: hash },
    outputs: {},
    artifacts: [],
    why_artifact_id: someArtifact,
  },
});

test("the prefix ends before the first start or reuse of what is done again", () => {
  const { state } = new ToldRun(planOf([step("a"), step("b", ["a"]), step("c")]));
  const at = "2026-01-01T00:00:00.000Z";
  const started = (id: string): EventBody => ({
    kind: "STEP_STARTED",
    key: `STEP_STARTED/${id}/1`,
    data: { step_id: id, attempt: 1, cause: "ready", inputs: [] },
  });
  const events = [started("c"), completed("c"), reused("b")].map((body) => ({ ...body, at }));
  const from = (id: string): number =>
    forkPrefix(
      state,
      events,
      [state.byId.get(id)].flatMap((one) => one ?? []),
    );
  expect([from("a"), from("b"), from("c"), forkPrefix(state, events, [])]).toEqual([2, 2, 0, 3]);
});

test("a result that is kept is its own, or the one that it stood on, and there is none of a step that never was done", () => {
  const run = new ToldRun(planOf([step("a"), step("b")]));
  const [a, b] = run.state.steps;
  if (a === undefined || b === undefined) throw new Error("two steps were planned");
  const prefix = [recorded(completed("a", { many: [hash], one: hash })), recorded(reused("a"))];
  expect(keptResult(runId, prefix.slice(0, 1), run.state, a)).toEqual({
    from: { run_id: runId, step_id: "a", attempt: 1, event: hash },
    outputs: { many: [], one: [] },
    artifacts: [],
  });
  expect(keptResult(runId, prefix, run.state, a)?.from).toEqual({ run_id: parseRunId("run-b"), step_id: "x", attempt: 3, event: hash });
  expect(keptResult(runId, prefix, run.state, b)).toBe(null);
});

test("steps that succeeded come after what they need, and those that did not are left out", () => {
  const run = new ToldRun(planOf([step("z", ["a", "m"]), step("a"), step("m", ["a"]), step("o")]));
  run.settle();
  for (const id of ["a", "m", "z"]) {
    run.complete(id);
    run.settle();
  }
  expect(succeededInOrder(run.state).map(({ plan }) => plan.id)).toEqual(["a", "m", "z"]);
});
