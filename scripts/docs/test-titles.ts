import { readFileSync } from "node:fs";
import path from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import { listFiles } from "../check/source-tree.ts";

/** Titles of a file's tests: the first argument of `test`, `it` and what they carry (`test.each`, `it.prop`, `test.skipIf(...)`). */
export function testTitlesOf(file: string, text: string): readonly string[] {
  const titles: string[] = [];
  const visitor = new Visitor({
    CallExpression(node) {
      const first = node.arguments[0];
      if (first === undefined || !/^(?:test|it|property)\b/.test(text.slice(node.callee.start, node.callee.end))) return;
      if (first.type === "Literal" && typeof first.value === "string") titles.push(first.value);
      if (first.type === "TemplateLiteral") titles.push(text.slice(first.start + 1, first.end - 1));
    },
  });
  visitor.visit(parseSync(file, text).program);
  return titles;
}

/** Every test file and conformance suite of the repository, with its titles. */
export function readTestTitles(root: string): ReadonlyMap<string, readonly string[]> {
  const tests = ["src", "test", "examples"].flatMap((folder) => listFiles(root, folder, (name) => name.endsWith(".test.ts")));
  const suites = listFiles(root, "src/testkit", (name) => name.endsWith(".ts"));
  return new Map([...new Set([...tests, ...suites])].map((file) => [file, testTitlesOf(file, readFileSync(path.join(root, file), "utf8"))]));
}
