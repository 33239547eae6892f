/** What a page says of a record in which everything happens, against golden files: the texts, and the page without its script and data. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { reportChecker } from "../../src/audit/report-checker.ts";
import { reportDocument, type ReportSource } from "../../src/audit/report-document.ts";
import { reportFold } from "../../src/audit/report-fold.ts";
import { reportLists } from "../../src/audit/report-lists.ts";
import { reportStory } from "../../src/audit/report-story.ts";
import { reportTexts } from "../../src/audit/report-texts.ts";
import { canonicalJson } from "../../src/base/canonical-json.ts";
import { digestBytes } from "../../src/base/digest.ts";
import type { JsonObject } from "../../src/base/json-value.ts";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import { longRecord, RecordMaker } from "./long-record.ts";
import { idOf, sampleRecord, storedText } from "./sample-record.ts";

const folder = fileURLToPath(new URL("../golden/report/", import.meta.url));
const source: Omit<ReportSource, "record"> = {
  documents: [],
  leaves: [],
  note: null,
  problems: [],
  logHref: (path) => `./run/${path}`,
  kernelVersion: "0.1.0",
  gzip: null,
};

function expectGolden(name: string, text: string): void {
  const path = join(folder, name);
  if (process.env["UPDATE_GOLDEN"] === "1") {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, "utf8"));
}

const texts = reportTexts();
const listsOf = (record: Uint8Array, documents: readonly string[] = []): ReturnType<ReturnType<typeof reportLists>> => {
  const { checkRecord, sha256 } = reportChecker();
  const events = checkRecord(record).lines.map((line) => JSON.parse(line) as LedgerEvent);
  const run = reportFold()(events, new Map(documents.map((text) => [`sha256:${sha256(new TextEncoder().encode(text))}`, text])));
  return reportLists(texts, reportStory(texts))(run);
};

describe("the texts of a report", () => {
  test("tell each kind of event in words", () => {
    const lists = listsOf(sampleRecord().bytes());
    const text = Object.entries(lists).map(([name, rows]) => `## ${name}\n${rows.map((row) => row.join(" | ")).join("\n")}\n`);
    expectGolden("sample-lists.txt", text.join("\n"));
  });

  test("S4: hold no control character and no direction mark, whatever the record holds", () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(JSON.stringify(Object.values(listsOf(sampleRecord().bytes())))).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\\u00/);
  });

  test("a list that is too long keeps what is out of the ordinary, and says how much it left out", () => {
    const { record, documents } = longRecord(300);
    const lists = listsOf(record, documents);
    expect(lists.attempts).toHaveLength(201);
    expect(lists.attempts.at(-1)).toEqual(["and 100 more, which the record holds"]);
    expect(lists.steps).toHaveLength(300);
    expect(lists.timeline).toEqual([]);
  });
});

describe("a step that waits to be done again", () => {
  const maker = new RecordMaker("again");
  maker.add("RUN_CREATED", { workspace_id: "ws", format: 1, kernel_version: "0.1.0", kind: "workflow" });
  maker.add("RUN_STARTED", { inputs: {}, parallel: 1 });
  maker.add("ARTIFACT_STORED", storedText("why", "why", JSON.stringify({ because: "all that it needs was done" })));
  maker.add("STEP_STARTED", { step_id: "a", attempt: 1, cause: "ready", inputs: [], why_artifact_id: idOf("why") });
  maker.add("STEP_COMPLETED", { step_id: "a", attempt: 1, outputs: {}, artifacts: [], logs: [], duration_ms: 1, executor: { kind: "shell", exit_code: 0 } });
  const before = listsOf(maker.bytes());
  maker.add("RERUN_REQUESTED", { step_ids: ["a"], reason: "once more" });
  maker.add("GATE_FAILED", { gate_id: "g", step_id: "a", attempt: 1, required: true, reason: "no", log_artifact_ids: [], duration_ms: 1, dry_run: true });
  const after = listsOf(maker.bytes());

  test("does not show the why of an earlier attempt", () => {
    expect(before.steps).toEqual([["a", "succeeded", "1", "1 ms", "all that it needs was done"]]);
    expect(after.steps).toEqual([["a", "pending", "1", "1 ms", "waits to be done again"]]);
  });

  test("shows the rerun on the timeline, and a dry run as one", () => {
    expect(after.timeline.map(([text]) => text)).toEqual([
      expect.stringMatching(/^a attempt 1: completed/),
      expect.stringMatching(/^rerun of a, at /),
      expect.stringMatching(/^gate g of a: failed \(dry run\), at /),
    ]);
  });
});

describe("words", () => {
  test.each([
    [0, "0 ms"],
    [999.4, "999 ms"],
    [1_234, "1.23 s"],
    [59_900, "59.9 s"],
    [61_000, "1 min 1 s"],
    [3_720_000, "1 h 2 min"],
    [Number.NaN, "unknown"],
    [-1, "unknown"],
  ])("%d milliseconds are %s", (ms, text) => {
    expect(texts.span(ms)).toBe(text);
  });

  test.each([
    [1, "1 byte"],
    [999, "999 bytes"],
    [1_500, "1.5 kB"],
    [2_500_000, "2.5 MB"],
    [3_000_000_000, "3.0 GB"],
  ])("%d bytes are %s", (size, text) => {
    expect(texts.size(size)).toBe(text);
  });

  test("times are those of the platform, in every month and leap year", () => {
    for (const at of [
      "1970-01-01T00:00:00Z",
      "1999-12-31T23:59:59.999Z",
      "2000-02-29T12:00:00.5Z",
      "2024-03-01T00:00:00.123456789Z",
      "2100-02-28T01:02:03.004Z",
    ]) {
      expect(texts.timeMs(at)).toBe(new Date(at).getTime());
    }
    expect([texts.moment("x\u001b"), texts.clock("y")]).toEqual(["x\\x1b", "y"]);
  });

  test("lists and long texts", () => {
    expect([texts.list([]), texts.list(["a"]), texts.list(["a", "b", "c"]), texts.plain("abcdef", 3), texts.plain("\ud800")]).toEqual([
      "none",
      "a",
      "a, b and c",
      "abc…",
      "\ufffd",
    ]);
  });
});

describe("the page", () => {
  test("shows a record in which everything happens", async () => {
    const { html, problem } = await reportDocument({ ...source, record: sampleRecord().bytes() });
    expect(problem).toBeNull();
    const body = html.slice(html.indexOf("<body>"), html.indexOf('<script type="application/octet-stream"'));
    expectGolden("sample-body.html", `${body.trimEnd()}\n`);
  });

  test("draws long names, failures and more edges than fit, and a run that only began", async () => {
    const withSteps = (steps: readonly JsonObject[], more: (maker: RecordMaker) => void = () => undefined): Promise<{ readonly html: string }> => {
      const maker = new RecordMaker("drawn");
      const text = canonicalJson({
        v: 1,
        workflow: "drawn",
        title: null,
        params: {},
        inputs: {},
        policy: { tools: null },
        policy_digest: "d",
        steps: [...steps],
        gates: [],
        routes: [],
        code: [],
      });
      maker.add("RUN_CREATED", { workspace_id: "ws", format: 1, kernel_version: "0.1.0", kind: "workflow" });
      maker.add("ARTIFACT_STORED", storedText("plan", "plan", text));
      maker.add("PLAN_COMMITTED", { plan_hash: digestBytes(text), artifact_id: idOf("plan"), workflow: "drawn", source_dir: "/" });
      more(maker);
      return reportDocument({ ...source, record: maker.bytes() });
    };
    const named = (id: string, needs: readonly string[] = []): JsonObject => ({
      id,
      title: null,
      needs: [...needs],
      gates: [],
      effects: [],
      workdir: "source",
      pure: false,
    });
    const long = "a-name-that-is-longer-than-a-box-of-the-drawing";
    const failed = await withSteps([named(long), named("next", [long])], (maker) => {
      maker.add("RUN_STARTED", { inputs: {}, parallel: 1 });
      maker.add("STEP_STARTED", { step_id: long, attempt: 1, cause: "ready", inputs: [] });
      maker.add("STEP_FAILED", { step_id: long, attempt: 1, outcome: "failed", code: "C", reason: "no", logs: [], duration_ms: 1 });
      maker.add("RUN_FAILED", { reason: "no" });
    });
    expect(failed.html).toContain(`<title data-c>${long}</title><text`);
    expect(failed.html).toContain('class="node st bad"><path class="box"');
    const ids = Array.from({ length: 40 }, (_, at) => `s${at}`);
    const dense = await withSteps(ids.map((id, at) => named(id, ids.slice(0, at))));
    expect(dense.html).toContain("40 steps are too many to draw");
    expect(dense.html).toContain("40 levels");
    const begun = await reportDocument({ ...source, record: new TextEncoder().encode(sampleRecord().lines.slice(0, 2).join("")) });
    expect(begun.html).toContain("There is no plan yet, so there are no steps.");
    expect(begun.html).toContain("No step has started.");
  });

  test.each(["succeeded", "failed", "canceled", "blocked", "created"])("tells how a run ended that is %s", (status) => {
    const maker = new RecordMaker("ended");
    maker.add("RUN_CREATED", { workspace_id: "ws", format: 1, kernel_version: "0.1.0", kind: "workflow" });
    if (status !== "created") maker.add(`RUN_${status.toUpperCase()}`, { reason: "so it was" });
    const [[first = ""] = []] = listsOf(maker.bytes()).ending;
    expect(first).toContain(status === "created" ? "is not finished: it is created" : status === "blocked" ? "is blocked" : status);
    expect(first.includes("so it was")).toBe(status !== "created");
  });

  test("of an empty record still is a page", async () => {
    const { html, problem } = await reportDocument({ ...source, record: new Uint8Array(0) });
    expect(problem?.event).toBe(0);
    expect(html).toContain("No guidance can be given");
  });

  test("of events that this version cannot tell still is a page, and says so", async () => {
    const maker = sampleRecord();
    maker.add("GATE_PASSED", { gate_id: "g", log_artifact_ids: 7, metrics: 3 });
    const { html, problem } = await reportDocument({ ...source, record: maker.bytes() });
    expect(problem).toBeNull();
    expect(html).toContain("This page could not be made in full.");
    expect(html).toContain("this version of Lily cannot tell what its events say");
  });

  test("many attempts are drawn in as many lanes as ran at once, many steps as levels", async () => {
    const { record, documents } = longRecord(300);
    const { html } = await reportDocument({ ...source, record, documents });
    expect(html).toContain("Each row is one that ran beside the others");
    expect(html).toContain("300 steps are too many to draw");
    expect(html).toContain('<th scope="row" role="rowheader" data-l="Level">30</th>');
  });
});
