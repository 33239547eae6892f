import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { executionRecordSchema } from "../artifacts/builtin-schemas.ts";
import { digestBytes } from "../base/digest.ts";
import type { EventBody, LedgerEvent } from "../contracts/event.ts";
import * as made from "./audit.test-support.ts";
import { checkExecutionRecord } from "./check-execution-record.ts";
import { foldExecutionRecord } from "./execution-record.ts";

const { begins, body, chain, committed, completes, created, effect, ends, fails, interrupts, judged, observes, reuses, snapshot, started } = made;
const head: readonly EventBody[] = [created, committed, snapshot("pre", "OPERATIONAL"), started];
const plan = made.plan([
  made.step("a", { effects: [effect(true, "delete out/"), effect(null)] }),
  made.step("b", { gates: [made.schemaGate("shape", false), made.commandGate("rows")], effects: [effect(false)] }),
  made.step("c"),
]);

function recordOf(...bodies: readonly EventBody[]): ReturnType<typeof foldExecutionRecord> {
  return foldExecutionRecord(chain([...head, ...bodies]), plan);
}

describe("an execution record", () => {
  const bodies = [
    begins("a"),
    fails("a", 1, { executor: made.held }),
    begins("a", 2),
    completes("a", 2),
    begins("b"),
    interrupts("b"),
    ends("RUN_FAILED", "b was cut off"),
  ];

  it("says who ran what, in the order of the record, and fits its schema", () => {
    const record = recordOf(...bodies);
    expect(executionRecordSchema.parse(record)).toEqual(record);
    expect(record).toMatchObject({
      execution_id: made.runId,
      live_mode_state: "LIVE",
      status: "FAILED",
      completion_reason: "b was cut off",
      timestamp_start: made.timeOf(3),
      timestamp_end: made.timeOf(10),
      security_snapshot_pre: { security_state: "OPERATIONAL", context: "Pre-execution" },
      security_snapshot_post: null,
    });
    expect(record.step_events.map((event) => [event.event_type, event.step_name, event.step_index, event.attempt, event.error_message])).toEqual([
      ["STEP_STARTED", "a", 0, 1, null],
      ["STEP_FAILED", "a", 0, 1, "exit code 3"],
      ["STEP_STARTED", "a", 0, 2, null],
      ["STEP_COMPLETED", "a", 0, 2, null],
      ["STEP_STARTED", "b", 1, 1, null],
      ["STEP_FAILED", "b", 1, 1, "interrupted: crash"],
    ]);
    expect(record.step_events[1]?.details).toEqual({
      outcome: "failed",
      code: "STEP_FAILED",
      duration_ms: "20",
      enforcement_network: "prevented",
      enforcement_write: "observed",
    });
  });

  it("H2: each step event names the hash of the step event before it", () => {
    const record = recordOf(...bodies);
    expect(record.step_events.map((event) => event.previous_event_hash)).toEqual([null, ...record.step_events.slice(0, -1).map((event) => event.event_hash)]);
    expect(checkExecutionRecord(record)).toEqual([]);
    const [first, second, ...rest] = record.step_events;
    if (first === undefined || second === undefined) throw new Error("the sample has step events");
    const swapped = { ...record, step_events: [second, first, ...rest] };
    expect(checkExecutionRecord(swapped).join("\n")).toMatch(/execution_hash is .*\n.*does not name the step event before it/);
    expect(checkExecutionRecord({ ...record, step_events: [first, { ...second, seq: 0 }] })).toContainEqual(
      expect.stringContaining("does not come after event 4"),
    );
    expect(checkExecutionRecord({ ...record, step_events: [{ ...first, seq: 99 }] })).toContainEqual(expect.stringContaining("lies behind the 11 events"));
  });

  it("H1: cannot be changed by who reads it, however deep", () => {
    const record = recordOf(...bodies, observes("a", null));
    const everything = (value: unknown): boolean =>
      typeof value !== "object" || value === null || (Object.isFrozen(value) && Object.values(value).every(everything));
    expect(everything(record)).toBe(true);
  });

  it("H1: a change of any member is found by the digest, and a change of any event by the record's head", () => {
    const events = chain([...head, ...bodies]);
    const record = foldExecutionRecord(events, plan);
    const other = digestBytes("another");
    const [step] = record.step_events;
    const changes: Readonly<Record<Exclude<keyof typeof record, "execution_hash">, unknown>> = {
      execution_id: "run-z",
      plan_id: other,
      live_mode_state: "DRY_RUN",
      status: "COMPLETED",
      completion_reason: "another",
      timestamp_start: made.timeOf(1),
      timestamp_end: null,
      security_snapshot_pre: null,
      security_snapshot_post: record.security_snapshot_pre,
      step_events: step === undefined ? [] : [{ ...step, details: { cause: "rerun" } }, ...record.step_events.slice(1)],
      side_effects: { ...record.side_effects, unknown_effects: false },
      record: { ...record.record, head: other },
    };
    expect(Object.keys(changes).sort()).toEqual(
      Object.keys(record)
        .filter((name) => name !== "execution_hash")
        .sort(),
    );
    for (const [member, value] of Object.entries(changes))
      expect(checkExecutionRecord({ ...record, [member]: value })).toEqual([expect.stringMatching(/^execution_hash is sha256:/)]);
    expect(checkExecutionRecord({ ...record, execution_hash: other })).toEqual([expect.stringMatching(/^execution_hash is sha256:/)]);
    fc.assert(
      fc.property(fc.nat({ max: events.length - 1 }), fc.constantFrom("at", "by", "key", "token"), (index, member) => {
        const changed = events.map((event, at) => (at === index ? ({ ...event, [member]: member === "token" ? 9 : made.timeOf(500) } as LedgerEvent) : event));
        expect(checkExecutionRecord(record, changed, plan)).toContainEqual(expect.stringContaining(`event ${index} `));
      }),
    );
  });

  it("H1: events that were forged with good hashes give another digest", () => {
    const record = foldExecutionRecord(chain([...head, ...bodies]), plan);
    for (let at = 0; at < bodies.length; at++) {
      const forged = chain([...head, ...bodies.map((one, index) => (index === at ? begins("c", 7) : one))]);
      expect(checkExecutionRecord(record, forged, plan)).not.toEqual([]);
    }
    expect(checkExecutionRecord(record, chain([...head, ...bodies]), plan)).toEqual([]);
    expect(checkExecutionRecord(record, chain([...head, ...bodies.slice(0, -1)]), plan)).toEqual(["the record was folded from 11 events, and there are 10"]);
    expect(checkExecutionRecord(record, chain([...head, ...bodies.slice(0, -1), ends("RUN_FAILED", "else")]), plan)).toEqual([
      expect.stringContaining("the record names the head"),
    ]);
    expect(checkExecutionRecord(record, chain([...head, ...bodies]), null)).toEqual([expect.stringContaining("the events fold to")]);
    expect(checkExecutionRecord(record, [], plan)).toEqual(["there are no events to compare with"]);
  });

  it("H1: says where a document is no execution record", () => {
    expect(checkExecutionRecord({ execution_id: 7 })).toContainEqual(expect.stringMatching(/^\/execution_id: /));
  });

  it("of a run that was only created is STARTED, without a plan", () => {
    expect(foldExecutionRecord(chain([created]), null)).toMatchObject({
      status: "STARTED",
      plan_id: null,
      timestamp_end: null,
      step_events: [],
      record: { events: 1 },
    });
    expect(() => foldExecutionRecord([], null)).toThrow(/H1/);
  });

  it("places steps in the order of appearance where there is no plan", () => {
    const record = foldExecutionRecord(chain([...head, begins("z"), begins("y"), completes("z")]), null);
    expect(record.step_events.map((event) => event.step_index)).toEqual([0, 1, 0]);
  });

  it("shows a reuse as a completed step that names where it was done", () => {
    const record = recordOf(reuses("a"), ends("RUN_SUCCEEDED"));
    expect(record.step_events).toMatchObject([
      { event_type: "STEP_COMPLETED", attempt: 0, details: { outcome: "reused", cause: "pure", from_run: "run-b", from_step: "a", from_attempt: "1" } },
    ]);
  });

  it("names the route that asked for an attempt", () => {
    const record = recordOf(body("STEP_STARTED", { step_id: "a", attempt: 1, cause: "route", route_id: "again", inputs: [] }));
    expect(record.step_events[0]?.details).toEqual({ cause: "route", route: "again" });
  });
});

describe("the status of an execution record", () => {
  const optional = { step_id: "b", required: false } as const;
  const skipped = body("STEP_SKIPPED", { step_id: "c", attempt: 0, reason: "b failed", because: "b" });
  const reopened = body("RUN_REOPENED", { reason: "again" });
  it.each<readonly [what: string, bodies: readonly EventBody[], status: string, reason: string]>([
    ["an open run", [begins("a")], "STARTED", ""],
    ["a success", [begins("a"), completes("a"), ends("RUN_SUCCEEDED")], "COMPLETED", "because"],
    ["a success with a skipped step", [skipped, ends("RUN_SUCCEEDED")], "COMPLETED_PARTIAL", "because"],
    ["a success whose skipped step was done after all", [skipped, begins("c"), completes("c"), ends("RUN_SUCCEEDED")], "COMPLETED", "because"],
    ["a success whose skipped step was reused after all", [skipped, reuses("c"), ends("RUN_SUCCEEDED")], "COMPLETED", "because"],
    ["a success with a failed optional gate", [judged("GATE_FAILED", "shape", optional), ends("RUN_SUCCEEDED")], "COMPLETED_PARTIAL", "because"],
    ["a success with an optional gate that erred", [judged("GATE_ERROR", "shape", optional), ends("RUN_SUCCEEDED")], "COMPLETED_PARTIAL", "because"],
    [
      "a success whose optional gate passed the second time",
      [judged("GATE_FAILED", "shape", optional), judged("GATE_PASSED", "shape", optional), ends("RUN_SUCCEEDED")],
      "COMPLETED",
      "because",
    ],
    ["a success with a failed dry run", [judged("GATE_FAILED", "shape", { ...optional, dry_run: true }), ends("RUN_SUCCEEDED")], "COMPLETED", "because"],
    ["a failure", [ends("RUN_FAILED")], "FAILED", "because"],
    ["a blocked run", [ends("RUN_BLOCKED")], "FAILED", "blocked: because"],
    ["a canceled run", [ends("RUN_CANCELED")], "FAILED", "canceled: because"],
    ["an escalated run", [made.escalated, interrupts("a"), snapshot("post", "DEGRADED"), ends("RUN_INCOMPLETE")], "INCOMPLETE", "because"],
    ["an escalation without an end", [made.escalated], "INCOMPLETE", "an operator said so"],
    [
      "an escalation that is said to have succeeded",
      [made.escalated, ends("RUN_SUCCEEDED")],
      "INCOMPLETE",
      "the security state rose while the run was going on",
    ],
    ["a reopened run", [ends("RUN_FAILED"), reopened], "STARTED", ""],
    ["an unblocked run", [ends("RUN_BLOCKED"), body("RUN_UNBLOCKED", { reason: "fine" })], "STARTED", ""],
    ["a reopened run that succeeded", [ends("RUN_FAILED"), reopened, ends("RUN_SUCCEEDED")], "COMPLETED", "because"],
  ])("of %s", (_what, bodies, status, reason) => {
    expect(recordOf(...bodies)).toMatchObject({ status, completion_reason: reason });
  });

  it("S1: the snapshot after a run is that of its newest end", () => {
    expect(recordOf(snapshot("post", "DEGRADED"), ends("RUN_FAILED"))).toMatchObject({ security_snapshot_post: { security_state: "DEGRADED" } });
    expect(recordOf(snapshot("post", "DEGRADED"), ends("RUN_FAILED"), reopened).security_snapshot_post).toBeNull();
    expect(recordOf(snapshot("post", "DEGRADED"), ends("RUN_FAILED"), reopened, ends("RUN_CANCELED")).security_snapshot_post).toBeNull();
    const twice = recordOf(snapshot("post", "DEGRADED"), ends("RUN_FAILED"), reopened, snapshot("post", "OPERATIONAL"), ends("RUN_FAILED"));
    expect(twice).toMatchObject({ security_snapshot_post: { security_state: "OPERATIONAL", timestamp: made.timeOf(7) } });
  });
});

describe("side effects", () => {
  it("H4: are declared for steps that ran and observed with who saw them", () => {
    const { side_effects } = recordOf(begins("a"), observes("a", false), completes("a"), begins("a", 2), completes("a", 2));
    expect(side_effects.declared).toEqual([
      { category: "file_system", description: "writes out/ (true)", timestamp: made.timeOf(4), reversible: true, step: "a", details: { hint: "delete out/" } },
      { category: "file_system", description: "writes out/ (null)", timestamp: made.timeOf(4), reversible: null, step: "a", details: {} },
    ]);
    expect(side_effects.observed).toEqual([
      {
        category: "network",
        description: "posted",
        timestamp: made.timeOf(5),
        reversible: false,
        step: "a",
        details: { host: "example.com", attempt: "1", source: "module" },
      },
    ]);
  });

  const heldRun = [begins("a"), completes("a", 1, { executor: made.held })];
  const prevented = { ...made.held, enforcement: { network: "prevented", write: "prevented" } } as const;
  it.each<readonly [what: string, unknown: boolean, bodies: readonly EventBody[]]>([
    ["nothing ran", false, [ends("RUN_FAILED")]],
    ["every attempt was held", false, heldRun],
    ["writes were prevented", false, [begins("a"), completes("a", 1, { executor: prevented })]],
    ["a failed attempt was held", false, [begins("a"), fails("a", 1, { executor: made.held })]],
    ["a schema gate was judged", false, [...heldRun, judged("GATE_PASSED", "shape", { step_id: "b" })]],
    ["a reuse ran nothing", false, [reuses("a")]],
    ["an attempt ran without a sandbox", true, [begins("a"), completes("a")]],
    [
      "an attempt ran with the network",
      true,
      [begins("a"), completes("a", 1, { executor: { ...made.held, enforcement: { network: "observed", write: "observed" } } })],
    ],
    [
      "nobody looked at its writes",
      true,
      [begins("a"), completes("a", 1, { executor: { ...made.held, enforcement: { network: "prevented", write: "unenforced" } } })],
    ],
    [
      "there was no sandbox, whatever is said of the network",
      true,
      [begins("a"), completes("a", 1, { executor: { kind: "process", enforcement: prevented.enforcement } })],
    ],
    ["a failed attempt says nothing", true, [begins("a"), fails("a")]],
    ["an attempt was cut off", true, [...heldRun, begins("b"), interrupts("b")]],
    ["an attempt goes on", true, [begins("a")]],
    ["a gate ran a command", true, [...heldRun, judged("GATE_PASSED", "rows", { step_id: "b" })]],
    ["a gate of the run is not in the plan", true, [...heldRun, judged("GATE_FAILED", "else")]],
  ])("H4: when %s, unknown effects are %s", (_what, unknown, bodies) => {
    expect(recordOf(...bodies).side_effects.unknown_effects).toBe(unknown);
  });
});
