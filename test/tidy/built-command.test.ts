import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { importsOf } from "../../scripts/check/source-tree.ts";
import { repoRoot } from "./tracked-files.ts";

const folder = path.join(repoRoot, "dist", "cli");
const bin = path.join(folder, "lily.js");

/** Bytes that Node reads before the first command runs: the entry and what it imports statically, all the way down. */
function staticBytes(file: string, seen: Set<string>): number {
  if (seen.has(file)) return 0;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  const statics = [...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom\s*"(\.[^"]+)"|^import\s*"(\.[^"]+)"/gm)].map((match) => match[1] ?? match[2] ?? "");
  return text.length + statics.reduce((sum, specifier) => sum + staticBytes(path.resolve(path.dirname(file), specifier), seen), 0);
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
  expect(staticBytes(path.join(folder, "main.js"), new Set())).toBeLessThan(60_000);
  const help = spawnSync(process.execPath, [bin, "--version"], { encoding: "utf8" });
  const manifest = JSON.parse(readFileSync(path.join(repoRoot, "package.json"), "utf8")) as { readonly version: string };
  expect(help.stdout.trim()).toBe(manifest.version);
});

test("the built files name no path of the machine they were built on", () => {
  const main = readFileSync(path.join(folder, "main.js"), "utf8");
  expect(main.includes(repoRoot)).toBe(false);
});
