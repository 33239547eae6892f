/** Reports of runs as they are found: finished, failed, created, going on, damaged. No browser: the page's functions are those of the maker. */
import { closeSync, openSync, readFileSync, renameSync, rmSync, truncateSync, writeSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ReportLeaf } from "../../src/audit/report-anchor.ts";
import { reportChecker } from "../../src/audit/report-checker.ts";
import { digestBytes } from "../../src/base/digest.ts";
import { reportFold } from "../../src/audit/report-fold.ts";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import { relativeAddress } from "../../src/kernel/report-run.ts";
import { Bed, filesBelow, flow, sh } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

function held(html: string, id: string): Buffer {
  return gunzipSync(Buffer.from(new RegExp(`id="${id}" data-format="gzip">([^<]*)<`).exec(html)?.[1] ?? "", "base64"));
}

/** What the page folds from what it holds. */
function foldOf(html: string): ReturnType<ReturnType<typeof reportFold>> {
  const checker = reportChecker();
  const { lines, problem } = checker.checkRecord(held(html, "record"));
  expect(problem).toBeNull();
  const texts = JSON.parse(held(html, "documents").toString()) as readonly string[];
  const documents = new Map(texts.map((text) => [`sha256:${checker.sha256(Buffer.from(text))}`, text]));
  return reportFold()(
    lines.map((line) => JSON.parse(line) as LedgerEvent),
    documents,
  );
}

/** Statuses of steps as the page tells them and as `run show` does. */
async function expectSameStatuses(runId: string): Promise<void> {
  const kernel = await bed.kernel();
  const view = await kernel.runs.show(runId);
  const run = foldOf((await kernel.report(runId)).html);
  expect(run.steps.map(({ id, status, attempts }) => [id, status, attempts.length])).toEqual(
    view.steps.map((step) => [step.step_id, step.status, step.attempts.length]),
  );
  expect([run.status, run.reason, run.isSealed]).toEqual([view.status, view.reason, view.record.sealed]);
}

describe("a report", () => {
  test("L6: holds the record byte for byte, and the same record gives the same page", async () => {
    const { view } = await bed.run(flow({ a: sh("echo hello") }));
    const kernel = await bed.kernel();
    const { html, problem, sealed, events } = await kernel.report("latest");
    expect(held(html, "record").equals(readFileSync(bed.recordFile(view.run_id)))).toBe(true);
    expect({ problem, sealed, events }).toEqual({ problem: null, sealed: true, events: view.record.events });
    expect((await kernel.report(view.run_id)).html).toBe(html);
  });

  test.each([
    ["succeeded", flow({ a: sh("true"), b: sh("true", { needs: ["a"] }) })],
    ["failed", flow({ a: sh("exit 3"), b: sh("true", { needs: ["a"] }), c: sh("true") })],
    ["failed by a gate", flow({ a: sh("true", { gates: [{ id: "g", run: ["false"] }] }) })],
    [
      "sent back by a route",
      flow(
        { a: sh("true"), b: sh("true", { needs: ["a"], env: { R: "${route}" }, gates: [{ id: "g", run: ["false"] }] }) },
        { routes: [{ id: "again", when: { gate: "g" }, do: { goto: "a", max: 1 } }] },
      ),
    ],
    [
      "continued past a failure",
      flow({ a: sh("false"), b: sh("true", { needs: ["a"] }), c: sh("true") }, { routes: [{ id: "on", when: { step: "a" }, do: { continue: true } }] }),
    ],
    ["blocked", flow({ a: sh("false") }, { routes: [{ id: "up", when: { step: "a" }, do: { escalate: "look at it" } }] })],
    ["retried", flow({ a: sh("false", { retry: { max: 2, backoff: "1ms" } }) })],
    ["timed out", flow({ a: sh("sleep 30", { timeout: "100ms" }) })],
  ])("L6: tells the same statuses as run show, of a run that %s", async (_, document) => {
    const { view } = await bed.run(document);
    await expectSameStatuses(view.run_id);
  });

  test("is made of a run that was only created, and of one that is going on", async () => {
    const kernel = await bed.kernel();
    const created = await kernel.runs.create({ title: "later" });
    const early = await kernel.report(created.run_id);
    expect(early).toMatchObject({ status: "created", sealed: false, problem: null });
    expect(early.html).toContain("This run has no plan yet.");
    const handle = await bed.start(flow({ a: sh("touch started; while [ ! -e stop ]; do sleep 0.05; done") }));
    for await (const event of kernel.runs.watch(handle.runId)) if (event.kind === "STEP_STARTED") break;
    const going = await kernel.report(handle.runId);
    bed.write("stop", "");
    await handle.done();
    expect(going).toMatchObject({ status: "running", sealed: false, problem: null });
    expect(going.html).toContain("The run is not finished");
  });

  test("S5: of a damaged record says so and where, without a browser too, and shows what is before", async () => {
    const { view } = await bed.run(flow({ a: sh("true") }));
    await bed.close();
    const file = bed.recordFile(view.run_id);
    const bytes = readFileSync(file);
    const at = bytes.indexOf('"STEP_COMPLETED/a/1"');
    const event = bytes.subarray(0, at).filter((byte) => byte === 0x0a).length;
    const fd = openSync(file, "r+");
    writeSync(fd, "X", at + 5);
    closeSync(fd);
    const report = await (await bed.kernel()).report(view.run_id);
    expect(report.problem).toMatchObject({ event, kind: "STEP_COMPLETED" });
    expect(report.events).toBe(event);
    expect(report.html).toContain("The record of this run was damaged when this page was made.");
    expect(report.html).toContain(`event ${event} (STEP_COMPLETED): it states the hash`);
  });

  test("of a record that was cut short says how much is missing", async () => {
    const { view } = await bed.run(flow({ a: sh("true") }));
    await bed.close();
    const file = bed.recordFile(view.run_id);
    truncateSync(file, 1_000);
    const report = await (await bed.kernel()).report(view.run_id);
    expect(report.problem?.message).toContain("not a whole line");
    expect(report.html).toContain("before its committed end");
  });

  test("links lead from the folder of the page to logs that are there, also to those of a gate that was judged again", async () => {
    const { view } = await bed.run(flow({ a: sh("echo hello; echo x >&2", { gates: [{ id: "g", run: ["sh", "-c", "echo why; exit 1"] }] }) }));
    const kernel = await bed.kernel();
    const run = `${view.run_dir}/gates/g`;
    renameSync(`${run}/1`, `${run}/1-2`);
    rmSync(`${view.run_dir}/steps/a/1/stderr.txt`);
    const { html } = await kernel.report(view.run_id, { linkFrom: bed.dir });
    const hrefs = [...html.matchAll(/<a href="(\.\/[^"]*)"/g)].map((match) => match[1]);
    expect(hrefs).toEqual([`./.lily/runs/${view.run_id}/steps/a/1/stdout.txt`, `./.lily/runs/${view.run_id}/gates/g/1-2/stdout.txt`]);
    expect((await kernel.report(view.run_id)).html).toContain("The log files are not beside this page.");
  });

  test("a plan whose bytes are gone is not shown, and the page is made all the same", async () => {
    const { view } = await bed.run(flow(Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`step-${at}`, sh("true", { title: "t".repeat(300) })]))));
    const kernel = await bed.kernel();
    expect(held((await kernel.report(view.run_id)).html, "documents").length).toBeGreaterThan(4_096);
    const [plan] = await kernel.artifacts.list({ run_id: view.run_id, artifact_type: "plan" });
    rmSync(filesBelow(bed.workspaceDir).find((file) => file.includes(plan?.digest.slice(9) ?? "none")) ?? "none");
    await bed.close();
    const { html, problem } = await (await bed.kernel()).report(view.run_id);
    expect(problem).toBeNull();
    expect(html).toContain("This run has no plan yet.");
  });

  test("S5: without a checkpoint there is no proof; later checkpoints each get one", async () => {
    const { view } = await bed.run(flow({ a: sh("true") }));
    const leavesOf = async (): Promise<readonly ReportLeaf[]> =>
      JSON.parse(/id="leaves">(.*?)</.exec((await (await bed.kernel()).report(view.run_id)).html)?.[1] ?? "[]");
    expect((await leavesOf()).map(({ proofs }) => proofs.map(({ size }) => size))).toEqual([[1]]);
    for (let at = 0; at < 3; at++) await bed.run(flow({ a: sh("true") }));
    expect((await leavesOf()).map(({ proofs }) => proofs.map(({ size }) => size))).toEqual([[1, 2, 3, 4]]);
    await bed.close();
    rmSync(bed.dataHome, { recursive: true });
    const other = await bed.run(flow({ a: sh("true") }));
    const { html } = await (await bed.kernel()).report(other.view.run_id);
    expect(JSON.parse(/id="leaves">(.*?)</.exec(html)?.[1] ?? "[]")).toMatchObject([{ proofs: [] }]);
  });

  test("S4: no secret of a step reaches the page", async () => {
    const before = process.env["REPORT_SECRET"];
    process.env["REPORT_SECRET"] = "hunter2-hunter2";
    try {
      const { view } = await bed.run(flow({ a: sh('echo "$REPORT_SECRET"; echo "$REPORT_SECRET" >&2; exit 1', { secrets: ["REPORT_SECRET"] }) }));
      const { html } = await (await bed.kernel()).report(view.run_id);
      expect(html + held(html, "record").toString() + held(html, "documents").toString()).not.toContain("hunter2");
    } finally {
      if (before === undefined) delete process.env["REPORT_SECRET"];
      else process.env["REPORT_SECRET"] = before;
    }
  });

  test("a page has one script and one style sheet, each named by its hash, and no address of anything else", async () => {
    await bed.run(flow({ a: sh("true") }));
    const { html } = await (await bed.kernel()).report("latest");
    expect(html).toMatch(
      /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'; base-uri 'none'; form-action 'none'">/,
    );
    expect(html.match(/<script>/g)).toHaveLength(1);
    // The script makes the page again, so markup is in it too, as text.
    const shown = html.slice(0, html.indexOf("<script>"));
    expect(shown.match(/<style>/g)).toHaveLength(1);
    expect(shown).not.toMatch(/\b(?:src|action|style|on[a-z]+)="/);
    const [, script = ""] = /^<script>(.*?)<\/script>$/ms.exec(html) ?? [];
    expect((await (await bed.kernel()).report("latest")).script).toBe(digestBytes(script));
    expect(html.match(/https?:\/\/[^"<\s]*/g) ?? []).toEqual([]);
  });
});

test.each([
  ["/a/b", "/a/b/.lily/runs/x", "./.lily/runs/x"],
  ["/a/b/c", "/a/d", "./../../d"],
  ["/a", "/a", "."],
  ["/a b", "/c#d/e?f", "./../c%23d/e%3Ff"],
])("a link from %s to %s is %s", (from, to, address) => {
  expect(relativeAddress(from, to)).toBe(address);
});
