import { readFileSync } from "node:fs";
import path from "node:path";
import type { Page } from "./page.ts";
import { readTestTitles } from "./test-titles.ts";

const file = "docs/invariants.md";

/** Ids that a test title names in front of its colon: `L1, L3: ...` names two. */
export function invariantsOfTitle(title: string): readonly string[] {
  const prefix = /^((?:[A-Z]\d+)(?:(?:,? | and |\/)[A-Z]\d+)*):/.exec(title)?.[1];
  return prefix === undefined ? [] : (prefix.match(/[A-Z]\d+/g) ?? []);
}

/** Ids that the page lists, in order. */
export function listedInvariants(root: string): readonly string[] {
  return [...readFileSync(path.join(root, file), "utf8").matchAll(/^<!-- tests ([A-Z]\d+) -->$/gm)].map((match) => match[1] ?? "");
}

/** Tests by invariant, in order of file and place. */
export function testsByInvariant(root: string): ReadonlyMap<string, readonly { readonly file: string; readonly title: string }[]> {
  const found = [...readTestTitles(root)].flatMap(([testFile, titles]) =>
    titles.flatMap((title) => invariantsOfTitle(title).map((id) => ({ id, file: testFile, title }))),
  );
  return new Map([...new Set(found.map((item) => item.id))].map((id) => [id, found.filter((item) => item.id === id)]));
}

/** `docs/invariants.md`: the text is written by hand, the lists of tests under each marker are filled in. */
export function invariantsPage(root: string): Page {
  return {
    path: file,
    render() {
      const tests = testsByInvariant(root);
      const text = readFileSync(path.join(root, file), "utf8").replace(/^(<!-- tests [A-Z]\d+ -->)\n(?:(?:- |No test ).*\n)*/gm, "$1\n");
      return text.replace(/^<!-- tests ([A-Z]\d+) -->\n/gm, (marker, id: string) => `${marker}${list(tests.get(id) ?? [])}`);
    },
  };
}

function list(tests: readonly { readonly file: string; readonly title: string }[]): string {
  if (tests.length === 0) return "No test carries this number yet.\n";
  return tests.map((test) => `- [${path.posix.basename(test.file)}](../${test.file}): ${test.title}\n`).join("");
}
