import { describe, expect, test } from "vitest";
import { createMemorySecurityMonitor } from "../adapters/memory/security-monitor.ts";
import { digestBytes } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import { artifactIdSchema } from "../contracts/artifact-ref.ts";
import type { EventBody, EventDraft } from "../contracts/event.ts";
import { parseRunId, runStream } from "../contracts/ids.ts";
import type { PlanDocument, PlanStep } from "../contracts/plan-document.ts";
import { createRunState, type RunState, type StepState } from "../graph/run-state.ts";
import type { StreamWriter } from "../ledger/ledger.ts";
import { createFakeClock } from "../testkit/fake-clock.ts";
import type { Delivery, Effect } from "./effect.ts";
import { effectBody } from "./effect-report.ts";
import { type Performer, RunShell } from "./run-shell.ts";
import { readSecurity, watchSecurity } from "./security-watch.ts";

const runId = parseRunId("run-a");
const stream = runStream(runId);
const artifactId = artifactIdSchema.parse(`art_${"0".repeat(32)}`);
const policy = { tools: null, write: null, network: "allow", sandbox: "off", attempts_max: 5 } as const;

function stepNamed(id: string, needs: readonly string[] = []): PlanStep {
  return {
    id,
    title: null,
    needs,
    executor: { kind: "process", argv: ["true"] },
    with: {},
    env: {},
    env_from: [],
    secrets: [],
    outputs: {},
    workdir: "source",
    timeout_ms: null,
    retry: { max: 3, backoff_ms: 60_000, factor: 1, max_backoff_ms: 60_000 },
    pure: false,
    effects: [],
    gates: [],
    log_bytes_max: 1,
  };
}

function planOf(steps: readonly PlanStep[]): PlanDocument {
  const empty = { params: {}, inputs: {}, gates: [], routes: [], code: [], uses: [], modules: [], schemas: [] };
  return { v: 1, workflow: "w", title: null, policy, policy_digest: digestBytes(""), ...empty, steps };
}

interface Open {
  readonly step: StepState;
  readonly attempt: number;
  finish(delivery: Delivery): void;
  ended: boolean;
}

/** A shell whose attempts end when the test says so, over a writer that waits for `onAppend`. */
class ShellBed {
  readonly clock = createFakeClock();
  readonly monitor = createMemorySecurityMonitor();
  readonly started: Open[] = [];
  readonly batches: (readonly EventDraft[])[] = [];
  readonly state: RunState;
  onAppend: (kinds: readonly string[]) => Promise<void> | void = () => {};
  /** What an attempt does when it is told to end: by itself it ends with what its work would have said. */
  onEnd: (open: Open) => void = (open) => open.finish({ bodies: [completed(open)] });
  #shell: RunShell | null = null;

  constructor(steps: readonly PlanStep[]) {
    this.state = createRunState(planOf(steps), runId);
  }

  get shell(): RunShell {
    if (this.#shell === null) throw new Error("not driven yet");
    return this.#shell;
  }

  async drive(): Promise<void> {
    const { clock, monitor, state } = this;
    const first = await readSecurity(monitor, clock);
    const security = watchSecurity(monitor, clock, first, (escalation) => shell.escalate(escalation));
    const append: StreamWriter["append"] = async (drafts) => {
      this.batches.push(drafts);
      await this.onAppend(drafts.map((draft) => draft.kind));
      return drafts.map((draft, seq) => ({ ...draft, v: 1, stream, seq, prev: null, token: 1, at: draft.at ?? "", hash: digestBytes("") }));
    };
    const writer: StreamWriter = { stream, token: 1, head: { stream, size: 0, bytes: 0, hash: null }, events: 0, append };
    const shell = new RunShell({ state, writer, clock, principal: "user:ada", performer: this.#performer(), onEvents: () => {}, security });
    this.#shell = shell;
    shell.deliver([
      { kind: "PLAN_COMMITTED", key: "PLAN_COMMITTED", data: { plan_hash: digestBytes(""), artifact_id: artifactId, workflow: "w", source_dir: "s" } },
      { kind: "RUN_STARTED", key: "RUN_STARTED", data: { inputs: {}, parallel: 4 } },
    ]);
    try {
      await shell.drive();
    } finally {
      await security.stop();
    }
  }

  /** As if the monitor changed without telling anybody. */
  raiseSilently(): void {
    this.monitor.break({ answer: { state: "COMPROMISED", boundary: "b", reason: "seen" } });
  }

  async turns(count = 20): Promise<void> {
    for (; count > 0; count--) await this.clock.nextTurn();
  }

  kinds(): readonly string[] {
    return this.batches.flat().map((draft) => draft.kind);
  }

  lastKinds(): readonly string[] {
    return (this.batches.at(-1) ?? []).map((draft) => draft.kind);
  }

  #performer(): Performer {
    return {
      startStep: (step, attempt) => this.#start(step, attempt),
      startGate: () => {
        throw new Error("no gate here");
      },
      inputsOf: () => [],
      isHeld: () => false,
      beforeStart: () => ({ kind: "start", bodies: [], why: null }),
      explainSkip: () => {
        throw new Error("nothing is skipped here");
      },
    };
  }

  #start(step: StepState, attempt: number): Effect {
    const { promise, resolve } = Promise.withResolvers<Delivery>();
    const open: Open = { step, attempt, finish: resolve, ended: false };
    this.started.push(open);
    const end = (): void => {
      open.ended = true;
      this.onEnd(open);
    };
    return { done: promise, end };
  }
}

function completed({ step, attempt }: Pick<Open, "step" | "attempt">): EventBody {
  const data = { step_id: step.plan.id, attempt, outputs: {}, artifacts: [], logs: [], duration_ms: 0, executor: { kind: "process" as const } };
  return { kind: "STEP_COMPLETED", key: `STEP_COMPLETED/${step.plan.id}/${attempt}`, data };
}

const closed = (interrupted: number): readonly string[] => [
  "SECURITY_ESCALATED",
  ...Array.from({ length: interrupted }, () => "STEP_INTERRUPTED"),
  "SECURITY_SNAPSHOT",
  "RUN_INCOMPLETE",
  "RUN_SEALED",
];

describe("an escalation", () => {
  test("S1: before the first decision is found before anything starts, after what began the run is recorded", async () => {
    const bed = new ShellBed([stepNamed("a")]);
    bed.onAppend = () => bed.raiseSilently();
    await bed.drive();
    expect(bed.started).toEqual([]);
    expect(bed.batches[0]?.map((draft) => draft.kind)).toEqual(["PLAN_COMMITTED", "RUN_STARTED", "STEP_STARTED"]);
    expect(bed.lastKinds()).toEqual(closed(1));
    expect(bed.batches).toHaveLength(2);
  });

  test("S1: while a batch that starts a step commits, the step is recorded and never performed", async () => {
    const bed = new ShellBed([stepNamed("a"), stepNamed("b", ["a"])]);
    bed.onAppend = (kinds) => {
      if (kinds.includes("STEP_COMPLETED")) bed.raiseSilently();
    };
    const driven = bed.drive();
    await bed.turns();
    bed.started[0]?.finish({ bodies: [completed({ step: bed.state.steps[0] as StepState, attempt: 1 })] });
    await driven;
    expect(bed.started).toHaveLength(1);
    expect(bed.kinds().filter((kind) => kind === "STEP_STARTED")).toHaveLength(2);
    expect(bed.lastKinds()).toEqual(closed(1));
  });

  test("S1: that nobody told of is found before the next batch: nothing is started after it, and no snapshot says that all is well", async () => {
    const bed = new ShellBed([stepNamed("a"), stepNamed("b", ["a"])]);
    const driven = bed.drive();
    await bed.turns();
    bed.raiseSilently();
    bed.started[0]?.finish({ bodies: [completed({ step: bed.state.steps[0] as StepState, attempt: 1 })] });
    await driven;
    expect(bed.kinds().filter((kind) => kind === "STEP_STARTED")).toHaveLength(1);
    expect(bed.lastKinds()).toEqual(closed(1));
  });

  test("S1: while the run ends, and after it ended, changes nothing of it", async () => {
    const bed = new ShellBed([stepNamed("a")]);
    bed.onAppend = (kinds) => {
      if (kinds.includes("RUN_SEALED")) void bed.monitor.set("LOCKDOWN", "late", "user:eve");
    };
    const driven = bed.drive();
    await bed.turns();
    bed.started[0]?.finish({ bodies: [completed({ step: bed.state.steps[0] as StepState, attempt: 1 })] });
    await driven;
    expect(bed.state.phase).toBe("succeeded");
    expect(bed.lastKinds()).toEqual(["STEP_COMPLETED", "SECURITY_SNAPSHOT", "RUN_SUCCEEDED", "RUN_SEALED"]);
  });

  test("S1: during a backoff ends the run at once, without another attempt", async () => {
    const bed = new ShellBed([stepNamed("a")]);
    const driven = bed.drive();
    await bed.turns();
    const data = { step_id: "a", attempt: 1, outcome: "failed", code: "STEP_FAILED", reason: "r", duration_ms: 0 } as const;
    bed.started[0]?.finish({ bodies: [{ kind: "STEP_FAILED", key: "STEP_FAILED/a/1", data: { ...data, logs: [] } }] });
    await bed.turns();
    await bed.monitor.set("DEGRADED", "odd", "user:eve");
    await driven;
    expect([bed.started.length, bed.lastKinds()]).toEqual([1, closed(0)]);
    expect(bed.clock.sleeping).toBe(0);
  });

  test("S1 E6: waits for everything in flight to end, and records of it only that it was interrupted, and side effects", async () => {
    const bed = new ShellBed([stepNamed("a"), stepNamed("b")]);
    const effect = effectBody("a", 1, "runner", 0, { category: "system", description: "seen", reversible: null });
    bed.onEnd = () => {};
    const driven = bed.drive();
    await bed.turns();
    await bed.monitor.set("LOCKDOWN", "now", "user:eve");
    await bed.turns();
    expect(bed.started.map((open) => open.ended)).toEqual([true, true]);
    expect(bed.kinds()).not.toContain("SECURITY_ESCALATED");
    for (const open of bed.started) open.finish({ bodies: open.step.plan.id === "a" ? [effect, completed(open)] : [completed(open)] });
    await driven;
    expect(bed.batches.slice(-2).map((batch) => batch.map((draft) => draft.kind))).toEqual([["SIDE_EFFECT_OBSERVED"], closed(2)]);
    expect(bed.kinds()).not.toContain("STEP_COMPLETED");
  });

  test("E6: code that goes on after its end is named as abandoned, with the run", async () => {
    const bed = new ShellBed([stepNamed("a"), stepNamed("b")]);
    bed.onEnd = (open) => {
      const data = { step_id: open.step.plan.id, attempt: open.attempt, reason: "abandoned" as const };
      open.finish({ bodies: open.step.plan.id === "a" ? [{ kind: "STEP_INTERRUPTED", key: "STEP_INTERRUPTED/a/1", data }] : [completed(open)] });
    };
    const driven = bed.drive();
    await bed.turns();
    await bed.monitor.set("LOCKDOWN", "now", "user:eve");
    await driven;
    const data = bed.batches.at(-1)?.flatMap((draft) => (draft.kind === "STEP_INTERRUPTED" || draft.kind === "RUN_INCOMPLETE" ? [draft.data] : []));
    expect(data).toMatchObject([{ reason: "abandoned" }, { reason: "security" }, { reason: expect.stringContaining("module code of a did not stop") }]);
  });

  test("S1: the snapshot holds the worst that was seen by then, the escalation what began it", async () => {
    const bed = new ShellBed([stepNamed("a")]);
    bed.onEnd = () => {};
    const driven = bed.drive();
    await bed.turns();
    await bed.monitor.set("DEGRADED", "odd", "user:eve");
    await bed.turns();
    await bed.monitor.set("LOCKDOWN", "worse", "user:eve");
    await bed.turns();
    bed.started[0]?.finish({ bodies: [] });
    await driven;
    const [escalated, , snapshot] = bed.batches.at(-1) ?? [];
    expect([escalated?.data, snapshot?.data]).toMatchObject([{ from: "OPERATIONAL", to: "DEGRADED", reason: "odd" }, { security_state: "LOCKDOWN" }]);
  });

  test("S1: a cancel that comes with it is not recorded any more", async () => {
    const bed = new ShellBed([stepNamed("a")]);
    const driven = bed.drive();
    await bed.turns();
    await bed.monitor.set("DEGRADED", "odd", "user:eve");
    bed.shell.deliver([{ kind: "CANCEL_REQUESTED", key: "CANCEL_REQUESTED/1", data: { reason: "too late" } }], "user:bob");
    await driven;
    expect(bed.kinds()).not.toContain("CANCEL_REQUESTED");
    expect(bed.state.phase).toBe("incomplete");
  });

  test("H4 E7: side effects that were seen of an attempt which a cancel ended stay, and nothing else that it reports", async () => {
    const bed = new ShellBed([stepNamed("a")]);
    const effect = effectBody("a", 1, "runner", 0, { category: "file_system", description: "added x", reversible: null });
    bed.onEnd = (open) => open.finish({ bodies: [effect, completed(open)] });
    const driven = bed.drive();
    await bed.turns();
    bed.shell.deliver([{ kind: "CANCEL_REQUESTED", key: "CANCEL_REQUESTED/1", data: { reason: "enough" } }], "user:bob");
    await driven;
    expect(bed.lastKinds().slice(0, 2)).toEqual(["SIDE_EFFECT_OBSERVED", "STEP_INTERRUPTED"]);
    expect(bed.kinds()).not.toContain("STEP_COMPLETED");
    expect(bed.state.phase).toBe("canceled");
  });

  test("L3: a run that another process leads by now is not closed by this one; its effects are ended all the same", async () => {
    const bed = new ShellBed([stepNamed("a")]);
    bed.onAppend = (kinds) => {
      if (kinds.includes("SECURITY_ESCALATED")) throw new LilyError("LEDGER_TOKEN_STALE", "another process leads");
    };
    const driven = bed.drive();
    await bed.turns();
    await bed.monitor.set("DEGRADED", "odd", "user:eve");
    await expect(driven).rejects.toMatchObject({ code: "LEDGER_TOKEN_STALE" });
    expect(bed.started.map((open) => open.ended)).toEqual([true]);
  });
});
