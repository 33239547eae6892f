/** Golden files: compared byte for byte, written with UPDATE_GOLDEN=1, and failing when one is no longer produced. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Ran } from "./fake-host.ts";

const folder = fileURLToPath(new URL("../golden/cli/", import.meta.url));
const update = process.env["UPDATE_GOLDEN"] === "1";

export function expectGolden(name: string, text: string): void {
  const path = join(folder, `${name}.txt`);
  if (update) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, "utf8"));
}

/** Names of golden files that no case makes; with UPDATE_GOLDEN=1 they are removed. */
export function staleGolden(names: ReadonlySet<string>): readonly string[] {
  const stale = readdirSync(folder).filter((file) => !names.has(file.replace(/\.txt$/, "")));
  if (update) for (const file of stale) rmSync(join(folder, file));
  return update ? [] : stale;
}

/** One command line and everything it did, as text. Control characters show as escapes, so that the file can be read and compared. */
export function transcript(argv: readonly string[], ran: Ran): string {
  return [
    `$ lily ${argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(" ")}`,
    `exit ${ran.code}`,
    "--- stdout",
    visible(ran.stdout),
    "--- stderr",
    visible(ran.stderr),
  ].join("\n");
}

function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is shown
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/g, (unit) => `<${unit.charCodeAt(0).toString(16).padStart(2, "0")}>`);
}
