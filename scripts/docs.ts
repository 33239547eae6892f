/** Writes the generated pages of `docs/`; with `--check` it writes nothing and fails when one is stale. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { architecturePage } from "./docs/architecture-page.ts";
import { cliPage } from "./docs/cli-page.ts";
import { errorsPage } from "./docs/errors-page.ts";
import { eventsPage } from "./docs/events-page.ts";
import { invariantsPage } from "./docs/invariants-page.ts";
import { requirementsPage } from "./docs/requirements-page.ts";
import { repoRoot } from "./run-command.ts";

const checking = process.argv.includes("--check");
const pages = [architecturePage(repoRoot), cliPage(repoRoot), errorsPage, eventsPage, invariantsPage(repoRoot), requirementsPage(repoRoot)];

for (const page of pages) {
  if (page === null) continue;
  const file = path.join(repoRoot, page.path);
  const text = await page.render();
  const seen = await readFile(file, "utf8").catch(() => null);
  if (seen === text) continue;
  if (checking) {
    console.log(`${page.path} is stale: npm run docs`);
    process.exitCode = 1;
    continue;
  }
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  console.log(`wrote ${page.path}`);
}
