import { describe, expect, test } from "vitest";
import { initialWorkspaceConfig, parseWorkspaceConfig, workspaceConfigDefault } from "./workspace-config.ts";

const parse = (text: string) => parseWorkspaceConfig(new TextEncoder().encode(text));

describe("lily.yaml", () => {
  test("the text of lily init is valid and means what it says", () => {
    expect(parse(initialWorkspaceConfig())).toEqual({
      config: { profile: "local", modules: {}, schemas: {}, packs: [], policy: { network: "allow", sandbox: "off", attempts_max: 10 } },
      problems: [],
    });
  });

  test("every commented example of it is valid too", () => {
    const text = initialWorkspaceConfig()
      .replace("modules: {}", "modules:")
      .replace("schemas: {}", "schemas:")
      .replace("packs: []", "packs:")
      .replaceAll(/^# {2}(?=[a-z])/gm, "  ");
    expect(parse(text).config).toMatchObject({
      modules: { "weather.summarise": "steps/summarise.ts" },
      schemas: { "weather_table.v1": "schemas/weather-table.json" },
      policy: { tools: ["node", "git"], write: { allow: ["out/**"], deny: ["data/**"] } },
    });
  });

  test("members may be left out or empty, those for later versions only empty", () => {
    expect(parse("modules:\nschemas:\npolicy:\npacks: []\napprovers: {}\ntrust:\n").config).toEqual(workspaceConfigDefault);
  });

  test.each([
    ["an empty file", "", "YAML_INVALID", 1, "empty"],
    ["a text", "hello", "CONFIG_INVALID", 1, "must be a map"],
    ["an unknown member", "profile: local\nmodule: {}\n", "CONFIG_INVALID", 2, "did you mean modules?"],
    ["another profile", "profile: production\n", "CONFIG_INVALID", 1, '"production"'],
    ["approvers that nobody would ask", "profile: local\napprovers: [ops]\n", "CONFIG_INVALID", 2, "approvers is not acted on"],
    ["a pack that is neither a folder nor a package", "packs: [X Y]\n", "CONFIG_INVALID", 1, "neither a folder"],
    ["trust", "trust: { keys: [x] }\n", "CONFIG_INVALID", 1, "trust is not acted on"],
    ["an absolute module", "modules:\n  a: /x.ts\n", "CONFIG_INVALID", 2, "is absolute"],
    ["a module that climbs", "modules:\n  a: ./../x.ts\n", "CONFIG_INVALID", 2, "'..' segment"],
    ["a module's name that climbs", "modules:\n  ../a: x.ts\n", "CONFIG_INVALID", 2, "../a"],
    ["modules that differ in case only", "modules:\n  a: x.ts\n  A: y.ts\n", "CONFIG_INVALID", 3, "a and A"],
    ["a schema without a version", "schemas:\n  table: x.json\n", "CONFIG_INVALID", 2, "table"],
    ["a schema outside", "schemas:\n  table.v1: ../x.json\n", "CONFIG_INVALID", 2, "'..' segment"],
    ["an unknown member of the policy", "policy:\n  sandbx: off\n", "CONFIG_INVALID", 2, "did you mean sandbox?"],
    ["a pattern that can match nothing", "policy:\n  write: { deny: [secret/, /abs/x] }\n", "PATH_INVALID", 2, "is absolute"],
    ["a pattern that leads out", "policy:\n  write:\n    allow: [../x]\n", "PATH_INVALID", 3, "'..' segment"],
    ["a pattern with an empty segment", "policy:\n  write:\n    deny: [a//b]\n", "PATH_INVALID", 3, "empty segment"],
    ["a tool with arguments", "policy:\n  tools: [node, a b]\n", "CONFIG_INVALID", 2, "is no name of a program"],
    ["a size that is none", "policy:\n  diff_max: 10 elephants\n", "CONFIG_INVALID", 2, "policy.diff_max"],
    ["an unknown member of the write policy", "policy:\n  write: { alow: [] }\n", "CONFIG_INVALID", 2, "did you mean allow?"],
    ["an unknown member of a module", "modules: { a: { path: x } }\n", "CONFIG_INVALID", 1, "modules.a: must be a text"],
    ["a duplicate member", "profile: local\nprofile: local\n", "YAML_INVALID", 2, '"profile"'],
  ])("refuses %s", (_name, text, code, line, names) => {
    const { config, problems } = parse(text);
    expect(config).toBeNull();
    expect(problems).toEqual(expect.arrayContaining([expect.objectContaining({ code, line, file: "lily.yaml", message: expect.stringContaining(names) })]));
  });

  test("a file that is too large has no line to name", () => {
    const { config, problems } = parse(`#${" ".repeat(16 * 1024 * 1024)}`);
    expect(config).toBeNull();
    expect(problems).toEqual([expect.objectContaining({ code: "INPUT_TOO_LARGE", line: null, column: null })]);
  });

  test("one unknown member of each object with fixed members is named with its likely name", () => {
    const { problems } = parse("modles: {}\npolicy:\n  netwrk: deny\n  write: { dny: [] }\n");
    expect(problems.map((problem) => [problem.line, problem.suggestion])).toEqual([
      [1, "modules"],
      [3, "network"],
      [4, "deny"],
    ]);
  });
});
