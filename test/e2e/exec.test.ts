import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { ExampleRun, repoRoot, shellBlocks } from "./example-run.ts";

const page = readFileSync(path.join(repoRoot, "examples", "exec", "README.md"), "utf8");
const [proof = "", result = "", secret = ""] = shellBlocks(page);

/** Pastes a block of the page into an empty folder in which `npx lily` works. */
async function paste(run: ExampleRun, block: string) {
  run.install();
  return run.run(["sh", "-e", "-c", block]);
}

test("the page has three blocks to paste", () => {
  expect(shellBlocks(page)).toHaveLength(3);
});

test("the first use keeps proof that a command ran", async () => {
  using run = new ExampleRun();
  const ended = await paste(run, proof);
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stdout).toMatch(/^12 tests passed\n[0-9a-f-]{36} anchored by local key /);
  expect(existsSync(path.join(run.dir, ".lily", ".gitignore"))).toBe(true);
});

test("the second use keeps inputs and result by digest and lets a gate decide", async () => {
  using run = new ExampleRun();
  const ended = await paste(run, result);
  expect(ended.code, ended.stderr).toBe(0);
  const view = await run.latest();
  expect(view.status).toBe("succeeded");
  expect(view.gates.map((gate) => gate.status)).toEqual(["passed"]);
  const names = (await run.artifacts()).filter((artifact) => artifact.artifact_type === "file").map((artifact) => artifact.artifact_name);
  expect(names).toEqual(["in-1/monday.csv", "in-2/tuesday.csv", "out-1/totals.txt"]);

  writeFileSync(path.join(run.dir, "sales", "tuesday.csv"), "apples,5\n");
  await run.expectCode(1, "exec", "--out", "totals.txt", "--gate", 'grep -qx "12 sold" totals.txt', "--", "sh", "totals.sh");
  expect((await run.latest()).gates.map((gate) => gate.status)).toEqual(["failed"]);
});

test("S4: the third use shows a secret nowhere, neither on the terminal nor in what is kept", async () => {
  using run = new ExampleRun();
  const ended = await paste(run, secret);
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stdout.startsWith("sending with [redacted]\n")).toBe(true);
  expect(ended.stdout + ended.stderr).not.toContain("a-very-secret-token");
  const kept = readdirSync(path.join(run.dir, ".lily"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(kept.length).toBeGreaterThan(5);
  const leaks = kept.filter((entry) => readFileSync(path.join(entry.parentPath, entry.name)).includes("a-very-secret-token"));
  expect(leaks.map((entry) => entry.name)).toEqual([]);
});

test("the command gets no standard input, and of the environment only what the page says", async () => {
  using run = new ExampleRun();
  const ended = await paste(run, "export OTHER=1; echo lost | npx lily exec -- sh -c 'cat; env | cut -d= -f1 | grep -vxE \"PWD|SHLVL|_\" | sort'");
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stdout).toBe("HOME\nLILY_RUN\nPATH\n");
});

test.each([
  { what: "the command's own code", args: ["--", "sh", "-c", "exit 7"], code: 7 },
  { what: "1 for a gate that fails", args: ["--gate", "false", "--", "true"], code: 1 },
  { what: "1 for an output that was not written", args: ["--out", "absent.txt", "--", "true"], code: 1 },
  { what: "124 for a command that took too long", args: ["--timeout", "200ms", "--", "sleep", "60"], code: 124 },
  { what: "127 for a command that is not there", args: ["--", "no-such-command-here"], code: 127 },
  { what: "128 and the number of the signal that ended it", args: ["--", "sh", "-c", "kill -TERM $$"], code: 143 },
  { what: "2 for a command line without a command", args: ["--out", "x"], code: 2 },
])("the exit code is $what", async ({ args, code }) => {
  using run = new ExampleRun();
  await run.expectCode(code, "exec", ...args);
});
