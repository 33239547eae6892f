import { describe, expect, test } from "vitest";
import { type CommandFacts, gateError, judgeCommand, judgeSchema } from "./gate-verdict.ts";

const facts = (changes: Partial<CommandFacts>): CommandFacts => ({
  outcome: "exited",
  exitCode: 0,
  signal: null,
  stdoutTail: "",
  stderrTail: "",
  error: null,
  ...changes,
});

describe("judgeCommand", () => {
  test("a failure without a reason has the last line of stderr, else of stdout, clipped; a report is no such line", () => {
    const reasonOf = (changes: Partial<CommandFacts>): string | null => judgeCommand(facts({ exitCode: 1, ...changes })).reason;
    expect(reasonOf({ stdoutTail: "3 rows\n", stderrTail: "checking\n845 days are missing\n\n" })).toBe("exited with 1: 845 days are missing");
    expect(reasonOf({ stdoutTail: "a.ts(1,1): error TS2322\n", stderrTail: " \n" })).toBe("exited with 1: a.ts(1,1): error TS2322");
    expect(reasonOf({ stdoutTail: '{"metrics":{"n":1}}', stderrTail: "no" })).toBe("exited with 1: no");
    expect(reasonOf({ stdoutTail: '{"reason":"said"}', stderrTail: "no" })).toBe("said");
    expect(reasonOf({})).toBe("the gate's command exited with 1");
    expect(reasonOf({ stderrTail: "x".repeat(4096) })).toBe(`exited with 1: ${"x".repeat(499)}…`);
    expect(judgeCommand(facts({ stderrTail: "a warning" })).reason).toBeNull();
  });

  test("exit 0 passes without a reason", () => {
    expect(judgeCommand(facts({}))).toEqual({ status: "passed", reason: null, metrics: null });
  });

  test("another exit fails and says with which code", () => {
    expect(judgeCommand(facts({ exitCode: 3 }))).toEqual({ status: "failed", reason: "the gate's command exited with 3", metrics: null });
  });

  test.each([
    ["an unknown exit code", { exitCode: null }, /without an exit code/],
    ["a signal", { outcome: "signaled", exitCode: null, signal: "SIGSEGV" }, /SIGSEGV/],
    ["an unknown signal", { outcome: "signaled", exitCode: null }, /a signal/],
    ["a timeout", { outcome: "timeout", exitCode: null }, /timeout/],
    ["a timeout although the command ended with 0", { outcome: "timeout", exitCode: 0 }, /timeout/],
    ["a kill", { outcome: "killed", exitCode: null }, /before it gave a verdict/],
    ["a log that could not be written", { outcome: "killed", error: "the disk is full" }, /the disk is full/],
    ["too much output", { outcome: "output_limit", exitCode: 0 }, /more output/],
    ["a failed start", { outcome: "spawn_failed", exitCode: null, error: "not found" }, /not found/],
    ["a failed start without a word", { outcome: "spawn_failed", exitCode: null }, /could not be started/],
  ] as const)("E4: %s is an error, never a pass", (_, changes, reason) => {
    const verdict = judgeCommand(facts(changes));
    expect(verdict.status).toBe("error");
    expect(verdict.reason).toMatch(reason);
  });

  test("the last line may report reason and metrics", () => {
    const stdoutTail = 'checking\n{"reason": "7 rows", "metrics": {"rows": 7, "ratio": 0.5}}\n\n';
    expect(judgeCommand(facts({ stdoutTail }))).toEqual({ status: "passed", reason: "7 rows", metrics: { rows: 7, ratio: 0.5 } });
    expect(judgeCommand(facts({ stdoutTail, exitCode: 1 }))).toEqual({ status: "failed", reason: "7 rows", metrics: { rows: 7, ratio: 0.5 } });
  });

  test("E4: a report never changes the status", () => {
    expect(judgeCommand(facts({ exitCode: 1, stdoutTail: '{"reason":"all good"}' })).status).toBe("failed");
    expect(judgeCommand(facts({ exitCode: 1, stdoutTail: '{"status":"passed","reason":"all good"}' })).status).toBe("failed");
    expect(judgeCommand(facts({ outcome: "timeout", stdoutTail: '{"reason":"all good"}' })).reason).toMatch(/timeout/);
  });

  test.each([
    "{}",
    "{",
    "[1]",
    '"text"',
    '{"reason":1}',
    '{"metrics":1}',
    '{"metrics":{"a":"1"}}',
    '{"metrics":{"a":1e999}}',
    '{"reason":"a","reason":"b"}',
    '{"reason":"a","other":1}',
    '{"metrics":{"__proto__":1}}',
    '{"reason":"a"}\nlast',
    `{"reason":"${"x".repeat(70_000)}"}`,
  ])("a last line that is no report is left alone: %s", (stdoutTail) => {
    expect(judgeCommand(facts({ stdoutTail }))).toEqual({ status: "passed", reason: null, metrics: null });
  });

  test("an empty reason counts as none, and a long one is clipped", () => {
    expect(judgeCommand(facts({ stdoutTail: '{"reason":"","metrics":{}}' }))).toEqual({ status: "passed", reason: null, metrics: {} });
    expect(judgeCommand(facts({ exitCode: 2, stdoutTail: '{"metrics":{"n":1}}' }))).toEqual({
      status: "failed",
      reason: "the gate's command exited with 2",
      metrics: { n: 1 },
    });
    expect(judgeCommand(facts({ stdoutTail: JSON.stringify({ reason: "x".repeat(5000) }) })).reason).toHaveLength(4096);
  });
});

describe("judgeSchema", () => {
  test("passes when there are no problems", () => {
    expect(judgeSchema([])).toEqual({ status: "passed", reason: null, metrics: null });
  });

  test("fails with the first problems and how many there are", () => {
    expect(judgeSchema(["a", "b"])).toEqual({ status: "failed", reason: "a; b", metrics: { problems: 2 } });
    expect(judgeSchema(["1", "2", "3", "4", "5", "6", "7"]).reason).toBe("1; 2; 3; 4; 5; and 2 more");
  });
});

test("gateError is an error with its reason", () => {
  expect(gateError("why")).toEqual({ status: "error", reason: "why", metrics: null });
});
