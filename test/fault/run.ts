/**
 * `npm run fault`: the fault figures. Quick numbers without an option (the whole suite in less than three minutes on two cores), the
 * published ones with --full. Options: --only NAME (repeatable), --seed N, --count N, --scenario NAME (of syscalls,
 * repeatable), --json FILE. Exit 1 on any violation.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { escalate } from "./escalate.ts";
import type { Figure, FigureResult } from "./figure.ts";
import { flips } from "./flips.ts";
import { kill } from "./kill.ts";
import { powerCut } from "./power-cut.ts";
import { rebuild } from "./rebuild.ts";
import { simdisk } from "./simdisk.ts";
import { survivors } from "./survivors.ts";
import { syscalls } from "./syscalls.ts";
import { why } from "./why.ts";

const figures: readonly Figure[] = [powerCut, simdisk, kill, flips, survivors, rebuild, syscalls, escalate, why];

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    seed: { type: "string", default: "1" },
    count: { type: "string" },
    scenario: { type: "string", multiple: true },
    json: { type: "string" },
  },
});

interface Row extends FigureResult {
  readonly name: string;
  readonly promise: string;
  readonly skipped: string | null;
  readonly seconds: number;
}

const unknown = (values.only ?? []).filter((name) => !figures.some((figure) => figure.name === name));
if (unknown.length > 0) {
  process.stderr.write(`there is no figure ${unknown.join(", ")}; there are ${figures.map((figure) => figure.name).join(", ")}\n`);
  process.exit(2);
}

const seed = Number(values.seed);
const commit = commitText();
const rows: Row[] = [];
for (const figure of figures.filter(({ name }) => values.only === undefined || values.only.includes(name))) rows.push(await measure(figure));

process.stdout.write(`\n${table()}\nseed ${seed}, commit ${commit}\n`);
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ at: new Date().toISOString(), seed, commit, full: values.full, figures: rows }, null, 2)}\n`);
}
process.exit(rows.some(({ violations }) => violations.length > 0) ? 1 : 0);

async function measure(figure: Figure): Promise<Row> {
  const { name, promise } = figure;
  const skipped = figure.missing();
  const startedAtMs = performance.now();
  const result = skipped === null ? await attempt(figure) : { n: 0, violations: [], note: "" };
  const seconds = Math.round((performance.now() - startedAtMs) / 100) / 10;
  for (const violation of result.violations) process.stdout.write(`  ${name}: ${violation}\n`);
  process.stdout.write(skipped === null ? `${name}: ${result.violations.length} violations in ${result.n}, ${seconds} s\n` : `${name}: skipped, ${skipped}\n`);
  return { name, promise, skipped, seconds, ...result };
}

/** A figure that cannot be measured is not a figure without violations. */
async function attempt(figure: Figure): Promise<FigureResult> {
  try {
    return await figure.run({ seed, full: values.full, count: values.count === undefined ? null : Number(values.count), scenarios: values.scenario ?? null });
  } catch (thrown) {
    return { n: 0, violations: [`the figure itself failed: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`], note: "" };
  }
}

function table(): string {
  const head = ["figure", "n", "violations", "true rate below", "seconds", "what was tried"];
  const body = rows.map(({ name, n, violations, seconds, skipped, note }) => {
    const bound = skipped === null && violations.length === 0 && n > 0 ? `${((3 / n) * 100).toPrecision(2)} %` : "-";
    return [name, String(n), String(violations.length), bound, String(seconds), skipped === null ? note : `skipped: ${skipped}`];
  });
  const widths = head.map((title, at) => Math.max(title.length, ...body.map((row) => row[at]?.length ?? 0)));
  return [head, ...body]
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function commitText(): string {
  try {
    const hash = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", cwd: import.meta.dirname }).trim();
    const dirty = execFileSync("git", ["status", "--porcelain", "--", "src"], { encoding: "utf8", cwd: import.meta.dirname }).trim() !== "";
    return dirty ? `${hash} with changes in src` : hash;
  } catch {
    return "unknown";
  }
}
