/**
 * Truth is not view: what a process had in memory, what the record folds to, and what index and authority are rebuilt to are the same.
 * Random workflows run through the real shell and the real ledger in memory, some through a power cut and a resume; model sequences run
 * through the scheduler alone; and a workspace on disk loses its index, then its authority database.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLocal, recoverAuthority } from "../../src/presets/local.ts";
import { Random } from "../sim/random.ts";
import { simulateSeed } from "../sim/simulate-seed.ts";
import { casesOf, type Figure, type FigureOptions, type FigureResult, inScratch, Violations } from "./figure.ts";
import { shellRun } from "./shell-run.ts";

export const rebuild: Figure = {
  name: "rebuild",
  promise: "L6: state, index and authority rebuilt from records equal what was",
  missing: () => null,
  run: rebuildMany,
};

async function rebuildMany(options: FigureOptions): Promise<FigureResult> {
  const runs = casesOf(options, 200, 1_000);
  const sequences = options.full ? 20_000 : runs * 10;
  const workspaces = options.full ? 20 : 1;
  const violations = new Violations();
  let cuts = 0;
  for (let at = 0; at < runs; at++) {
    const seed = options.seed * 1_000_000 + at;
    await violations.try(`run of seed ${seed}`, async () => {
      const more = await shellRun(seed);
      cuts += more;
    });
  }
  for (let at = 0; at < sequences; at++) {
    const seed = options.seed * 1_000_000 + at;
    await violations.try(`sequence of seed ${seed}`, () => void simulateSeed(seed));
  }
  for (let at = 0; at < workspaces; at++)
    await violations.try(`workspace ${at}`, () => inScratch((dir) => rebuildWorkspace(dir, new Random(options.seed + at))));
  return {
    n: runs + sequences + workspaces,
    violations: violations.texts,
    note: `${runs} runs of the shell with ${cuts} power cuts, ${sequences} model sequences, ${workspaces} workspaces on disk`,
  };
}

async function rebuildWorkspace(dir: string, random: Random): Promise<void> {
  const options = { workspaceDir: join(dir, ".lily"), dataHome: join(dir, "data") };
  mkdirSync(dir, { recursive: true });
  let kernel = await openLocal({ ...options, create: true });
  for (let run = 0; run < 4; run++) {
    writeFileSync(join(dir, "w.json"), JSON.stringify(document(random)));
    await (await kernel.runs.start({ file: join(dir, "w.json") })).done();
  }
  await kernel.records.checkpoint();
  const before = await answers(kernel);
  await kernel.rebuildIndex();
  requireEqual("index rebuilt", await answers(kernel), before);
  await kernel.close();
  kernel = await openLocal(options);
  requireEqual("kernel opened again", await answers(kernel), before);
  await kernel.close();
  for (const name of readdirSync(options.workspaceDir)) if (name.startsWith("authority.db")) rmSync(join(options.workspaceDir, name));
  await recoverAuthority(options.workspaceDir);
  kernel = await openLocal(options);
  requireEqual("authority recovered", await answers(kernel), before);
  await kernel.close();
}

/** A few steps that succeed, fail and are retried, with gates and a route. */
function document(random: Random): object {
  const verdict = (): string => (random.chance(0.8) ? "true" : "false");
  return {
    workflow: "random",
    version: 1,
    workdir: "isolated",
    defaults: { retry: { max: random.below(2), backoff: "1ms" } },
    steps: {
      a: { run: ["sh", "-c", `echo ${random.below(100)} > a.txt`], outputs: { a: { path: "a.txt" } } },
      b: { run: [verdict()], needs: ["a"], gates: [{ id: "b-ok", run: [verdict()], required: random.chance(0.5) }] },
      c: { run: ["cat", "${steps.a.outputs.a}"] },
    },
    gates: [{ id: "end", run: [verdict()] }],
    routes: [{ id: "again", when: { gate: "end" }, do: { goto: "c", max: 1 } }],
  };
}

async function answers(kernel: Awaited<ReturnType<typeof openLocal>>): Promise<string> {
  const runs = [...(await kernel.runs.list())].sort((one, other) => (one.run_id < other.run_id ? -1 : 1));
  const shown = [];
  for (const { run_id } of runs) shown.push(await kernel.runs.show(run_id));
  const artifacts = [...(await kernel.artifacts.list({ limit: 1_000 }))].sort((one, other) => (one.artifact_id < other.artifact_id ? -1 : 1));
  const verified = [...(await kernel.records.verifyAll())].sort((one, other) => (one.run_id < other.run_id ? -1 : 1));
  return JSON.stringify({ runs, shown, artifacts, verified }, null, 1);
}

function requireEqual(what: string, seen: string, wanted: string): void {
  if (seen === wanted) return;
  const lines = seen.split("\n");
  const at = wanted.split("\n").findIndex((line, index) => line !== lines[index]);
  throw new Error(`L6: ${what}: line ${at} is ${lines[at]?.trim()} where it was ${wanted.split("\n")[at]?.trim()}`);
}
