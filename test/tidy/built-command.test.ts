import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { importsOf } from "../../scripts/check/source-tree.ts";
import { repoRoot } from "./tracked-files.ts";

const folder = path.join(repoRoot, "dist", "cli");
const bin = path.join(folder, "lily.js");

/** Adds a file and what it imports statically, all the way down. */
function addStatic(file: string, seen: Set<string>): void {
  if (seen.has(file)) return;
  seen.add(file);
  for (const match of readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^;]*?\bfrom\s*"(\.[^"]+)"|^import\s*"(\.[^"]+)"/gm)) {
    addStatic(path.resolve(path.dirname(file), match[1] ?? match[2] ?? ""), seen);
  }
}

/** Files that Node reads before the first command: the entry, what it loads, and their static imports. */
function startPath(): readonly string[] {
  const entry = path.join(folder, "main.js");
  const seen = new Set<string>();
  addStatic(entry, seen);
  for (const match of readFileSync(entry, "utf8").matchAll(/\bimport\("(\.[^"]+)"\)/g)) addStatic(path.resolve(folder, match[1] ?? ""), seen);
  return [...seen];
}

test("the built command is executable and names its interpreter", () => {
  expect(statSync(bin).mode & 0o111).toBe(0o111);
  expect(readFileSync(bin, "utf8").split("\n")[0]).toBe("#!/usr/bin/env node");
});

test("an old Node gets one line and exit code 2", () => {
  const old = `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.11.1"}})`;
  const ran = spawnSync(process.execPath, ["--import", old, bin, "run", "list"], { encoding: "utf8" });
  expect(ran.status).toBe(2);
  expect(ran.stdout).toBe("");
  expect(ran.stderr).toBe("lily needs Node 24 or newer; this is Node 20.11.1. Try: npx -p node@24 -p lily-kernel lily\n");
});

test("the launcher imports nothing but node:module before it has looked at the version of Node", () => {
  const specifiers = importsOf(bin, readFileSync(bin, "utf8")).map((edge) => edge.specifier);
  expect(specifiers).toEqual(["node:module", "./main.js"]);
});

test("heavy packages are not on the start path of the command", () => {
  const files = startPath();
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  expect(files.length).toBeGreaterThan(1);
  expect(bytes).toBeLessThan(250_000);
});

test("the command answers with the version of the package", () => {
  const ran = spawnSync(process.execPath, [bin, "--version"], { encoding: "utf8" });
  const manifest = JSON.parse(readFileSync(path.join(repoRoot, "package.json"), "utf8")) as { readonly version: string };
  expect(ran.stdout).toBe(`${manifest.version}\n`);
});

test("the built files name no path of the machine they were built on", () => {
  expect(startPath().filter((file) => readFileSync(file, "utf8").includes(repoRoot))).toEqual([]);
});
