/** The file that `run report` writes: where, and never over another. */
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fakeKernel } from "./fake-kernel.ts";
import { lily } from "./fake-host.ts";
import { runId } from "./sample-run.ts";

let cwd = "";
beforeEach(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "lily-report-")));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

test("without --out the page is named by the first part of the run's id, beside the caller", async () => {
  const { preset, calls } = fakeKernel();
  const ran = await lily(["run", "report", "latest"], { preset, cwd });
  expect(ran.code).toBe(0);
  expect(readdirSync(cwd)).toEqual([`report-${runId.slice(0, 13)}.html`]);
  expect(calls).toContainEqual(["report", "latest", { linkFrom: cwd }]);
  expect(ran.stdout).toContain(`report-${runId.slice(0, 13)}.html`);
});

test("a file that exists stays as it is, unless --force says otherwise", async () => {
  const { preset } = fakeKernel();
  writeFileSync(join(cwd, "page.html"), "mine");
  const refused = await lily(["run", "report", "latest", "--out", "page.html"], { preset, cwd });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("add --force to replace it");
  expect(readFileSync(join(cwd, "page.html"), "utf8")).toBe("mine");
  expect((await lily(["run", "report", "latest", "--out", "page.html", "--force"], { preset, cwd })).code).toBe(0);
  expect(readFileSync(join(cwd, "page.html"), "utf8")).toBe("<!doctype html>\n");
});

test("a folder that is not there is told", async () => {
  const { preset } = fakeKernel();
  const refused = await lily(["run", "report", "latest", "--out", "missing/page.html"], { preset, cwd });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("no such file or directory");
});
