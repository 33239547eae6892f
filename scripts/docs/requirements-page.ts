import { readFileSync } from "node:fs";
import path from "node:path";
import { heading, type Page, table } from "./page.ts";
import { readTestTitles } from "./test-titles.ts";

const dataFile = "docs/reference/requirements.json";

interface RequirementRow {
  readonly row: string;
  readonly what: string;
  /** Tests that would fail if the row were broken; empty while no test shows it. */
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

function readRows(root: string): readonly RequirementRow[] {
  return JSON.parse(readFileSync(path.join(root, dataFile), "utf8")) as readonly RequirementRow[];
}

/** Problems: a named test file or title that does not exist, a row that is named twice. */
export function checkRequirements(root: string): readonly string[] {
  const titles = readTestTitles(root);
  const rows = readRows(root);
  const doubled = rows.filter((row, at) => rows.findIndex((other) => other.row === row.row) !== at).map((row) => `${dataFile}: ${row.row} stands twice`);
  const missing = rows.flatMap((row) =>
    row.tests
      .filter((test) => titles.get(test.file)?.includes(test.title) !== true)
      .map((test) => `${dataFile}: ${row.row} names a test that does not exist: ${test.file} "${test.title}"`),
  );
  return [...doubled, ...missing];
}

/** `docs/reference/requirements.md`. */
export function requirementsPage(root: string): Page {
  return { path: "docs/reference/requirements.md", render: () => render(readRows(root)) };
}

function render(rows: readonly RequirementRow[]): string {
  const shown = rows.filter((row) => row.tests.length > 0);
  const lines = rows.map((row) => [
    row.row,
    row.what,
    row.tests.map((test) => `[${test.file}](../../${test.file}): ${test.title}`).join("<br>") || "no test yet",
  ]);
  return [
    heading("Requirements", dataFile),
    `\nWhat must work, row by row, with the tests that would fail if it broke. ${shown.length} of ${rows.length} rows have one. The check fails when a named test does not exist.\n`,
    table(["row", "what", "shown by"], lines),
    "",
  ].join("\n");
}
