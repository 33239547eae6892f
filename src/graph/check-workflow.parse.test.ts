import { describe, expect, test } from "vitest";
import { type BadCase, checkText, matching, withRoot } from "./check-workflow.test-support.ts";
import { checkWorkflow } from "./check-workflow.ts";

const yaml = "YAML_INVALID";
const json = "JSON_INVALID";
const bad = (name: string, text: string, code: string, line: number | null, names: string, file = "flow.yaml"): BadCase => ({
  name,
  text,
  code,
  line,
  names,
  file,
});
const deepFlow = `a: ${"[".repeat(100)}${"]".repeat(100)}`;
const laughs = `a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]`;

const cases: readonly BadCase[] = [
  bad("an empty file", "", yaml, 1, "empty"),
  bad("spaces only", "   \n  \n", yaml, 1, "empty"),
  bad("a comment only", "# nothing\n", yaml, 1, "empty"),
  bad("a null document", "~\n", yaml, 1, "empty"),
  bad("an empty document between markers", "---\n...\n", yaml, 1, "empty"),
  bad("two documents", "a: 1\n---\nb: 2\n", yaml, 2, "more than one document"),
  bad("a second document after an end marker", "a: 1\n...\nb: 1\n", yaml, 3, "more than one document"),
  bad("a duplicate key", withRoot("title: x\ntitle: y"), yaml, 6, '"title"'),
  bad("a duplicate key written in two ways", withRoot('title: x\n"title": y'), yaml, 6, '"title"'),
  bad("a duplicate step", "workflow: w\nversion: 1\nsteps:\n  a: { run: [x] }\n  a: { run: [y] }\n", yaml, 5, '"a"'),
  bad("a duplicate key in a flow map", withRoot("title: x\ninputs: { a: { file: x, file: y } }"), yaml, 6, '"file"'),
  bad("an anchor", withRoot("title: &t x"), yaml, 5, "&t"),
  bad("an alias", withRoot("title: *t"), yaml, 5, "t"),
  bad("a chain of aliases that would grow", laughs, yaml, 1, "&a"),
  bad("an alias inside a sequence", laughs, yaml, 3, "*b"),
  bad("an anchor on a key", "&k workflow: w\n", yaml, 1, "&k"),
  bad("a merge key", withRoot("<<: { title: x }"), yaml, 5, "<<"),
  bad("a merge key with an alias", withRoot("inputs: &i {}\n<<: *i"), yaml, 6, "<<"),
  bad("a merge key of a list", withRoot("<<: [{ title: x }]"), yaml, 5, "<<"),
  bad("a standard tag", withRoot("title: !!str 5"), yaml, 5, "tag:yaml.org,2002:str"),
  bad("an unknown tag", withRoot("title: !thing x"), yaml, 5, "!thing"),
  bad("an ordered map", withRoot("title: !!omap [a: 1]"), yaml, 5, "omap"),
  bad("a set", withRoot("title: !!set {a, b}"), yaml, 5, "set"),
  bad("binary", withRoot("title: !!binary aGk="), yaml, 5, "binary"),
  bad("a script tag", withRoot("title: !!js/function 'x'"), yaml, 5, "js/function"),
  bad("a tag on a map", withRoot("inputs: !!map {}"), yaml, 5, "tag:yaml.org,2002:map"),
  bad("a version directive", "%YAML 1.1\n---\nworkflow: w\n", yaml, 1, "%YAML 1.1"),
  bad("a tag directive", "%TAG ! tag:x,2000:\n---\nworkflow: w\n", yaml, 1, "%TAG"),
  bad("the key __proto__", withRoot("__proto__: { title: x }"), yaml, 5, "__proto__"),
  bad("the key constructor", withRoot("constructor: { prototype: {} }"), yaml, 5, "constructor"),
  bad("the key prototype in a step", withRoot("inputs:\n  prototype: { file: x }"), yaml, 6, "prototype"),
  bad("the key __proto__ with escapes", withRoot('"\\x5f_proto__": 1'), yaml, 5, "__proto__"),
  bad("a list as a key", withRoot("? [a]\n: b"), yaml, 5, "keys"),
  bad("a map as a key", withRoot("? { a: b }\n: c"), yaml, 5, "keys"),
  bad("an unclosed list", withRoot("title: [a, b"), yaml, 6, "]"),
  bad("an unclosed quote", withRoot("title: 'a"), yaml, 6, "quote"),
  bad("a tab as indentation", "workflow: w\nsteps:\n\ta: 1\n", yaml, 3, "Tabs"),
  bad("a bad escape", withRoot('title: "\\q"'), yaml, 5, "escape"),
  bad("nested maps on one line", withRoot("title: a: b"), yaml, 5, "Nested mappings"),
  bad("a control character", withRoot("title: a\u0007b"), yaml, 5, "control character"),
  bad("a NUL", withRoot("title: a\u0000b"), yaml, 5, "control character"),
  bad("a lone surrogate by escape", withRoot('title: "\\uD800"'), yaml, 5, "lone surrogate"),
  bad("an integer that would be rounded", withRoot("title: 12345678901234567890"), yaml, 5, "12345678901234567"),
  bad("infinity", withRoot("title: .inf"), yaml, 5, "Infinity"),
  bad("not a number", withRoot("title: .nan"), yaml, 5, "NaN"),
  bad("100 nested flow lists", deepFlow, "INPUT_TOO_LARGE", 1, "64 levels"),
  bad("65 nested block maps", Array.from({ length: 66 }, (_, level) => `${" ".repeat(level)}a:`).join("\n"), "INPUT_TOO_LARGE", 65, "64 levels"),
  bad("100,000 opening brackets", "[".repeat(100_000), "INPUT_TOO_LARGE", 1, "64 levels"),
  bad("100,000 opening braces", "{a: ".repeat(100_000), "INPUT_TOO_LARGE", 1, "64 levels"),
  bad("100,000 dashes on one line", "- ".repeat(100_000), "INPUT_TOO_LARGE", 1, "64 levels"),
  bad("50,000 explicit keys", "? ".repeat(50_000), "INPUT_TOO_LARGE", 1, "64 levels"),
  bad("a text in place of a map", "just text\n", "WORKFLOW_INVALID", 1, "map"),
  bad("a list in place of a map", "- a\n- b\n", "WORKFLOW_INVALID", 1, "map"),
  bad("a number in place of a map", "5\n", "WORKFLOW_INVALID", 1, "map"),
  bad("empty JSON", "", json, 1, "unexpected end", "flow.json"),
  bad("JSON with a duplicate key", '{"workflow":"w",\n"workflow":"x"}', json, 2, '"workflow"', "flow.json"),
  bad("JSON with a comment", '{\n// no\n"workflow":"w"}', json, 2, "expected a key", "flow.json"),
  bad("JSON with a comma at the end", '{"workflow":"w",\n}', json, 2, "expected a key", "flow.json"),
  bad("JSON with single quotes", "{'workflow':1}", json, 1, "expected a key", "flow.json"),
  bad("JSON with __proto__", '{\n"__proto__":{}}', json, 2, "__proto__", "flow.json"),
  bad("JSON with an escaped __proto__", '{"\\u005f_proto__":{}}', json, 1, "__proto__", "flow.json"),
  bad("JSON with a lone surrogate", '{"title":"\\ud800"}', json, 1, "lone surrogate", "flow.json"),
  bad("JSON with an integer that would be rounded", '{"title":\n{"a":12345678901234567890}}', json, 2, "would be rounded", "flow.json"),
  bad("JSON with a number out of range", '{"a":1e999}', json, 1, "out of range", "flow.json"),
  bad("JSON with text after the end", "{}\n{}", json, 2, "after the end", "flow.json"),
  bad("JSON with a byte order mark", "\uFEFF{}", json, 1, "unexpected character", "flow.json"),
  bad("JSON of 100 levels", "[".repeat(100), "INPUT_TOO_LARGE", null, "64 levels", "flow.json"),
  bad("YAML in a file named .json", "workflow: w\n", json, 1, "unexpected character", "flow.JSON"),
];

describe("parsing a workflow", () => {
  test.each(cases)("refuses $name", async (bad) => {
    const found = await checkText(bad.text, bad.file);
    expect(matching(found, bad)).toBe("found");
    expect(found.document).toBeNull();
  });

  test("refuses bytes that are not UTF-8 and names the line", async () => {
    const found = await checkWorkflow(Uint8Array.from([0x61, 0x0a, 0xc3, 0x28, 0x0a]), { fileName: "flow.yaml" });
    expect(found.problems).toMatchObject([{ code: "INPUT_NOT_UTF8", line: 2, file: "flow.yaml" }]);
  });

  test("refuses overlong UTF-8 at the end of a file without a newline", async () => {
    const found = await checkWorkflow(Uint8Array.from([0x61, 0x0a, 0xc0, 0x80]), { fileName: "flow.yaml" });
    expect(found.problems).toMatchObject([{ code: "INPUT_NOT_UTF8", line: 2 }]);
  });

  test("refuses more than 16 MiB before reading them", async () => {
    const found = await checkWorkflow(new Uint8Array(16 * 1024 * 1024 + 1), { fileName: "flow.yaml" });
    expect(found.problems).toMatchObject([{ code: "INPUT_TOO_LARGE" }]);
  });

  test("collects every YAML problem, not only the first", async () => {
    const found = await checkText("a: &x 1\nb: *x\nc: !t 1\na: 2\n<<: {}\n");
    expect(found.problems.map((problem) => problem.line)).toEqual(expect.arrayContaining([1, 2, 3, 4, 5]));
  });

  test("leaves the prototype of objects alone", async () => {
    const before = Reflect.ownKeys(Object.prototype).length;
    for (const bad of cases) await checkText(bad.text, bad.file);
    expect(Reflect.ownKeys(Object.prototype)).toHaveLength(before);
    expect(Reflect.get({}, "title")).toBeUndefined();
  });

  test("accepts a byte order mark, CRLF and block texts in YAML", async () => {
    const found = await checkText("\uFEFFworkflow: w\r\nversion: 1\r\nsteps:\r\n  a:\r\n    shell: |\r\n      echo a\r\n      echo b\r\n");
    expect(found.problems).toEqual([]);
    expect(found.document?.steps["a"]?.shell).toBe("echo a\necho b\n");
  });
});
