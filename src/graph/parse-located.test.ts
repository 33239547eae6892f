import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonValue } from "../base/json-value.ts";
import { checkText, withRoot, withStep } from "./check-workflow.test-support.ts";
import { parseLocated } from "./parse-located.ts";

const parse = (text: string, file: string) => parseLocated(new TextEncoder().encode(text), file);

describe("places in a document", () => {
  const yaml = 'a: 1\nlist:\n  - x\n  - { k: [1,\n      2] }\n"quo\\"ted": { inner: null }\n';
  const json = '{\n "a" : 1 ,\n "list": [ "x\\"]",\n  {"k":[true,\n 2]}],\n "quo\\"ted" :{"inner":\n null}, "empty": {}, "none": [ ]}';

  test.each<[string, readonly PropertyKey[], string]>([
    ["yaml", ["a"], "1:1"],
    ["yaml", ["list", 0], "3:5"],
    ["yaml", ["list", 1, "k", 1], "5:7"],
    ["yaml", ["list", 9], "2:1"],
    ["yaml", ["a", "below"], "1:1"],
    ["yaml", ["gone"], "1:1"],
    ["yaml", ['quo"ted', "inner"], "6:15"],
    ["json", ["a"], "2:2"],
    ["json", ["list", 0], "3:12"],
    ["json", ["list", 1, "k", 1], "5:2"],
    ["json", ["list", 9], "3:2"],
    ["json", ['quo"ted', "inner"], "6:15"],
    ["json", ["none"], "7:22"],
    ["json", ["gone", "deeper"], "1:1"],
    ["json", [], "1:1"],
  ])("%s %j is at %s", (kind, path, expected) => {
    const { document, problems } = parse(kind === "yaml" ? yaml : json, `x.${kind}`);
    expect(problems).toEqual([]);
    const place = document?.locate(path);
    expect(`${place?.line}:${place?.column}`).toBe(expected);
  });

  test("any JSON value is read alike as JSON and as YAML, and each part has a place inside the text", () => {
    const key = fc.stringMatching(/^[a-z"\\ é]{1,5}$/).filter((name) => name !== "<<");
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, value, { minKeys: 1, maxKeys: 3 }), (document) => {
        const plain: JsonValue = JSON.parse(JSON.stringify(document).replaceAll(/[\u007f-\u009f]/g, ""));
        const text = JSON.stringify(plain, null, 1);
        const fromJson = parse(text, "x.json").document;
        const fromYaml = parse(text, "x.yaml").document;
        expect(fromJson?.value).toEqual(plain);
        expect(fromYaml?.value).toEqual(plain);
        for (const name of Object.keys(plain ?? {})) expect(fromJson?.locate([name])).toEqual(fromYaml?.locate([name]));
      }),
      { numRuns: 300 },
    );
  });

  test("broken YAML never throws, whatever is cut or put in", () => {
    const source = withStep('run: [node, "x"]\nshell: |\n  text\noutputs: { o: { path: a } }');
    fc.assert(
      fc.property(
        fc.nat(source.length),
        fc.nat(10),
        fc.constantFrom("", "[", "{", "- ", "? ", ": ", "&a ", "*a ", "!t ", "|", ">", "'", '"', "%", "---\n", "\t", "#", "<<: "),
        (at, length, put) => {
          const { document, problems } = parse(source.slice(0, at) + put + source.slice(at + length), "x.yaml");
          expect((document === null) === problems.length > 0).toBe(true);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test("a report of more than 1,000 broken values is cut", () => {
    expect(parse("[*a, ".concat("*a, ".repeat(1_500), "*a]"), "x.yaml").problems.length).toBeLessThanOrEqual(1_001);
  });
});

describe("suggestions below every member", () => {
  test.each<[string, string, string]>([
    ["hash gate of the run", withRoot("gates: [{ id: g, hash: { law: sha256_bundle_digest, root: x, flg: y } }]"), "flag"],
    ["approval gate", withRoot("gates: [{ id: g, approval: { cout: 2 } }]"), "count"],
    ["approval gate of a step", withStep("run: [x]\ngates: [{ id: g, approval: { expirs: 4h } }]"), "expires"],
    ["default retry", withRoot("defaults: { retry: { bckoff: 1s } }"), "backoff"],
    ["gate of the run", withRoot("gates: [{ id: g, rn: [x] }]"), "run"],
  ])("%s", async (_name, text, suggestion) => {
    expect((await checkText(text)).problems.map((problem) => problem.suggestion)).toContain(suggestion);
  });
});

describe("what is left of a broken document is still checked", () => {
  test.each<[string, string, readonly string[]]>([
    [
      "a step that is no map",
      "workflow: w\nversion: 1\nsteps:\n  a: 5\n  b: { run: [x], needs: [a, zz] }\n",
      ["steps.a: must be a map", "needs the unknown step zz"],
    ],
    ["gates that are no list", withStep("run: [x]\ngates: 5\nneeds: [zz]"), ["gates: must be a list", "needs the unknown step zz"]],
    [
      "an output that is wrong",
      withStep("run: [x]\noutputs: { o: 5, p: { path: /x } }", "  b: { run: [y, '${steps.a.outputs.o}', '${steps.a.outputs.q}'] }\n"),
      ["outputs.o: must be a map", "is absolute", "no output q"],
    ],
    ["a policy that is wrong", withRoot("policy: { network: maybe }\nroutes: [{ id: r, when: {}, do: { goto: zz } }]"), ["policy.network", "unknown step zz"]],
    [
      "gates of the run that are wrong",
      withRoot("gates: [5, { id: g, run: ['${params.zz}'] }]\nroutes: [{ id: r, when: { gate: gg }, do: { continue: true } }]"),
      ["gates[0]: must be a map", "gates[1].run[0]: names the unknown param zz", "unknown gate gg"],
    ],
    [
      "params and inputs that are wrong",
      withRoot("params: { p: 5, q: { type: intger } }\ninputs: { i: 5, j: { file: /x } }"),
      ["params.p: must be a map", "params.q", "inputs.i: must be a map", "is absolute"],
    ],
    [
      "a gate's id that is wrong",
      withStep("run: [x]\ngates: [{ id: 5, run: [x] }, { id: g, run: [''] }]"),
      ["gates[0].id: must be a text", "gates[1].run[0]: the first item"],
    ],
    ["an id that is wrong", "workflow: 5\nversion: 1\nsteps: { a: { run: [x], needs: [zz] } }\n", ["workflow: must be a text", "unknown step zz"]],
  ])("%s", async (_name, text, expected) => {
    const { problems } = await checkText(text);
    const all = problems.map((problem) => problem.message).join("\n");
    for (const part of expected) expect(all).toContain(part);
  });
});

describe("numbers in a document", () => {
  test.each([
    ["json", '{"a": [true, "x", null,\n  1e16]}', 2, 3, "JSON_INVALID"],
    ["json", '{"a": 9007199254740992}', 1, 2, "JSON_INVALID"],
    ["yaml", "a:\n  - 1e16\n", 2, 5, "YAML_INVALID"],
    ["yaml", "a: 9007199254740993\n", 1, 4, "YAML_INVALID"],
  ] as const)("%s: an integer beyond 2^53-1 is refused where it stands, never rounded: %j", (kind, text, line, column, code) => {
    const { document, problems } = parse(text, `x.${kind}`);
    expect(document).toBeNull();
    expect(problems).toEqual([{ code, message: expect.stringContaining("quote it to keep its digits"), place: { line, column } }]);
  });
});
