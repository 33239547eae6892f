import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const cli = fileURLToPath(new URL("../../src/cli/", import.meta.url));

/** What a module loads at once: its static imports that are not types, all the way down. */
function loads(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(/^(?:import|export)\s+(?!type\b)[^;"]*?from\s+"([^"]+)"/gm)) {
    if (specifier.startsWith(".")) loads(path.resolve(path.dirname(file), specifier), seen);
    else seen.add(specifier);
  }
  return seen;
}

function packagesOf(file: string): readonly string[] {
  return [...loads(path.join(cli, file))].filter((name) => !path.isAbsolute(name) && !name.startsWith("node:"));
}

test("the entry loads no package before it knows what is asked", () => {
  expect(packagesOf("lily.ts")).toEqual([]);
});

test("parsing the command line loads stricli only", () => {
  expect(packagesOf("main.ts")).toEqual(["@stricli/core"]);
});

test.each(["run-list", "run-show", "run-logs", "record-verify", "explain", "exec", "run-start", "artifact-get"])(
  "%s itself loads no package: zod, yaml and ajv come with the kernel, if at all",
  (command) => {
    expect(packagesOf(`commands/${command}.ts`)).toEqual([]);
  },
);
