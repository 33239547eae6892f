/** The checks of the example pack by themselves: CSV as it really comes, and what each check says about it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";

interface Verdict {
  readonly passed: boolean;
  readonly reason: string;
  readonly metrics: Readonly<Record<string, number>>;
}
interface Row {
  readonly line: number;
  get(column: string): unknown;
}
interface Summary {
  readonly columns: readonly string[];
  readonly rows: number;
  readonly bad: { readonly count: number; readonly shown: readonly { readonly line: number; readonly problem: string }[] };
}
interface Check {
  begin(): void;
  row(row: Row, columns: Iterable<string>): void;
  again(): boolean;
  end(summary: Summary): Verdict;
}
interface ProfileOf {
  row(row: Row, columns: Iterable<string>): void;
  result(columns: readonly string[]): { readonly rows: number; readonly columns: readonly Readonly<Record<string, unknown>>[] };
}
type Record_ = { readonly line: number; readonly fields?: readonly string[]; readonly problem?: string };

const lib = pathToFileURL(join(import.meta.dirname, "../../examples/packs/tabular/tables/")).href;
const { csvRecords } = (await import(`${lib}csv.mjs`)) as { csvRecords: (chunks: AsyncIterable<string>, delimiter: string) => AsyncIterable<Record_> };
const { readTable } = (await import(`${lib}table.mjs`)) as {
  readTable: (table: unknown, options: object, onRow: Check["row"], cwd: string) => Promise<Summary>;
};
const { checkOf } = (await import(`${lib}checks.mjs`)) as { checkOf: (name: string, options: object) => Check };
const { Profile } = (await import(`${lib}profile.mjs`)) as { Profile: new () => ProfileOf };
const { typeOf, timeOf } = (await import(`${lib}values.mjs`)) as { typeOf: (value: unknown) => string; timeOf: (value: unknown) => number | null };
const { DistinctCount } = (await import(`${lib}distinct.mjs`)) as {
  DistinctCount: new () => { add(text: string): void; readonly count: number; readonly isExact: boolean };
};

const dir = mkdtempSync(join(tmpdir(), "lily-tabular-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let files = 0;

function file(text: string | Uint8Array, extension = "csv"): string {
  const path = join(dir, `${files++}.${extension}`);
  writeFileSync(path, text);
  return path;
}

async function records(text: string, cuts: readonly number[] = []): Promise<readonly Record_[]> {
  async function* pieces(): AsyncIterable<string> {
    let at = 0;
    for (const cut of [...cuts, text.length].map((place) => place % (text.length + 1)).sort((a, b) => a - b)) {
      yield text.slice(at, cut);
      at = Math.max(at, cut);
    }
  }
  const found: Record_[] = [];
  for await (const record of csvRecords(pieces(), ",")) found.push(record);
  return found;
}

async function judge(name: string, table: unknown, options: object = {}): Promise<Verdict> {
  const check = checkOf(name, options);
  for (;;) {
    check.begin();
    const summary = await readTable(table, options, (row, columns) => check.row(row, columns), dir);
    if (!check.again()) return check.end(summary);
  }
}

async function profileOf(table: unknown, options: object = {}): Promise<ReturnType<ProfileOf["result"]>> {
  const profile = new Profile();
  const { columns } = await readTable(table, options, (row, names) => profile.row(row, names), dir);
  return profile.result(columns);
}

describe("CSV", () => {
  test.each<readonly [string, string, readonly unknown[]]>([
    [
      "plain rows",
      "a,b\n1,2\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    ["no line end at the end", "a\n1", [["a"], ["1"]]],
    [
      "CRLF",
      "a,b\r\n1,2\r\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    ["a BOM", "\ufeffa,b\n", [["a", "b"]]],
    ["a BOM before a quote", '\ufeff"a",b\n', [["a", "b"]]],
    ["quoted delimiters", '"a,b",c\n', [["a,b", "c"]]],
    ["doubled quotes", '"say ""hi""",x\n', [['say "hi"', "x"]]],
    ["line ends in quotes", '"a\nb\r\nc",d\n', [["a\nb\r\nc", "d"]]],
    ["empty fields", ",,\n", [["", "", ""]]],
    ["an empty quoted field", '"",x\n', [["", "x"]]],
    ["a lone CR", "a\rb,c\n", [["a\rb", "c"]]],
    ["spaces that belong to the field", " a , b \n", [[" a ", " b "]]],
    ["a closing quote at the end of the file", 'x,"y"', [["x", "y"]]],
  ])("%s", async (_name, text, expected) => {
    expect((await records(text)).map((record) => record.fields)).toEqual(expected);
  });

  test.each<readonly [string, string, number, string]>([
    ["a quote that does not close", 'a\nb\n"c\nd', 3, "does not end"],
    ["text behind a closing quote", 'a\n"b"c\nd\n', 2, "follows the closing quote"],
    ["a quote inside of a field", 'a\nb"c\nd\n', 2, "inside an unquoted field"],
    ["a field that never ends", `a\n${"x".repeat(1024 * 1024 + 1)}\nb\n`, 2, "longer than"],
    ["a row of very many fields", `a\n${",".repeat(10_001)}\nb\n`, 2, "more than 10000 fields"],
  ])("%s is told with its line", async (_name, text, line, problem) => {
    const bad = (await records(text)).filter((record) => record.problem !== undefined);
    expect(bad).toEqual([{ line, problem: expect.stringContaining(problem) }]);
  });

  test("lines are counted through quoted line ends, and reading goes on behind a bad row", async () => {
    expect(await records('a,b\n"1\n2",3\n"x"y,4\n5,6\n')).toEqual([
      { line: 1, fields: ["a", "b"] },
      { line: 2, fields: ["1\n2", "3"] },
      { line: 4, problem: expect.any(String) },
      { line: 5, fields: ["5", "6"] },
    ]);
  });

  test("what was written is read, wherever the chunks are cut", async () => {
    const field = fc.array(fc.constantFrom("a", ",", '"', "\n", "\r\n", "\r", " ", "é", "😀"), { maxLength: 6 }).map((parts) => parts.join(""));
    const rows = fc.array(fc.array(field, { minLength: 2, maxLength: 3 }), { minLength: 1, maxLength: 5 });
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(rows, fc.array(fc.nat(200), { maxLength: 5 }), fc.constantFrom("\n", "\r\n"), async (table, cuts, end) => {
        const text = table.map((fields) => fields.map(quoted).join(",")).join(end);
        expect((await records(text, cuts)).map((record) => record.fields)).toEqual(table);
      }),
      { numRuns: 500 },
    );
  });
});

describe("tables", () => {
  test("rows of another width and JSON that is none are named with their lines, at most five of them", async () => {
    const many = `a,b\n${"1\n".repeat(2)}1,2\n${"1,2,3\n".repeat(7)}`;
    expect((await readTable(file(many), {}, () => undefined, dir)).bad).toEqual({
      count: 9,
      shown: [2, 3, 5, 6, 7].map((line) => ({ line, problem: expect.stringContaining("the header has 2") })),
    });
    const json = await readTable(file('{"a":1}\n\n[1]\n{"a":\nnull\n{"b":2}', "jsonl"), {}, () => undefined, dir);
    expect(json).toMatchObject({ columns: ["a", "b"], rows: 2, bad: { shown: [{ line: 3 }, { line: 4 }, { line: 5 }] } });
  });

  test.each<readonly [string, unknown, RegExp]>([
    ["an empty file", file(""), /has no header/],
    ["a header that names a column twice", file("a,a\n"), /names a twice/],
    ["a header with a nameless column", file("a,,b\n"), /column 2 of the header has no name/],
    ["a header that is no CSV", file('"a\n'), /the header: a quoted field/],
    ["bytes that are not UTF-8", file(new Uint8Array([97, 10, 0xff, 10])), /not UTF-8/],
    ["a path that leads nowhere", "none.csv", /there is no table/],
    ["a number", 5, /is to be a file/],
  ])("%s is refused", async (_name, table, why) => {
    await expect(readTable(table, {}, () => undefined, dir)).rejects.toThrow(why);
  });

  test("blank lines are no rows, TSV is known by its name, a list needs no file", async () => {
    expect((await readTable(file("a,b\n\n1,2\n\n"), {}, () => undefined, dir)).rows).toBe(1);
    expect((await readTable(file("a\tb\n1\t2\n", "tsv"), {}, () => undefined, dir)).columns).toEqual(["a", "b"]);
    expect((await readTable([{ a: 1 }, 5, { b: 2 }], {}, () => undefined, dir)).bad).toMatchObject({ count: 1, shown: [{ line: 2 }] });
  });
});

const people = "id,name,age,born\n1,ada,36,1815-12-10\n2,bob,,1990-02-30\n2,,200,1990-01-01\n";

describe("checks", () => {
  test.each<readonly [string, object, string | readonly object[], boolean, string]>([
    ["row_count", {}, people, true, "3 rows"],
    ["row_count", {}, "id\n", false, "at least 1"],
    ["row_count", { min: 4 }, people, false, "at least 4"],
    ["row_count", { max: 2 }, people, false, "at most 2"],
    ["required_columns", { columns: ["id", "age"] }, people, true, "all 2"],
    ["required_columns", { columns: ["ID", "x"] }, people, false, 'missing: ID, x (there is "id")'],
    ["required_columns", { columns: ["id"], only: true }, people, false, "not expected: name, age, born"],
    ["no_nulls", { columns: ["id"] }, people, true, "than allowed"],
    ["no_nulls", { columns: ["name", "age"] }, people, false, "name: 1 of 3 values are null, in line 4; age: 1 of 3 values are null, in line 3"],
    ["no_nulls", { columns: ["name"], max_share: 0.5 }, people, true, "than allowed"],
    ["no_nulls", { columns: ["name"], nulls: ["", "ada"] }, people, false, "2 of 3"],
    ["no_nulls", { columns: ["nam"] }, people, false, "no column nam"],
    ["no_nulls", { columns: ["a"] }, [{ a: 1 }, { b: 2 }, { a: null }], false, "2 of 3 values are null, first in lines 2, 3"],
    ["unique", { columns: ["id", "age"] }, people, true, "names each row once"],
    ["unique", { columns: ["id"] }, people, false, 'line 4 repeats ["2"] of line 3'],
    ["unique", { columns: ["name"] }, "name\n\n\n", true, "names each row once"],
    ["unique", { columns: ["a"] }, [{ a: 1 }, { a: "1" }], true, "names each row once"],
    ["in_range", { column: "age", min: 0, max: 120 }, people, false, '1 values of age are outside of 0 to 120, in line 4 ("200")'],
    ["in_range", { column: "age", max: 200 }, people, true, "up to 200"],
    ["in_range", { column: "name", min: 0 }, people, false, 'no number, first in lines 2 ("ada"), 3 ("bob")'],
    ["in_range", { column: "born", min: "1800-01-01", max: "2000-01-01" }, people, false, 'no date, in line 3 ("1990-02-30")'],
    ["in_range", { column: "born", min: "1900-01-01" }, people, false, "1900-01-01 and more"],
    ["matches", { column: "name", pattern: "[a-z]{3}" }, people, true, "every value"],
    ["matches", { column: "name", pattern: "ad" }, people, false, "2 values of name do not match ad"],
    ["fresh", { column: "t", as_of: "2020-01-02", max_age: "1d" }, "t\n2019-01-01\n2020-01-01\n", true, "24 hours before"],
    ["fresh", { column: "t", as_of: "2020-01-02T00:00:01Z", max_age: "24h" }, "t\n2020-01-01\n", false, "24h are allowed"],
    ["fresh", { column: "t", as_of: "2020-01-01", max_age: "1d" }, "t\n2020-01-02\n", false, "which is after"],
    ["fresh", { column: "t", as_of: "2020-01-01", max_age: "1d" }, "t\nsoon\n", false, "no date and no time"],
    ["fresh", { column: "t", as_of: "2020-01-01", max_age: "1d" }, "t,u\n,1\n", false, "no time at all"],
    ["no_drift", { profile: { rows: 1, columns: [{ name: "id", type: "integer", nulls: 0 }] }, allow_new: true }, people, true, "stored profile"],
    ["no_drift", { profile: { rows: 1, columns: [{ name: "id", type: "text", nulls: 0 }] } }, "id\n1\n", false, "was text and is integer"],
    ["no_drift", { profile: { rows: 2, columns: [{ name: "gone", type: "text", nulls: 0 }] } }, "new\n1\n", false, "column gone is gone; column new is new"],
    [
      "no_drift",
      {
        profile: {
          rows: 9,
          columns: [
            { name: "a", type: "number", nulls: 0 },
            { name: "b", type: "text", nulls: 0 },
          ],
        },
      },
      "a,b\n1,\n2,x\n",
      false,
      "column b has 1 nulls of 2; it had 0 of 9",
    ],
  ])("%s %j", async (name, options, table, isPassed, reason) => {
    const verdict = await judge(name, typeof table === "string" ? file(table) : table, options);
    expect(verdict.reason).toContain(reason);
    expect(verdict.passed).toBe(isPassed);
    for (const value of Object.values(verdict.metrics)) expect(Number.isFinite(value)).toBe(true);
  });

  test.each<readonly [string, object, RegExp]>([
    ["none", {}, /there is no check "none"/],
    ["toString", {}, /there is no check/],
    ["unique", {}, /columns is missing/],
    ["unique", { columns: [] }, /columns is missing/],
    ["in_range", { column: "a" }, /needs min or max/],
    ["in_range", { column: "a", min: "low" }, /min is a number or a date/],
    ["matches", { column: "a", pattern: "(" }, /no regular expression/],
    ["fresh", { column: "a", as_of: "now", max_age: "1d" }, /as_of is a date/],
    ["fresh", { column: "a", as_of: "2020-01-01", max_age: "soon" }, /max_age is a number/],
  ])("%s with %j is no check at all", (name, options, why) => {
    expect(() => checkOf(name, options)).toThrow(why);
  });

  test("keys that do not fit into memory are found all the same, and the verdict is no other", async () => {
    const rows = Array.from({ length: 3_000 }, (_, index) => `${index % 2_990}`);
    const table = file(`k\n${rows.join("\n")}\n`);
    const whole = await judge("unique", table, { columns: ["k"] });
    expect(whole).toMatchObject({ passed: false, metrics: { duplicates: 10 } });
    expect(await judge("unique", table, { columns: ["k"], keys_max: 50 })).toEqual(whole);
    await expect(judge("unique", table, { columns: ["k"], keys_max: 1 })).rejects.toThrow("too many different keys");
  });
});

describe("profiles", () => {
  test("say types, nulls, least and greatest, and how many differ", async () => {
    expect(await profileOf(file("id,code,share,day,ok,none\n10,007,1,2020-01-02,true,\n9,010,2.5,2020-01-01T00:00:00Z,false,\n"))).toEqual({
      rows: 2,
      columns: [
        { name: "id", type: "integer", nulls: 0, min: 9, max: 10, distinct: 2, distinct_exact: true },
        { name: "code", type: "text", nulls: 0, min: "007", max: "010", distinct: 2, distinct_exact: true },
        { name: "share", type: "number", nulls: 0, min: 1, max: 2.5, distinct: 2, distinct_exact: true },
        { name: "day", type: "datetime", nulls: 0, min: "2020-01-01T00:00:00Z", max: "2020-01-02", distinct: 2, distinct_exact: true },
        { name: "ok", type: "boolean", nulls: 0, min: "false", max: "true", distinct: 2, distinct_exact: true },
        { name: "none", type: "empty", nulls: 2, min: null, max: null, distinct: 0, distinct_exact: true },
      ],
    });
  });

  test("a column that appears late, or not in every row, was null before and between", async () => {
    const { rows, columns } = await profileOf([{ a: 1 }, { b: [1] }, { a: 3, b: {} }]);
    expect([rows, ...columns.map((column) => [column["name"], column["type"], column["nulls"]])]).toEqual([3, ["a", "integer", 1], ["b", "json", 1]]);
  });

  test.each([
    ["1", "integer"],
    ["-0", "integer"],
    ["01", "text"],
    ["9007199254740993", "text"],
    ["1e3", "number"],
    ["1e999", "text"],
    [".5", "text"],
    ["2020-02-29", "date"],
    ["2021-02-29", "text"],
    ["2020-01-01 10:00", "datetime"],
    ["2020-01-01T10:00:00+02:00", "datetime"],
    ["2020-13-01T10:00", "text"],
    ["NaN", "text"],
    ["", "text"],
    [1.5, "number"],
    [null, "json"],
  ])("%j is %s", (value, type) => {
    expect(typeOf(value)).toBe(type);
  });

  test("a time without a zone is UTC on every machine", () => {
    expect(timeOf("2020-01-01T10:00")).toBe(Date.UTC(2020, 0, 1, 10));
    expect(timeOf("2020-01-01 10:00:00+02:00")).toBe(Date.UTC(2020, 0, 1, 8));
  });

  test.each([1_000, 5_000, 50_000])("%i different values are counted, exactly or within 6 %%", (count) => {
    const distinct = new DistinctCount();
    for (let round = 0; round < 2; round++) for (let value = 0; value < count; value++) distinct.add(`value-${value}`);
    expect(distinct.isExact).toBe(count <= 1_000);
    expect(Math.abs(distinct.count - count) / count).toBeLessThan(distinct.isExact ? 1e-9 : 0.06);
  });
});
