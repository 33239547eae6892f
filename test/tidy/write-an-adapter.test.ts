/** The page for authors of adapters: its code compiles and passes the suite it names, and its table is complete. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repoRoot } from "./tracked-files.ts";

const page = readFileSync(path.join(repoRoot, "docs/howto/write-an-adapter.md"), "utf8");
const entry = readFileSync(path.join(repoRoot, "src/testkit/index.ts"), "utf8");
const suites = readdirSync(path.join(repoRoot, "src/testkit")).filter((name) => name.endsWith("-conformance.ts"));
let folder = "";

beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "lily-adapter-")));
  symlinkSync(path.join(repoRoot, "node_modules"), path.join(folder, "node_modules"));
  writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }\n');
  const settings = { extends: path.join(repoRoot, "tsconfig.json"), compilerOptions: { rootDir: "/", types: ["node"] }, include: ["*.ts"] };
  writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(settings));
  const kit = path.relative(folder, path.join(repoRoot, "src/testkit/index.ts"));
  for (const [, name = "", code = ""] of page.matchAll(/^```ts file=(\S+)\n([\s\S]*?)^```/gm)) {
    writeFileSync(path.join(folder, name), code.replaceAll("lily-kernel/testkit", kit));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, ...args: readonly string[]): { readonly code: number | null; readonly output: string } {
  const env = { ...process.env, NO_COLOR: "1", LILY_TEST_RESULTS: undefined };
  const ran = spawnSync(path.join(repoRoot, "node_modules/.bin", command), args, { cwd: folder, encoding: "utf8", env });
  return { code: ran.status, output: ran.stdout + ran.stderr };
}

test("its code compiles with the strictness of this repository", () => {
  expect(run("tsc", "--noEmit", "-p", "tsconfig.json")).toEqual({ code: 0, output: "" });
});

test("its adapter passes the suite", () => {
  const { code, output } = run("vitest", "run", "--root", folder, "--reporter=verbose");
  expect(output).toContain("corrected clock > a sleep lasts at least as long as asked");
  expect(code).toBe(0);
});

test("every suite is exported by the testkit and named in the table, and every name of the table is exported", () => {
  const declared = suites.flatMap((file) =>
    [...readFileSync(path.join(repoRoot, "src/testkit", file), "utf8").matchAll(/^export function (\w+Conformance)\(/gm)].map((match) => match[1] ?? ""),
  );
  expect(declared.length).toBe(suites.length);
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  for (const name of declared) expect(rows.some((row) => row.includes(`\`${name}\``))).toBe(true);
  for (const [, name = ""] of rows.join("\n").matchAll(/`(\w+)`/g)) expect(entry).toMatch(RegExp(`\\b${name}\\b`));
});

test("every port with methods has a suite", () => {
  const ports = [...entry.matchAll(/from "\.\.\/ports\/([a-z-]+)\.ts"/g)].map((match) => match[1] ?? "");
  const files = readdirSync(path.join(repoRoot, "src/ports")).map((name) => path.basename(name, ".ts"));
  // What a module file exports is data; the host is the port.
  expect(files.filter((name) => !ports.includes(name))).toEqual(["module-definition"]);
});
