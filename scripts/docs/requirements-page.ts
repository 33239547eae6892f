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
  return { path: "docs/reference/requirements.md", render: () => render(readRows(root), readTestTitles(root)) };
}

/** The tests that the data file names, then those whose title begins with the row: `K27: ...`. */
function testsOf(row: RequirementRow, titles: ReadonlyMap<string, readonly string[]>): RequirementRow["tests"] {
  const titled = [...titles].flatMap(([file, list]) => list.filter((title) => title.startsWith(`${row.row}:`)).map((title) => ({ file, title })));
  return [...row.tests, ...titled.filter((test) => !row.tests.some((named) => named.file === test.file && named.title === test.title))];
}

function render(rows: readonly RequirementRow[], titles: ReadonlyMap<string, readonly string[]>): string {
  const shown = rows.map((row) => ({ ...row, tests: testsOf(row, titles) }));
  const count = shown.filter((row) => row.tests.length > 0).length;
  const lines = shown.map((row) => [
    row.row,
    row.what,
    row.tests.map((test) => `[${test.file}](../../${test.file}): ${test.title}`).join("<br>") || "no test yet",
  ]);
  return [
    heading("Requirements", `${dataFile} and the titles of the tests`),
    `\nWhat must work, row by row, with the tests that would fail if it broke. ${count} of ${rows.length} rows have one. The check fails when a named test does not exist.\n`,
    table(["row", "what", "shown by"], lines),
    "",
  ].join("\n");
}
