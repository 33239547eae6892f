/** The page for programs that use the library: its code compiles, runs where nothing was prepared, and says what it should. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repoRoot } from "./tracked-files.ts";

const page = readFileSync(path.join(repoRoot, "docs/howto/use-from-typescript.md"), "utf8");
let folder = "";

beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "lily-library-")));
  symlinkSync(path.join(repoRoot, "node_modules"), path.join(folder, "node_modules"));
  writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }\n');
  const settings = { extends: path.join(repoRoot, "tsconfig.json"), compilerOptions: { rootDir: "/", types: ["node"] }, include: ["*.ts"] };
  writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(settings));
  const entry = path.relative(folder, path.join(repoRoot, "src/index.ts"));
  for (const [, name = "", code = ""] of page.matchAll(/^```ts file=(\S+)\n([\s\S]*?)^```/gm)) {
    writeFileSync(path.join(folder, name), code.replaceAll('"lily-kernel"', `"${entry}"`));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, ...args: readonly string[]): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const env = { ...process.env, NO_COLOR: "1", XDG_DATA_HOME: path.join(folder, "data") };
  const ran = spawnSync(command, args, { cwd: folder, encoding: "utf8", env });
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
}

test("its code compiles with the strictness of this repository", () => {
  expect(run(path.join(repoRoot, "node_modules/.bin/tsc"), "--noEmit", "-p", "tsconfig.json")).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("its code makes a workspace, runs a workflow without a file and verifies its record", () => {
  const { code, stdout, stderr } = run(process.execPath, "hello.ts");
  expect({ code, last: stdout.trimEnd().split("\n").at(-1), stderr }).toEqual({ code: 0, last: "succeeded anchored hello Ada", stderr: "" });
  expect(stdout).toContain("RUN_SEALED");
});
