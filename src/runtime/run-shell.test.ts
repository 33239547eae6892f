import { expect, test } from "vitest";
import type { PlanGate, PlanStep } from "../contracts/plan-document.ts";
import type { Delivery } from "./effect.ts";
import { type Performer, RunShell } from "./run-shell.ts";
import { type SecurityWatch, unknownReading } from "./security-watch.ts";
import { LilyError } from "../base/lily-error.ts";
import { artifactIdSchema } from "../contracts/artifact-ref.ts";
import { parseRunId, runStream } from "../contracts/ids.ts";
import { createRunState } from "../graph/run-state.ts";
import { digestBytes } from "../base/digest.ts";
import { createFakeClock } from "../testkit/fake-clock.ts";
import type { StreamWriter } from "../ledger/ledger.ts";

const policy = { tools: null, write: null, network: "allow", sandbox: "off", attempts_max: 1 } as const;
const plan = {
  v: 1,
  workflow: "none",
  title: null,
  params: {},
  inputs: {},
  policy,
  policy_digest: digestBytes(""),
  steps: [],
  gates: [],
  routes: [],
  code: [],
  uses: [],
  modules: [],
  schemas: [],
} as const;

const quiet: SecurityWatch = { latest: () => unknownReading, look: async () => unknownReading, stop: async () => {} };

test("L3: a shell that is told of a lost lease stops with that fault, and keeps the first one", async () => {
  const performer: Performer = {
    startStep: () => ({ done: Promise.resolve({ bodies: [] }), end: () => {} }),
    startGate: () => ({ done: Promise.resolve({ bodies: [] }), end: () => {} }),
    inputsOf: () => [],
    isHeld: () => false,
    beforeStart: () => ({ kind: "start", bodies: [], why: null }),
    explainSkip: () => {
      throw new Error("nothing is skipped here");
    },
  };
  const stream = runStream(parseRunId("run-a"));
  const writer: StreamWriter = { stream, token: 1, head: { stream, size: 0, bytes: 0, hash: null }, events: 0, append: async () => [] };
  const shell = new RunShell({
    state: createRunState(plan, parseRunId("run-a")),
    writer,
    clock: createFakeClock(),
    principal: "user:ada",
    performer,
    onEvents: () => {},
    security: quiet,
  });
  const driven = shell.drive();
  shell.fail(new LilyError("LEDGER_TOKEN_STALE", "another process leads"));
  shell.fail(new LilyError("STORAGE_FAILED", "later"));
  await expect(driven).rejects.toMatchObject({ code: "LEDGER_TOKEN_STALE" });
});

function gateOf(id: string): PlanGate {
  return { id, required: true, timeout_ms: 1000, check: { kind: "command", argv: ["true"], env: {}, env_from: [], secrets: [] } };
}

function stepNamed(id: string, gates: readonly PlanGate[]): PlanStep {
  return {
    id,
    title: null,
    needs: [],
    executor: { kind: "process", argv: ["true"] },
    with: {},
    env: {},
    env_from: [],
    secrets: [],
    outputs: {},
    workdir: "source",
    timeout_ms: null,
    retry: { max: 0, backoff_ms: 0, factor: 1, max_backoff_ms: 0 },
    pure: false,
    effects: [],
    gates,
    log_bytes_max: 1,
  };
}

test("E4: a gate is run once an attempt, however often it is decided while it runs or its verdict waits", async () => {
  const clock = createFakeClock({ autoAdvance: true });
  const stream = runStream(parseRunId("run-a"));
  const started: string[] = [];
  const ended = (delivery: Delivery, turns: number): Promise<Delivery> =>
    turns === 0 ? Promise.resolve(delivery) : clock.nextTurn().then(() => ended(delivery, turns - 1));
  const performer: Performer = {
    startStep: (step, attempt) => {
      const data = { step_id: step.plan.id, attempt, outputs: {}, artifacts: [], logs: [], duration_ms: 0, executor: { kind: "process" as const } };
      return { done: ended({ bodies: [{ kind: "STEP_COMPLETED", key: `STEP_COMPLETED/${step.plan.id}`, data }] }, step.index), end: () => {} };
    },
    startGate: (gate, step, attempt) => {
      started.push(`${gate.id}/${attempt}`);
      const id = artifactIdSchema.parse(`art_${"0".repeat(32)}`);
      const data = {
        gate_id: gate.id,
        step_id: step?.plan.id ?? "",
        attempt,
        required: true,
        reason: null,
        result_artifact_id: id,
        log_artifact_ids: [],
        duration_ms: 0,
      };
      return { done: ended({ bodies: [{ kind: "GATE_PASSED", key: `GATE_PASSED/${gate.id}`, data }] }, 1), end: () => {} };
    },
    inputsOf: () => [],
    isHeld: () => false,
    beforeStart: () => ({ kind: "start", bodies: [], why: null }),
    explainSkip: () => {
      throw new Error("nothing is skipped here");
    },
  };
  // Commits take a few turns, so that gates end while a batch that still named them is under way.
  const append: StreamWriter["append"] = async (drafts) => {
    for (let turns = 0; turns < 3; turns++) await clock.nextTurn();
    return drafts.map((draft, index) => ({ ...draft, v: 1, stream, seq: index, prev: null, token: 1, at: draft.at ?? "", hash: digestBytes("") }));
  };
  const writer: StreamWriter = { stream, token: 1, head: { stream, size: 0, bytes: 0, hash: null }, events: 0, append };
  const steps = ["a", "b", "c", "d"].map((id) => stepNamed(id, [gateOf(`${id}-g1`), gateOf(`${id}-g2`)]));
  const state = createRunState({ ...plan, steps }, parseRunId("run-a"));
  const shell = new RunShell({ state, writer, clock, principal: "user:ada", performer, onEvents: () => {}, security: quiet });
  const planned = { plan_hash: digestBytes(""), artifact_id: artifactIdSchema.parse(`art_${"0".repeat(32)}`), workflow: "w", source_dir: "s" };
  shell.deliver([
    { kind: "PLAN_COMMITTED", key: "PLAN_COMMITTED", data: planned },
    { kind: "RUN_STARTED", key: "RUN_STARTED", data: { inputs: {}, parallel: 2 } },
  ]);
  await shell.drive();
  expect(state.phase).toBe("succeeded");
  expect(started.sort((one, other) => one.localeCompare(other))).toEqual(["a", "b", "c", "d"].flatMap((id) => [`${id}-g1/1`, `${id}-g2/1`]));
});
