import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestBytes } from "../base/digest.ts";
import { isJsonObject, type JsonObject } from "../base/json-value.ts";
import type { EventBody } from "../contracts/event.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { RunId } from "../contracts/ids.ts";
import * as made from "./audit.test-support.ts";
import { type ChromeTrace, chromeTrace } from "./chrome-trace.ts";
import { provJson } from "./prov-json.ts";
import { foldProvenance } from "./provenance.ts";

const { artifact, begins, body, chain, committed, completes, created, ends, fails, interrupts, judged, reuses, snapshot, started } = made;

function stores(name: string, more: Partial<ArtifactRef> = {}): EventBody {
  return body("ARTIFACT_STORED", {
    artifact: {
      artifact_id: artifact(name),
      run_id: made.runId as RunId,
      artifact_type: "file",
      storage_kind: "file",
      digest: digestBytes(name),
      size: 1,
      media_type: "text/plain",
      artifact_name: name,
      producer_id: "step",
      producer_kind: "tool",
      created_at: made.timeOf(0),
      inputs: [],
      ...more,
    },
  });
}

const forked = body("RUN_FORKED", {
  from: { run_id: "run-b" as RunId, events: 9, head: digestBytes("head"), root: digestBytes("root") },
  prefix: { events: 5, head: digestBytes("prefix"), root: digestBytes("prefix root") },
  step_ids: ["b"],
  proof_artifact_id: artifact("proof"),
  reason: "try again",
});

type Span = Extract<ChromeTrace["traceEvents"][number], { readonly ph: "X" }>;
const spansOf = (trace: ChromeTrace): readonly Span[] => trace.traceEvents.filter((event): event is Span => event.ph === "X");

describe("a Chrome trace", () => {
  const attempts = [begins("a"), begins("b"), completes("b"), judged("GATE_PASSED", "rows", { step_id: "b", duration_ms: 400 }), fails("a")];

  it("B10: has a span for each attempt and gate, in lanes where nothing overlaps, and marks for the rest", () => {
    const escalation = [made.escalated, interrupts("c"), snapshot("post", "DEGRADED"), ends("RUN_INCOMPLETE")];
    const trace = chromeTrace(chain([created, committed, started, ...attempts, reuses("d"), begins("c"), ...escalation]), "nightly");
    expect(spansOf(trace).map((span) => [span.name, span.tid, span.ts, span.dur])).toEqual([
      ["a #1", 1, 3_000_000, 4_000_000],
      ["b #1", 2, 4_000_000, 1_000_000],
      ["gate b/rows #1", 2, 5_600_000, 400_000],
      ["c #1", 1, 9_000_000, 2_000_000],
    ]);
    expect(trace.traceEvents.filter((event) => event.ph === "i").map((event) => event.name)).toEqual([
      "d reused",
      "security OPERATIONAL -> DEGRADED",
      "security DEGRADED",
      "RUN_INCOMPLETE",
    ]);
    expect(trace.traceEvents.filter((event) => event.ph === "M").map((event) => event.args.name)).toEqual(["nightly (run run-a)", "run", "lane 1", "lane 2"]);
    expect(trace.otherData["run_id"]).toBe("run-a");
  });

  it("B10: shows what people did, and an attempt that goes on up to the last event", () => {
    const more = [
      body("RERUN_REQUESTED", { step_ids: ["a"], reason: "again" }),
      body("ROUTE_TAKEN", { route_id: null, action: "abort", reason: "no route" }),
      body("RUN_REOPENED", { reason: "again" }),
      body("STEP_SKIPPED", { step_id: "z", attempt: 0, reason: "a failed", because: "a" }),
      body("POLICY_VIOLATION", { step_id: "a", attempt: 1, violation_type: "write_denied", details: "x", artifact_id: artifact("v") }),
      body("ARTIFACT_REPLACED", {
        original_artifact_id: artifact("o"),
        replacement_artifact_id: artifact("r"),
        artifact_id: artifact("e"),
        name: "csv",
        reason: "typo",
      }),
    ];
    const trace = chromeTrace(chain([created, forked, begins("a"), ...more, judged("GATE_ERROR", "total", { dry_run: true })]), null);
    expect(spansOf(trace)[0]).toMatchObject({ name: "a #1", ts: 2_000_000, dur: 7_000_000, args: { outcome: "running" } });
    expect(spansOf(trace)[1]).toMatchObject({ name: "gate total #1 (dry run)", args: { verdict: "error", dry_run: true } });
    const marks = trace.traceEvents.flatMap((event) => (event.ph === "i" ? [`${event.cat}: ${event.name}`] : []));
    expect(marks).toEqual([
      "run: forked from run-b",
      "person: rerun of a",
      "route: route built-in: abort",
      "person: RUN_REOPENED",
      "run: z skipped",
      "policy: violation by a",
      "person: csv replaced",
    ]);
  });

  it("B10: of nothing is empty, and its times are never negative", () => {
    expect(spansOf(chromeTrace([], null))).toEqual([]);
    const step = fc.constantFrom("a", "b", "c");
    const some = fc.array(
      fc.oneof(
        step.map((id) => begins(id)),
        step.map((id) => completes(id)),
        step.map((id) => interrupts(id)),
        step.map((id) => judged("GATE_PASSED", id, { duration_ms: 9000 })),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(some, (bodies) => {
        const spans = spansOf(chromeTrace(chain([created, ...bodies]), null));
        for (const [index, span] of spans.entries()) {
          expect(span.ts >= 0 && span.dur >= 0).toBe(true);
          for (const other of spans.slice(index + 1)) if (other.tid === span.tid) expect(other.ts).toBeGreaterThanOrEqual(span.ts + span.dur);
        }
      }),
    );
  });
});

describe("the provenance graph", () => {
  const events = chain([
    created,
    forked,
    stores("csv/data.csv", { producer_id: "input" }),
    body("RUN_STARTED", { inputs: { csv: artifact("csv/data.csv") }, parallel: 1 }),
    stores("kept"),
    reuses("a", "run-b", { cause: "fork", artifacts: [artifact("kept")] }),
    begins("b", 1, [artifact("csv/data.csv"), artifact("kept")]),
    stores("out"),
    completes("b", 1, { artifacts: [artifact("out")] }),
    stores("verdict", { inputs: [artifact("out")] }),
    judged("GATE_PASSED", "rows", { step_id: "b", result_artifact_id: artifact("verdict") }),
    judged("GATE_FAILED", "shape", { step_id: "c", result_artifact_id: artifact("other verdict") }),
    reuses("b", made.runId, { attempt: 1, artifacts: [artifact("out")] }),
    stores("better"),
    body("ARTIFACT_REPLACED", {
      original_artifact_id: artifact("out"),
      replacement_artifact_id: artifact("better"),
      artifact_id: artifact("e"),
      step_id: "b",
      name: "out",
      reason: "typo",
    }),
  ]);
  const graph = foldProvenance(events);
  const label = (id: string): string => graph.nodes.find((node) => node.id === id)?.label ?? id;

  it("leads from an artifact to what used it and to what it was made from, over reuse, forks and replacements", () => {
    expect(graph.edges.map((edge) => `${label(edge.from)} ${edge.kind} ${label(edge.to)}`)).toEqual([
      "a #1 of run run-b reused a: reused (fork)",
      "run run-b, first 5 events forked a: reused (fork)",
      "a #1 of run run-b produced kept",
      "csv/data.csv used b #1",
      "kept used b #1",
      "b #1 produced out",
      "out judged rows #1: passed",
      "c #1 judged shape #1: failed",
      "b #1 reused b: reused (pure)",
      "out used replaced by user:ada",
      "replaced by user:ada produced better",
    ]);
    expect(graph.nodes.find((node) => node.label === "csv/data.csv")?.kind).toBe("input");
  });

  it("as PROV-JSON has every relation between things that it names", () => {
    const document = provJson(made.runId, graph);
    const names = (section: string): readonly string[] => Object.keys(isJsonObject(document[section]) ? document[section] : {});
    const relations = (section: string): readonly JsonObject[] => Object.values(isJsonObject(document[section]) ? document[section] : {}).filter(isJsonObject);
    const [entities, activities] = [names("entity"), names("activity")];
    expect(entities).toHaveLength(4);
    for (const { "prov:entity": entity, "prov:activity": activity } of [...relations("used"), ...relations("wasGeneratedBy")]) {
      expect(entities).toContain(entity);
      expect(activities).toContain(activity);
    }
    for (const { "prov:informed": informed, "prov:informant": informant } of relations("wasInformedBy")) {
      expect(activities).toContain(informed);
      expect(activities).toContain(informant);
    }
    expect([relations("used"), relations("wasGeneratedBy"), relations("wasInformedBy")].flat()).toHaveLength(graph.edges.length);
    expect(names("entity").every((name) => /^run:[A-Za-z0-9%._~!*'()-]+$/.test(name))).toBe(true);
  });
});
