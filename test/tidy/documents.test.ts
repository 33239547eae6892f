import { readFileSync } from "node:fs";
import path from "node:path";
import { parseSync } from "oxc-parser";
import { describe, expect, test } from "vitest";
import { listFiles } from "../../scripts/check/source-tree.ts";
import { listedInvariants, testsByInvariant } from "../../scripts/docs/invariants-page.ts";
import { repoRoot } from "./tracked-files.ts";

/** Types that a module exports, with its types under their public names. */
function exportedTypes(file: string): readonly string[] {
  const { program } = parseSync(file, readFileSync(path.join(repoRoot, file), "utf8"));
  return program.body.flatMap((statement) => {
    if (statement.type !== "ExportNamedDeclaration") return [];
    const declared = statement.declaration;
    if (declared?.type === "TSTypeAliasDeclaration" || declared?.type === "TSInterfaceDeclaration") return [declared.id.name];
    return [];
  });
}

describe("glossary", () => {
  const rows = readFileSync(path.join(repoRoot, "docs/glossary.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| ---") && !line.startsWith("| word "));
  const cells = rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

  test("every type that contracts export has an entry", () => {
    const known = new Set(cells.flatMap((row) => [...(row[2] ?? "").matchAll(/`([A-Za-z]+)`/g)].map((match) => match[1])));
    const types = listFiles(repoRoot, "src/contracts", (name) => name.endsWith(".ts") && !name.endsWith(".test.ts")).flatMap(exportedTypes);
    expect(types.length).toBeGreaterThan(20);
    expect(types.filter((name) => !known.has(name))).toEqual([]);
  });

  test("every code name of the glossary is a name of the source", () => {
    const source = listFiles(repoRoot, "src", (name) => name.endsWith(".ts"))
      .map((file) => readFileSync(path.join(repoRoot, file), "utf8"))
      .join("\n");
    const names = cells.flatMap((row) => [...(row[2] ?? "").matchAll(/`([A-Za-z]+)`/g)].map((match) => match[1] ?? ""));
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(source))).toEqual([]);
  });

  test("every row has a word, a meaning, a code name and what it is not", () => {
    expect(cells.filter((row) => row.length !== 4 || row.some((cell) => cell === "")).map((row) => row[0])).toEqual([]);
    const words = cells.map((row) => row[0]);
    expect(words.filter((word, at) => words.indexOf(word) !== at)).toEqual([]);
  });
});

describe("invariants", () => {
  /** Promises that nothing carries out yet; each leaves the list with its first test. */
  const notBuilt: ReadonlySet<string> = new Set([]);
  const listed = listedInvariants(repoRoot);
  const tests = testsByInvariant(repoRoot);

  test("the page lists every number of the kernel", () => {
    const wanted = [
      "L1",
      "L2",
      "L3",
      "L4",
      "L5",
      "L6",
      "A1",
      "A2",
      "A3",
      "E1",
      "E2",
      "E3",
      "E4",
      "E5",
      "E6",
      "E7",
      "S1",
      "S2",
      "S3",
      "S4",
      "S5",
      "S6",
      "S7",
      "H1",
      "H2",
      "H3",
      "H4",
      "H5",
      "H6",
    ];
    expect(listed).toEqual(wanted);
  });

  test.each(listed.filter((id) => /^[LAE]/.test(id)))("a test carries the number %s, or it is listed as not built", (id) => {
    expect(tests.has(id)).toBe(!notBuilt.has(id));
  });

  test("no title carries a number that the page does not list", () => {
    const unknown = [...tests]
      .filter(([id]) => /^[LAEHRGS]\d$/.test(id) && !listed.includes(id))
      .flatMap(([id, found]) => found.map((item) => `${id} in ${item.file}`));
    expect(unknown).toEqual([]);
  });
});
