/**
 * Bit rot: one byte of one file changes. In records, objects and checkpoints every change must be found; in the databases every change
 * must be found or leave all answers as they were. Objects are read through the store, databases through a kernel that opens the copy.
 */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { openFsObjectStore } from "../../src/adapters/fs/object-store.ts";
import { parseDigest } from "../../src/base/digest.ts";
import { LilyError } from "../../src/base/lily-error.ts";
import { RecordVerifier } from "../../src/ledger/verify-record.ts";
import { openLocal } from "../../src/presets/local.ts";
import { hasPython, PythonChecker } from "../checker/python-checker.ts";
import { Random } from "../sim/random.ts";
import { casesOf, type Figure, type FigureOptions, type FigureResult, inScratch, Violations } from "./figure.ts";
import { smallWorkflow } from "./small-workflow.ts";

export const flips: Figure = {
  name: "flips",
  promise: "A1 L1 S5: every change of a byte is found, or changes no answer",
  missing: () => null,
  run: flipMany,
};

async function flipMany(options: FigureOptions): Promise<FigureResult> {
  const n = casesOf(options, 50_000, 1_000_000);
  const violations = new Violations();
  const random = new Random(options.seed);
  let asked = 0;
  const opened = options.full ? 4_000 : Math.min(60, n);
  const objectFlips = Math.min(Math.floor(n / 10), options.full ? 100_000 : 2_000);
  await inScratch(async (dir) => {
    const home = join(dir, "home");
    await makeWorkspace(home);
    const records = filesUnder(join(home, ".lily"))
      .filter((path) => path.endsWith(".jsonl"))
      .map((path) => readFileSync(path));
    asked = await flipRecords(records, n - objectFlips - opened, random, violations);
    await flipObjects(join(home, ".lily"), objectFlips, random, violations);
    await flipDatabases(home, join(dir, "copy"), opened, random, violations);
  });
  return {
    n,
    violations: violations.texts,
    note: `${n - objectFlips - opened} in records and the checkpoints in them (${asked} also by the independent checker), ${objectFlips} in objects, ${opened} in databases and key files`,
  };
}

async function makeWorkspace(home: string): Promise<void> {
  mkdirSync(home);
  writeFileSync(join(home, "w.yaml"), smallWorkflow);
  const kernel = await openLocal({ workspaceDir: join(home, ".lily"), dataHome: join(home, "data"), create: true });
  for (let run = 0; run < 2; run++) await (await kernel.runs.start({ file: join(home, "w.yaml") })).done();
  await kernel.records.checkpoint();
  await kernel.close();
}

function filesUnder(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Every byte in turn, each with another bit, until the number is reached. Answers how many the independent checker saw too. */
async function flipRecords(records: readonly Uint8Array[], n: number, random: Random, violations: Violations): Promise<number> {
  const python = hasPython() ? new PythonChecker() : null;
  let asked = 0;
  for (let done = 0, round = 0; done < n; round++) {
    for (const record of records) {
      const bytes = record.slice();
      for (let at = 0; at < bytes.length && done < n; at++, done++) {
        const mask = round === 0 && at % 2 === 0 ? 1 << random.below(8) : 1 + random.below(255);
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        const verifier = new RecordVerifier();
        verifier.push(bytes);
        if (verifier.end().problems.length === 0) violations.add(`byte ${at} of a record with ${bytes.length} bytes, mask ${mask}, is not found`);
        if (python !== null && done % 250 === 0) {
          asked++;
          if ((await python.ask(bytes)).startsWith("ok")) violations.add(`the independent checker does not find byte ${at}, mask ${mask}`);
        }
        bytes[at] = (bytes[at] ?? 0) ^ mask;
      }
    }
  }
  python?.close();
  return asked;
}

async function flipObjects(workspaceDir: string, n: number, random: Random, violations: Violations): Promise<void> {
  const names = filesUnder(workspaceDir).filter((path) => /^[0-9a-f]{62}$/.test(basename(path)));
  const [first] = names;
  if (first === undefined) throw new Error("the workspace has no object");
  const store = await openFsObjectStore(dirname(dirname(first)));
  for (let done = 0; done < n; done++) {
    const path = random.pick(names);
    const digest = parseDigest(`sha256:${basename(dirname(path))}${basename(path)}`);
    const bytes = readFileSync(path);
    const at = random.below(bytes.length);
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 + random.below(255));
    chmodSync(path, 0o644);
    writeFileSync(path, changed);
    const served = await store.get(digest).then(
      () => "served",
      (thrown: unknown) => (thrown instanceof LilyError ? thrown.code : "another error"),
    );
    if (served !== "OBJECT_CORRUPT") violations.add(`byte ${at} of object ${digest}: ${served}`);
    writeFileSync(path, bytes);
  }
}

/** Opens a copy of the workspace with one byte changed and asks everything. */
async function flipDatabases(home: string, copy: string, n: number, random: Random, violations: Violations): Promise<void> {
  cpSync(home, copy, { recursive: true });
  const right = await answers(copy);
  if (right.problem !== null) throw new Error(`the copy without a change is refused: ${right.problem}`);
  const targets = filesUnder(home).filter((path) => /\.db$/.test(path) || path.startsWith(join(home, "data")));
  for (let done = 0; done < n; done++) {
    rmSync(copy, { recursive: true });
    cpSync(home, copy, { recursive: true });
    const path = join(copy, targets[done % targets.length]?.slice(home.length) ?? "");
    const bytes = readFileSync(path);
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 + random.below(255));
    writeFileSync(path, bytes);
    const seen = await answers(copy);
    if (seen.problem === null && seen.text !== right.text)
      violations.add(`byte ${at} of ${basename(path)} changes an answer and is not found:\n${difference(right.text, seen.text)}`);
  }
}

/** What the kernel says about everything, or why it refuses. An unanchored or behind answer, a doctor's finding and an error all count as found. */
async function answers(home: string): Promise<{ readonly text: string; readonly problem: string | null }> {
  try {
    const kernel = await openLocal({ workspaceDir: join(home, ".lily"), dataHome: join(home, "data") });
    try {
      const verified = await kernel.records.verifyAll();
      const problems = [
        ...verified.flatMap((view) => (view.result === "anchored" ? view.problems : [view.result])),
        ...(await kernel.doctor()).flatMap(({ level, message }) => (level === "problem" ? [message] : [])),
      ];
      const runs = await kernel.runs.list();
      const shown = [];
      for (const { run_id } of runs) shown.push(await kernel.runs.show(run_id));
      const artifacts = await kernel.artifacts.list();
      for (const { artifact_id } of artifacts) await kernel.artifacts.get(artifact_id);
      const text = JSON.stringify({ id: kernel.workspaceId, verified, runs, shown, artifacts }).replaceAll(home, "");
      return { text, problem: problems[0] ?? null };
    } finally {
      await kernel.close();
    }
  } catch (thrown) {
    if (!(thrown instanceof LilyError)) throw thrown;
    return { text: "", problem: `${thrown.code}: ${thrown.message}` };
  }
}

function difference(one: string, other: string): string {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return `${one.slice(Math.max(0, at - 60), at + 120)}\n${other.slice(Math.max(0, at - 60), at + 120)}`;
}
