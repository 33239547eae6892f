/**
 * `npm run check`: everything that keeps the repository true and is not a test. One line a check, what failed in full at the end.
 * `--json FILE` writes the counts for the CI script; names as arguments run only these checks.
 */
import { existsSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { checkArrows } from "./check/arrows.ts";
import { checkLock } from "./check/lock.ts";
import { checkPurity } from "./check/purity.ts";
import { checkRequirements } from "./docs/requirements-page.ts";
import { repoRoot, runCommand } from "./run-command.ts";

interface Check {
  readonly name: string;
  /** Problems, empty when it passed. */
  run(): Promise<readonly string[]>;
}

async function commandProblems(...argv: readonly string[]): Promise<readonly string[]> {
  const result = await runCommand(argv);
  return result.code === 0 ? [] : [`${argv.join(" ")} ended with ${result.code}`, stripVTControlCharacters(result.output).trim()];
}

/** Packs what would be published and checks that every entry resolves, with its types, as users would import it. */
async function packageProblems(): Promise<readonly string[]> {
  if (!existsSync(path.join(repoRoot, "dist", "cli", "lily.js"))) return ["dist/ is not built: npm run build"];
  const folder = await mkdtemp(path.join(os.tmpdir(), "lily-pack-"));
  try {
    const packed = await runCommand(["npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder]);
    if (packed.code !== 0) return ["npm pack failed", packed.output];
    const tarball = path.join(folder, packed.stdout.trim().split("\n").at(-1) ?? "");
    const shape = await commandProblems("publint", "run", "--strict", tarball);
    const types = await commandProblems(
      "attw",
      "--no-definitely-typed",
      "--profile",
      "esm-only",
      "--exclude-entrypoints",
      "schemas/workflow.v1.schema.json",
      "-f",
      "ascii",
      tarball,
    );
    return [...shape, ...types];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function schemaProblems(): Promise<readonly string[]> {
  const generator = "scripts/gen-workflow-schema.ts";
  if (!existsSync(path.join(repoRoot, generator))) return [`${generator} is missing`];
  return commandProblems("node", generator, "--check");
}

const checks: readonly Check[] = [
  { name: "format", run: () => commandProblems("biome", "format", "--colors=off", "--max-diagnostics=20") },
  { name: "lint", run: () => commandProblems("biome", "lint", "--colors=off", "--error-on-warnings", "--max-diagnostics=20") },
  { name: "promises", run: () => commandProblems("oxlint", "--type-aware", "--deny-warnings") },
  { name: "types", run: () => commandProblems("tsc", "--noEmit", "-p", "tsconfig.json") },
  { name: "purity", run: () => checkPurity(repoRoot) },
  { name: "arrows", run: async () => checkArrows(repoRoot) },
  { name: "dead code", run: () => commandProblems("knip", "--no-progress") },
  { name: "package", run: packageProblems },
  { name: "workflow schema", run: schemaProblems },
  { name: "docs", run: () => commandProblems("node", "scripts/docs.ts", "--check") },
  { name: "requirements", run: async () => checkRequirements(repoRoot) },
  { name: "lock", run: async () => checkLock(repoRoot) },
];

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1).padStart(5)} s`;
}

async function main(argv: readonly string[]): Promise<number> {
  const jsonAt = argv.indexOf("--json");
  const jsonFile = jsonAt === -1 ? undefined : argv[jsonAt + 1];
  const names = argv.filter((item, at) => !item.startsWith("--") && (jsonAt === -1 || at !== jsonAt + 1));
  const wanted = checks.filter((check) => names.length === 0 || names.includes(check.name));
  const failed: { readonly name: string; readonly problems: readonly string[] }[] = [];
  const startedMs = performance.now();
  for (const check of wanted) {
    const checkMs = performance.now();
    const problems = await check.run().catch((error: unknown) => [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
    console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${seconds(checkMs)}  ${check.name}`);
    if (problems.length > 0) failed.push({ name: check.name, problems });
  }
  for (const { name, problems } of failed) console.log(`\n--- ${name}\n${problems.join("\n")}`);
  const passed = wanted.length - failed.length;
  console.log(
    `\n${passed} of ${wanted.length} checks passed in ${seconds(startedMs).trim()}${failed.length === 0 ? "" : `; failed: ${failed.map(({ name }) => name).join(", ")}`}`,
  );
  if (jsonFile !== undefined) writeFileSync(jsonFile, JSON.stringify({ passed, failed: failed.length }));
  return failed.length === 0 && wanted.length > 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
