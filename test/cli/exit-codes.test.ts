import { describe, expect, test } from "vitest";
import { errorTable, isErrorCode } from "../../src/base/error-table.ts";
import { LilyError } from "../../src/base/lily-error.ts";
import type { RunStatus, VerifyView } from "../../src/contracts/run-view.ts";
import { anchored, fakeKernel } from "./fake-kernel.ts";
import { lily } from "./fake-host.ts";
import { execView, runView } from "./sample-run.ts";

describe("exit codes", () => {
  const ends: readonly (readonly [RunStatus, number])[] = [
    ["succeeded", 0],
    ["failed", 1],
    ["blocked", 75],
    ["canceled", 130],
    ["running", 75],
  ];
  test.each(ends)("a run that is %s ends run start, resume and watch with %d", async (status, code) => {
    for (const argv of [
      ["run", "start", "f"],
      ["run", "resume", "latest"],
      ["run", "watch", "latest"],
      ["--json", "run", "watch", "latest"],
    ]) {
      const { preset } = fakeKernel({ view: runView(status) });
      expect((await lily(argv, { preset })).code).toBe(code);
    }
  });

  const commands: readonly (readonly [what: string, view: ReturnType<typeof execView>, code: number])[] = [
    ["succeeded", execView("succeeded", {}), 0],
    ["exited with 3", execView("failed", { outcome: "failed", executor_summary: { exit_code: 3 } }), 3],
    ["exited with 0 but failed its gate", execView("failed", { executor_summary: { exit_code: 0 } }), 1],
    ["was killed by a signal", execView("failed", { outcome: "failed", executor_summary: { exit_code: null, signal: "SIGKILL" } }), 137],
    ["was killed by a signal that this system does not have", execView("failed", { outcome: "failed", executor_summary: { signal: "SIGNONE" } }), 1],
    ["timed out", execView("failed", { outcome: "timeout", executor_summary: { exit_code: null, signal: "SIGTERM" } }), 124],
    ["timed out and then exited with 1", execView("failed", { outcome: "timeout", executor_summary: { exit_code: 1, signal: null } }), 124],
    [
      "could not be started",
      execView("failed", { outcome: "failed", executor_summary: null, error: { code: "STEP_SPAWN_FAILED", reason: "command not found: x" } }),
      127,
    ],
    ["policy refused", execView("failed", { outcome: "failed", executor_summary: null, error: { code: "POLICY_VIOLATION", reason: "x" } }), 1],
    ["was canceled", execView("canceled", { outcome: "interrupted" }), 130],
    ["is blocked", execView("blocked", {}), 75],
  ];
  test.each(commands)("lily exec of a command that %s", async (_what, view, code) => {
    const { preset } = fakeKernel({ view });
    expect((await lily(["exec", "--", "x"], { preset })).code).toBe(code);
    const json = await lily(["exec", "--json", "--", "x"], { preset });
    expect(JSON.parse(json.stdout)).toMatchObject({ exit_code: code });
  });

  const verified: readonly (readonly [VerifyView["result"], number])[] = [
    ["anchored", 0],
    ["unanchored", 5],
    ["behind_anchor", 5],
    ["corrupt", 4],
  ];
  test.each(verified)("S5: record verify of a record that is %s ends with %d", async (result, code) => {
    const { preset } = fakeKernel({ verify: [{ ...anchored, result }] });
    expect((await lily(["record", "verify", "latest"], { preset })).code).toBe(code);
  });

  test("S5: an open run is told how it goes on, a sealed one how it is anchored", async () => {
    const notes = async (view: ReturnType<typeof runView>) =>
      (await lily(["record", "verify", "latest"], { preset: fakeKernel({ view, verify: [{ ...anchored, result: "unanchored" }] }).preset })).stderr;
    const running = runView("running");
    const open = { ...running, record: { ...running.record, sealed: false } };
    expect(await notes(open)).toBe(`the run is still open; lily run resume ${open.run_id} continues it\n`);
    expect(await notes({ ...open, record: { ...open.record, sealed: true } })).toBe("to anchor what is sealed: lily log checkpoint\n");
  });

  test("S5: verifying every record of an empty workspace is not a success", async () => {
    expect((await lily(["record", "verify", "--all"], { preset: fakeKernel({ verify: [] }).preset })).code).toBe(5);
  });

  test("the worst record decides about --all", async () => {
    const verify = (["anchored", "corrupt", "behind_anchor"] as const).map((result) => ({ ...anchored, result }));
    expect((await lily(["record", "verify", "--all"], { preset: fakeKernel({ verify }).preset })).code).toBe(4);
  });

  test.each(Object.keys(errorTable).filter(isErrorCode))("%s thrown by the kernel ends with the exit code of the table", async (code) => {
    const { preset, calls } = fakeKernel({ fault: new LilyError(code, "what happened", { details: { where: ["a", "b"] } }) });
    const { code: exit, stderr, stdout } = await lily(["run", "list"], { preset });
    expect([exit, stdout]).toEqual([errorTable[code].exit, ""]);
    expect(stderr).toBe(`lily: ${code}  what happened\n  where  where = a b\n  do     ${errorTable[code].doc}\n  more   lily explain ${code}\n`);
    expect(calls.at(-1)).toEqual(["close"]);
  });

  test("anything else that is thrown is a fault of ours: 70, without a stack trace", async () => {
    const { preset } = fakeKernel({ fault: new TypeError("x is not a function") });
    const { code, stderr } = await lily(["run", "list"], { preset });
    expect([code, stderr.includes("unexpected fault: x is not a function"), stderr.includes("    at ")]).toEqual([70, true, false]);
  });

  test("LILY_DEBUG=1 shows the stack trace", async () => {
    const { preset } = fakeKernel({ fault: new TypeError("x is not a function") });
    expect((await lily(["run", "list"], { preset, env: { LILY_DEBUG: "1" } })).stderr).toContain("    at ");
  });

  test("a kernel that cannot be loaded is a fault of ours", async () => {
    expect((await lily(["run", "list"])).code).toBe(70);
  });

  test("help and version end with 0, and with --json as one document", async () => {
    for (const argv of [[], ["--help"], ["run"], ["run", "start", "-h"], ["help", "run", "start"], ["--version"]]) {
      const text = await lily(argv);
      const json = await lily([...argv, "--json"]);
      expect([text.code, json.code, text.stderr, json.stderr]).toEqual([0, 0, "", ""]);
      expect(Object.values(JSON.parse(json.stdout) as object)).toEqual([argv[0] === "--version" ? text.stdout.trim() : text.stdout]);
    }
  });
});
