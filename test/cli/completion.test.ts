/** The completion script in a real shell, and what it asks for. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const bin = fileURLToPath(new URL("../../src/cli/lily.ts", import.meta.url));
const hasBash = spawnSync("bash", ["--version"]).status === 0;
let folder = "";
let env: NodeJS.ProcessEnv = {};
let runs: readonly string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lily-completion-"));
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/lily"), `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`);
  chmodSync(join(folder, "bin/lily"), 0o755);
  env = { PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`, HOME: folder, XDG_DATA_HOME: join(folder, "data") };
  runs = [lily("run", "new").trim(), lily("run", "new").trim()];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function lily(...args: readonly string[]): string {
  return execFileSync(join(folder, "bin/lily"), args, { cwd: folder, env, encoding: "utf8" });
}

/** What bash would offer for a line whose last word is being typed. */
function completions(line: readonly string[], cwd = folder): readonly string[] {
  const script = 'source <(lily completion bash); complete -p lily; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lily; printf "%s\\n" "${COMPREPLY[@]}"';
  const [registered, ...words] = execFileSync("bash", ["--norc", "-c", script, "bash", ...line], { cwd, env, encoding: "utf8" })
    .trimEnd()
    .split("\n");
  expect(registered).toBe("complete -o bashdefault -o default -F _lily lily");
  return words;
}

describe.skipIf(!hasBash)("the bash script in bash", () => {
  test("completes commands and flags", () => {
    expect(completions(["lily", "run", "res"])).toEqual(["resume"]);
    expect(completions(["lily", "run", "start", "--plan"])).toEqual(["--plan-hash"]);
  });

  test("completes a RUN by the ids of the workspace, newest first, and latest", () => {
    expect(completions(["lily", "run", "show", ""])).toEqual(["latest", ...runs.toReversed()]);
    expect(completions(["lily", "record", "verify", runs[0] ?? ""])).toEqual([runs[0]]);
    expect(completions(["lily", "run", "start", "f.yaml", "--run", "l"])).toEqual(["latest"]);
    expect(completions(["lily", "--workspace", join(folder, ".lily"), "run", "show", ""], tmpdir())).toContain(runs[0]);
  });

  test("makes no workspace where there is none", () => {
    const empty = join(folder, "data");
    rmSync(join(empty, ".lily"), { recursive: true, force: true });
    expect(completions(["lily", "--workspace", join(empty, ".lily"), "run", "show", ""])).toEqual(["latest"]);
    expect(existsSync(join(empty, ".lily"))).toBe(false);
  });
});
