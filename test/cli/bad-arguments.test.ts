import { describe, expect, test } from "vitest";
import { lily } from "./fake-host.ts";

const start = ["run", "start", "weather.yaml"];

/** What is wrong, the command line, and a part of the message that a person must see. */
const cases: readonly (readonly [what: string, argv: readonly string[], message: string])[] = [
  ["an unknown command", ["frobnicate"], 'there is no command "frobnicate"'],
  ["a command with two letters swapped", ["run", "strat", "f"], "did you mean start?"],
  ["a noun with a letter missing", ["artifct", "list"], "did you mean artifact?"],
  ["a verb of another noun", ["schema", "get", "x"], 'there is no command "get"'],
  ["an unknown flag", [...start, "--parm", "a=1"], "did you mean --param?"],
  ["an unknown flag with a value in one word", [...start, "--parallell=3"], "did you mean --parallel?"],
  ["an unknown short flag", [...start, "-z"], '"-z"'],
  ["a flag of another command", ["run", "list", "--step", "x"], 'there is no flag "--step"'],
  ["a flag without its value", [...start, "--param"], "--param needs a value"],
  ["a flag that must be there", ["run", "rerun", "latest", "--from", "a"], "--reason is missing"],
  ["a flag that must be there, without its value", ["run", "rerun", "latest", "--from", "a", "--reason"], "--reason needs a value"],
  ["a flag followed by another flag", [...start, "--param", "--title", "x"], "--param needs a value, but --title follows"],
  ["a flag given twice", [...start, "--title", "a", "--title", "b"], "--title is given twice"],
  ["a missing file", ["run", "start"], "FILE is missing"],
  ["a missing run", ["run", "show"], "RUN is missing"],
  ["a missing artifact", ["artifact", "get"], "ARTIFACT is missing"],
  ["one argument too many", [...start, "other.yaml"], 'unexpected argument "other.yaml"'],
  ["a parameter without =", [...start, "--param", "year"], "expected name=value"],
  ["a parameter without a name", [...start, "--param", "=2014"], "is not a name"],
  ["a parameter with a blank in its name", [...start, "--param", "a b=1"], "is not a name"],
  ["a parameter given twice", [...start, "--param", "a=1", "--param", "a=2"], "--param a is given twice"],
  ["an input without a file", [...start, "--input", "csv="], "must not be empty"],
  ["an input given twice", [...start, "--input", "csv=a", "--input", "csv=b"], "--input csv is given twice"],
  ["parallel zero", [...start, "--parallel", "0"], "whole number of at least 1"],
  ["parallel negative", [...start, "--parallel", "-1"], "--parallel"],
  ["parallel fraction", [...start, "--parallel", "1.5"], "whole number"],
  ["parallel a word", [...start, "--parallel", "many"], "whole number"],
  ["a plan digest that is short", [...start, "--plan-hash", "sha256:abc"], "64 hex digits"],
  ["a status that there is not", ["run", "list", "--status", "done"], "is not one of created, planned, running"],
  ["a limit that is huge", ["run", "list", "--limit", "99999999999"], "whole number"],
  ["an empty run id", ["run", "show", ""], "must not be empty"],
  ["a run id with an escape", ["run", "show", "a\u001b[2J"], "must not hold control characters"],
  ["a reason with a line end", ["run", "cancel", "latest", "--reason", "a\nb"], "must not hold control characters"],
  ["a reason of a thousand and one characters", ["run", "cancel", "latest", "--reason", "x".repeat(1001)], "longer than 1000"],
  ["a title with a bell", ["run", "new", "--title", "a\u0007"], "must not hold control characters"],
  ["attempt zero", ["run", "logs", "latest", "--attempt", "0"], "whole number of at least 1"],
  ["exec without a command", ["exec"], "put it after --"],
  ["exec with an empty tail", ["exec", "--"], "put it after --"],
  ["exec with an empty command", ["exec", "--", ""], "is empty"],
  ["exec without --", ["exec", "make", "test"], "the command stands after --"],
  ["exec with words before --", ["exec", "make", "--", "test"], "the command stands after --"],
  ["exec with a duration without unit", ["exec", "--timeout", "90", "--", "true"], "not a duration"],
  ["exec with a timeout of zero", ["exec", "--timeout", "0s", "--", "true"], "longer than zero"],
  ["exec with a timeout of a year", ["exec", "--timeout", "9000h", "--", "true"], "longer than 30 days"],
  ["exec with a value for --env", ["exec", "--env", "TOKEN=abc", "--", "true"], "a name only"],
  ["exec with a name that no variable has", ["exec", "--env", "1A", "--", "true"], "is not the name of an environment variable"],
  ["exec with a pattern of secrets", ["exec", "--secret", "AWS_*", "--", "true"], "in full"],
  ["a gate with an open single quote", ["exec", "--gate", "echo 'a", "--", "true"], "single quote is not closed"],
  ["a gate with an open double quote", ["exec", "--gate", 'echo "a', "--", "true"], "double quote is not closed"],
  ["a gate with a pipe", ["exec", "--gate", "cat a | grep b", "--", "true"], "gates run without one"],
  ["a gate with a variable", ["exec", "--gate", 'test "$HOME"', "--", "true"], "gates run without one"],
  ["a gate that ends in a backslash", ["exec", "--gate", "echo \\", "--", "true"], "backslash"],
  ["a gate without a command", ["exec", "--gate", " ''", "--", "true"], "a gate needs a command"],
  ["--workspace without a folder", ["run", "list", "--workspace"], "--workspace needs a folder"],
  ["--workspace followed by a flag", ["--workspace", "--quiet", "run", "list"], "--workspace needs a folder"],
  ["--workspace given twice", ["--workspace", "a", "run", "list", "--workspace=b"], "--workspace is given twice"],
  ["--workspace with nothing after =", ["run", "list", "--workspace="], "--workspace needs a folder"],
  ["verify without anything", ["record", "verify"], "RUN is missing"],
  ["verify with both", ["record", "verify", "latest", "--all"], "not both"],
  ["an event kind with a typo", ["record", "show", "latest", "--kind", "GATE_FAILD"], "did you mean GATE_FAILED"],
  ["a negative sequence number", ["record", "show", "latest", "--from", "-3"], "--from"],
  ["two repairs at once", ["doctor", "--rebuild", "--recover-authority"], "exclude each other"],
  ["a repair and an acceptance at once", ["doctor", "--recover-authority", "--accept-rollback", "why"], "exclude each other"],
  ["a switch with a value", ["doctor", "--rebuild=maybe"], "--rebuild"],
  ["a code that there is not", ["explain", "LEASE_HELDD"], "did you mean LEASE_HELD?"],
  ["an exit code that there is not", ["explain", "42"], 'there is no code "42"'],
  ["a shell without completion", ["completion", "tcsh"], "there is bash, zsh and fish"],
  ["a schema without a file", ["schema", "check", "a.v1"], "FILE is missing"],
  ["a graph format that there is not", ["artifact", "graph", "latest", "--format", "png"], "is not one of table, dot, mermaid, json"],
  ["init with two folders", ["--workspace", "x", "init", "y"], "not both"],
];

describe("bad arguments", () => {
  test.each(cases)("refuses %s with exit code 2, before any workspace is touched", async (_what, argv, message) => {
    const preset = { openLocal: refuse, initWorkspace: refuse, findWorkspace: () => null, recoverAuthority: refuse, localSecurity: refuse };
    const { code, stdout, stderr } = await lily(argv, { preset });
    expect(stderr).toContain(message);
    expect(stderr).toContain("  do     ");
    expect(stderr).not.toContain("    at ");
    expect([code, stdout]).toEqual([2, ""]);
  });

  test.each(cases)("with --json %s is one document on stdout and nothing on stderr", async (_what, argv, message) => {
    const { code, stdout, stderr } = await lily(["--json", ...argv], {
      preset: { openLocal: refuse, initWorkspace: refuse, findWorkspace: () => null, recoverAuthority: refuse, localSecurity: refuse },
    });
    const { error } = JSON.parse(stdout) as { readonly error: Readonly<Record<string, unknown>> };
    expect(Object.keys(error)).toEqual(["code", "message", "details", "retry", "doc"]);
    expect(error["message"]).toContain(message);
    expect([code, stderr]).toEqual([2, ""]);
  });

  test("several problems of one command line are shown together", async () => {
    const { stderr } = await lily(["run", "start", "--parallel", "x", "--plan-hash", "y"]);
    expect(stderr).toMatch(/FILE is missing.*--parallel.*--plan-hash/s);
  });

  test("a duration that is wrong keeps its own code", async () => {
    const { stdout } = await lily(["--json", "exec", "--timeout", "9x", "--", "true"]);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "DURATION_INVALID", details: { command: "lily exec" } } });
  });

  test("control characters of an argument are shown as escapes", async () => {
    const { stderr } = await lily(["fro\u001b[31mb"]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });
});

function refuse(): never {
  throw new Error("the workspace was touched");
}
