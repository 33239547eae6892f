/**
 * `npm run teeth`: plants bugs, one at a time, into a copy of the tree, and asks whether the suite that should see it turns red within a
 * minute. Each suite is run without a bug first: a suite that is red anyway bites nothing. Two at a time. Options: --only NAME
 * (repeatable), --json FILE. Exit 1 when a bug survives.
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { artifactBites } from "./artifact-bites.ts";
import { auditBites } from "./audit-bites.ts";
import { type Bite, type Suite, suiteName } from "./bite.ts";
import { enforcementBites } from "./enforcement-bites.ts";
import { ledgerBites } from "./ledger-bites.ts";
import { packBites } from "./pack-bites.ts";
import { policyBites } from "./policy-bites.ts";
import { policyGuardBites } from "./policy-guard-bites.ts";
import { replayBites } from "./replay-bites.ts";
import { reportBites } from "./report-bites.ts";
import { reuseBites } from "./reuse-bites.ts";
import { runBites } from "./run-bites.ts";
import { securityBites } from "./security-bites.ts";

const root = resolve(import.meta.dirname, "../..");
const budgetMs = 60_000;
const atOnce = 2;
const { values } = parseArgs({ options: { only: { type: "string", multiple: true }, json: { type: "string" } } });

interface Outcome {
  readonly name: string;
  readonly breaks: string;
  readonly suite: string;
  readonly result: "caught" | "survived" | "not planted" | "suite is red without it" | "skipped";
  readonly seconds: number;
  readonly detail: string;
}

interface Ran {
  readonly red: boolean;
  readonly skipped: boolean;
  readonly timedOut: boolean;
  readonly seconds: number;
  readonly output: string;
}

const allBites = [
  ...ledgerBites,
  ...runBites,
  ...artifactBites,
  ...auditBites,
  ...enforcementBites,
  ...packBites,
  ...policyBites,
  ...policyGuardBites,
  ...replayBites,
  ...reportBites,
  ...reuseBites,
  ...securityBites,
];
const bites = allBites.filter(({ name }) => values.only === undefined || values.only.includes(name));
const startedAtMs = performance.now();
const outcomes: Outcome[] = [];
const baselines = new Map<string, Promise<Ran>>();
const scratch = mkdtempSync(join(tmpdir(), "lily-teeth-"));
try {
  const queue = [...bites];
  await Promise.all(
    Array.from({ length: atOnce }, async (_, at) => {
      const tree = join(scratch, `tree-${at}`);
      copyTree(tree);
      for (let bite = queue.shift(); bite !== undefined; bite = queue.shift()) report(await plant(tree, bite));
    }),
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

const missed = outcomes.filter(({ result }) => result !== "caught" && result !== "skipped");
const caught = outcomes.filter(({ result }) => result === "caught").length;
const skipped = outcomes.length - caught - missed.length;
process.stdout.write(
  `\n${caught} of ${bites.length} planted bugs caught${skipped === 0 ? "" : `, ${skipped} skipped`}, ${Math.round((performance.now() - startedAtMs) / 1000)} s\n`,
);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ at: new Date().toISOString(), outcomes }, null, 2)}\n`);
process.exitCode = missed.length === 0 && bites.length > 0 ? 0 : 1;

/** What git tracks or would track, with the installed packages linked. */
function copyTree(tree: string): void {
  const names = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
  for (const name of new Set(names.split("\0"))) {
    if (name === "" || !existsSync(join(root, name))) continue;
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    cpSync(join(root, name), join(tree, name));
  }
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
}

async function plant(tree: string, bite: Bite): Promise<Outcome> {
  const { name, breaks, suite } = bite;
  const shared = { name, breaks, suite: suiteName(suite) };
  const originals = new Map<string, string>();
  const baseline = await baselineOf(tree, suite);
  if (baseline.skipped) return { ...shared, result: "skipped", seconds: 0, detail: baseline.output };
  if (baseline.red) return { ...shared, result: "suite is red without it", seconds: baseline.seconds, detail: baseline.output.slice(-1_500) };
  try {
    for (const { file, find, replace } of bite.edits) {
      const text = readFileSync(join(tree, file), "utf8");
      if (!originals.has(file)) originals.set(file, text);
      if (text.split(find).length !== 2)
        return { ...shared, result: "not planted", seconds: 0, detail: `${file} has ${text.split(find).length - 1} times: ${find}` };
      const changed = text.replace(find, () => replace);
      stripTypeScriptTypes(changed);
      writeFileSync(join(tree, file), changed);
    }
    const ran = await runSuite(tree, suite);
    const bitten = ran.red && !ran.timedOut;
    return {
      ...shared,
      result: bitten ? "caught" : "survived",
      seconds: ran.seconds,
      detail: bitten ? "" : ran.timedOut ? "the suite did not end within its minute" : "the suite stays green",
    };
  } finally {
    for (const [file, text] of originals) writeFileSync(join(tree, file), text);
  }
}

function baselineOf(tree: string, suite: Suite): Promise<Ran> {
  const name = suiteName(suite);
  const known = baselines.get(name) ?? runSuite(tree, suite);
  baselines.set(name, known);
  return known;
}

function runSuite(tree: string, suite: Suite): Promise<Ran> {
  const args =
    suite.kind === "vitest"
      ? [join(tree, "node_modules/vitest/vitest.mjs"), "run", "--bail", "1", ...suite.files]
      : ["test/fault/run.ts", "--only", suite.figure, "--count", String(suite.count)];
  return new Promise((done, reject) => {
    const ranFromMs = performance.now();
    const child = spawn(process.execPath, args, { cwd: tree, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let timedOut = false;
    const take = (piece: Buffer): void => {
      output = (output + piece.toString("utf8")).slice(-4_000);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const timer = setTimeout(() => {
      timedOut = true;
      endGroup(child.pid);
    }, budgetMs);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      endGroup(child.pid);
      done({
        red: code !== 0,
        skipped: suite.kind === "fault" && output.includes(": skipped, "),
        timedOut,
        seconds: Math.round((performance.now() - ranFromMs) / 100) / 10,
        output,
      });
    });
  });
}

/** The suite and whatever it left behind. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing is left of it.
  }
}

function report(outcome: Outcome): void {
  outcomes.push(outcome);
  const { name, result, seconds, suite, detail } = outcome;
  process.stdout.write(
    `${result.padEnd(9)} ${name.padEnd(32)} ${String(seconds).padStart(5)} s  ${suite}${detail === "" ? "" : `\n  ${detail.replaceAll("\n", "\n  ")}`}\n`,
  );
}
