import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ExecutionRecord, executionStatuses, rollbackScaffoldSchema } from "../artifacts/builtin-schemas.ts";
import type { EventBody } from "../contracts/event.ts";
import { securityStates } from "../contracts/events.ts";
import * as made from "./audit.test-support.ts";
import { foldExecutionRecord } from "./execution-record.ts";
import { hintsOf, planRollback, type RollbackHint, rollbackOf } from "./rollback-planner.ts";

const { begins, chain, committed, completes, created, effect, ends, fails, interrupts, observes, reuses, started } = made;
const plan = made.plan([
  made.step("a", { effects: [effect(true, "delete out/ \u001b[1m")] }),
  made.step("b", { effects: [effect(false, "restore the table from backup"), effect(true)] }),
  made.step("c", { effects: [effect(null, "ask ada")] }),
  made.step("d"),
]);
const ran: readonly EventBody[] = [created, committed, started, begins("a"), completes("a"), begins("b"), completes("b")];

function recordOf(...bodies: readonly EventBody[]): ExecutionRecord {
  return foldExecutionRecord(chain(bodies), plan);
}

function snapshot(security_state: (typeof securityStates)[number]): ExecutionRecord["security_snapshot_post"] {
  return { timestamp: made.timeOf(9), security_state, boundary_state: "closed", context: "Post-execution (failed)" };
}

const base = recordOf(...ran, ends("RUN_FAILED"));
const hint: RollbackHint = {
  step_index: 0,
  description: "writes out/",
  actions: ["delete out/"],
  required_inputs: { backup: "x" },
  risks: ["loss"],
  estimated_duration: "1m",
};

interface Row {
  readonly status: ExecutionRecord["status"];
  readonly post: (typeof securityStates)[number] | null;
  readonly hints: boolean;
  readonly possible: boolean;
  readonly reason: RegExp;
  readonly warnings: number;
}

/** Every status with every state of the snapshot, or none, with hints and without. */
const rows: readonly Row[] = executionStatuses.flatMap((status) =>
  [...securityStates, null].flatMap((post) => [true, false].map((hints): Row => ({ status, post, hints, ...expected(status, post, hints) }))),
);

function expected(status: Row["status"], post: Row["post"], hints: boolean): Pick<Row, "possible" | "reason" | "warnings"> {
  if (status === "COMPLETED") return { possible: false, reason: /completed; no rollback is needed/, warnings: 0 };
  if (status === "STARTED") return { possible: false, reason: /not come to an end; no rollback is needed/, warnings: 0 };
  if (status === "INCOMPLETE") return { possible: false, reason: /security escalation/, warnings: 2 };
  if (post === "UNKNOWN") return { possible: false, reason: /nobody vouched/, warnings: 1 };
  if (post !== null && post !== "OPERATIONAL") return { possible: false, reason: new RegExp(`security state was ${post} when the run ended`), warnings: 1 };
  return hints ? { possible: true, reason: /may be undone by hand/, warnings: 0 } : { possible: false, reason: /gives no hint/, warnings: 0 };
}

describe("the rollback table", () => {
  it("has a row for every status, state and presence of hints", () => expect(rows).toHaveLength(5 * 6 * 2));

  it.each(rows)("H6: $status, then $post, hints $hints: possible is $possible", ({ status, post, hints, possible, reason, warnings }) => {
    const record: ExecutionRecord = { ...base, status, security_snapshot_post: post === null ? null : snapshot(post) };
    const scaffold = planRollback(record, hints ? [hint] : []);
    expect(scaffold).toMatchObject({ execution_id: made.runId, is_rollback_possible: possible, reason: expect.stringMatching(reason) });
    expect(scaffold.warnings).toHaveLength(warnings);
    expect(scaffold.rollback_hints).toEqual(hints ? [hint] : []);
    expect(scaffold.manual_steps).toHaveLength(possible ? 5 : 0);
    expect(rollbackScaffoldSchema.parse(scaffold)).toEqual(scaffold);
  });

  it("H6: nothing that escalated or degraded is ever possible, and nothing is without a hint", () => {
    const hints = fc.array(fc.record({ step_index: fc.integer({ min: -1, max: 9 }), description: fc.string(), actions: fc.array(fc.string()) }), {
      maxLength: 3,
    });
    const post = fc.option(fc.constantFrom(...securityStates));
    fc.assert(
      fc.property(fc.constantFrom(...executionStatuses), post, hints, (status, state, some) => {
        const given = some.map((one): RollbackHint => ({ ...one, required_inputs: {}, risks: [], estimated_duration: null }));
        const record: ExecutionRecord = { ...base, status, security_snapshot_post: state === null ? null : snapshot(state) };
        const { is_rollback_possible: possible, rollback_hints, manual_steps, warnings } = planRollback(record, given);
        expect(rollback_hints).toEqual(given);
        expect(possible).toBe((status === "FAILED" || status === "COMPLETED_PARTIAL") && (state === null || state === "OPERATIONAL") && given.length > 0);
        expect(manual_steps.length > 0).toBe(possible);
        if (status === "INCOMPLETE") expect(warnings).toHaveLength(2);
      }),
      { numRuns: 500 },
    );
  });
});

describe("the guidance for a run", () => {
  it("H6: carries the hints of the plan word for word, with their place", () => {
    expect(hintsOf(plan)).toEqual([
      { step_index: 0, description: "writes out/ (true)", actions: ["delete out/ \u001b[1m"], required_inputs: {}, risks: [], estimated_duration: null },
      {
        step_index: 1,
        description: "writes out/ (false)",
        actions: ["restore the table from backup"],
        required_inputs: {},
        risks: [],
        estimated_duration: null,
      },
      { step_index: 2, description: "writes out/ (null)", actions: ["ask ada"], required_inputs: {}, risks: [], estimated_duration: null },
    ]);
  });

  it("H6: counts only hints of steps that started in it", () => {
    expect(rollbackOf(base, plan)).toMatchObject({ is_rollback_possible: true, rollback_hints: hintsOf(plan).slice(0, 2) });
    expect(rollbackOf(recordOf(created, committed, started, begins("d"), fails("d"), ends("RUN_FAILED")), plan)).toMatchObject({
      is_rollback_possible: false,
      rollback_hints: [],
      reason: "The run failed, and the plan gives no hint for what ran.",
    });
    expect(rollbackOf(base, null)).toMatchObject({ is_rollback_possible: false });
  });

  it("H6: irreversible steps are those that completed with an effect nobody can undo or knows, by place, each once", () => {
    const record = recordOf(
      ...[created, committed, started, begins("c"), completes("c"), begins("c", 2), completes("c", 2)],
      ...[begins("b"), completes("b"), begins("a"), completes("a"), begins("d"), completes("d"), ends("RUN_FAILED")],
    );
    expect(planRollback(record, []).irreversible_steps).toEqual([1, 2]);
  });

  it("H6: an effect that was seen counts like one that was declared", () => {
    const done = [created, committed, started, begins("d"), observes("d", false), completes("d"), begins("a"), observes("a", true), completes("a")];
    expect(planRollback(recordOf(...done), []).irreversible_steps).toEqual([3]);
    expect(planRollback(recordOf(created, committed, started, begins("d"), observes("d", null), completes("d")), []).irreversible_steps).toEqual([3]);
  });

  it("H6: a step that did not complete in this run is not among them", () => {
    const record = recordOf(created, committed, started, begins("b"), fails("b"), begins("c"), interrupts("c"), ends("RUN_FAILED"));
    expect(planRollback(record, []).irreversible_steps).toEqual([]);
    expect(rollbackOf(record, plan).warnings).toEqual(["Started and never completed: b, c. What they did before is not known."]);
    expect(planRollback(recordOf(created, committed, started, reuses("b"), ends("RUN_FAILED")), []).irreversible_steps).toEqual([]);
  });

  it("H6: says whose guidance tells of results that were taken over", () => {
    const record = recordOf(
      created,
      committed,
      started,
      reuses("a"),
      reuses("b"),
      reuses("c", made.runId),
      begins("d"),
      fails("d"),
      completes("d"),
      ends("RUN_FAILED"),
    );
    expect(planRollback(record, []).warnings).toEqual(["Results of run run-b were used; what was changed to make them is in the guidance of that run."]);
  });

  it("H6: is frozen, and leaves the hints that it was given as they were", () => {
    const own: RollbackHint = { ...hint, actions: ["x"] };
    const scaffold = planRollback(base, [own]);
    expect(Object.isFrozen(scaffold) && Object.isFrozen(scaffold.rollback_hints[0]?.actions)).toBe(true);
    expect(Object.isFrozen(own)).toBe(false);
  });
});
