/**
 * The corpus of single-input changes through the real product. After each change exactly the steps that depend on it run, their
 * certificates name exactly it, and everything else is reused; after it is taken back everything is reused.
 *   node test/reuse/corpus.ts [--rounds N]     every change, about five minutes; ends with 1 when a figure that must be 0 is not
 */
import process from "node:process";
import { parseArgs } from "node:util";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import { Bed } from "../runtime/bed.ts";
import { type Change, changesOf } from "./changes.ts";
import { baseWorld, type PureStep, pureSteps, Stage, type World } from "./world.ts";

export interface CorpusFigures {
  changes: number;
  /** Steps that had to run and were reused. */
  falseReuse: number;
  /** Steps that could be reused and ran. */
  falseMiss: number;
  /** Certificates that do not name exactly what changed. */
  wrongWhy: number;
  /** Changes after which a run without any reuse gave the same outputs as the one with reuse. */
  compared: number;
  /** Of those, runs whose outputs differed. */
  wrongOutput: number;
  readonly notes: string[];
}

const compareEvery = 25;

interface Seen {
  readonly decisions: ReadonlyMap<string, { readonly reused: boolean; readonly named: readonly string[] }>;
  readonly outputs: string;
}

export async function runCorpus(rounds: number, only?: (change: Change, place: number) => boolean): Promise<CorpusFigures> {
  const figures: CorpusFigures = { changes: 0, falseReuse: 0, falseMiss: 0, wrongWhy: 0, compared: 0, wrongOutput: 0, notes: [] };
  const bed = new Bed();
  const saved = { ...process.env };
  try {
    const base = baseWorld(bed.dir);
    const stage = new Stage(bed);
    await visit(bed, stage, base, true);
    let place = 0;
    for (const change of changesOf(base, rounds)) {
      if (only !== undefined && !only(change, place++)) continue;
      figures.changes++;
      const seen = await visit(bed, stage, change.world, true);
      compare(figures, change.name, change.expected, seen);
      if (figures.changes % compareEvery === 0) {
        figures.compared++;
        if ((await visit(bed, stage, change.world, false)).outputs !== seen.outputs) {
          figures.wrongOutput++;
          figures.notes.push(`${change.name}: a run without reuse gave other outputs`);
        }
      }
      // Nothing ran, so there is nothing to be taken back that was not there before.
      if (Object.keys(change.expected).length === 0 && only !== undefined) continue;
      compare(figures, `${change.name}, taken back`, {}, await visit(bed, stage, base, true));
    }
    return figures;
  } finally {
    await bed.remove();
    for (const name of Object.keys(process.env)) if (!Object.hasOwn(saved, name)) delete process.env[name];
    Object.assign(process.env, saved);
  }
}

async function visit(bed: Bed, stage: Stage, world: World, reuse: boolean): Promise<Seen> {
  stage.enter(world);
  const inputs = Object.fromEntries(Object.entries(world.inputs).map(([name, path]) => [name, `${bed.dir}/${path}`]));
  const { view, events } = await bed.run(world.document, { params: world.params, inputs, reuse, parallel: 2 });
  if (view.status !== "succeeded") throw new Error(`the corpus ran into a run that is ${view.status}: ${JSON.stringify(view.reason)}`);
  return seenIn(events);
}

function seenIn(events: readonly LedgerEvent[]): Seen {
  const whys = new Map<string, readonly string[]>();
  const decisions = new Map<string, { readonly reused: boolean; readonly named: readonly string[] }>();
  const outputs = new Map<string, unknown>();
  const digests = new Map<string, string>();
  for (const event of events) {
    if (event.kind === "ARTIFACT_STORED") {
      const { artifact, inline } = event.data;
      if (artifact.artifact_type === "why.v1" && inline !== undefined) whys.set(artifact.artifact_id, namesOf(JSON.parse(inline)));
      // Envelopes hold times, so of those the payload counts.
      if (inline !== undefined && artifact.artifact_type.endsWith(".v1")) digests.set(artifact.artifact_id, JSON.parse(inline).meta.payload_sha256);
      else digests.set(artifact.artifact_id, artifact.digest);
    }
    if (event.kind === "STEP_STARTED") decisions.set(event.data.step_id, { reused: false, named: whys.get(event.data.why_artifact_id ?? "") ?? [] });
    if (event.kind === "STEP_REUSED") decisions.set(event.data.step_id, { reused: true, named: whys.get(event.data.why_artifact_id) ?? [] });
    if (event.kind === "STEP_COMPLETED" || event.kind === "STEP_REUSED") {
      outputs.set(
        event.data.step_id,
        event.data.artifacts.map((id) => digests.get(id)),
      );
    }
  }
  return { decisions, outputs: JSON.stringify([...outputs].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function namesOf(envelope: { readonly payload: { readonly changed: readonly { readonly kind: string; readonly name: string }[] } }): readonly string[] {
  return envelope.payload.changed.map(({ kind, name }) => `${kind} ${name}`);
}

function compare(figures: CorpusFigures, name: string, expected: Partial<Record<PureStep, readonly string[]>>, { decisions }: Seen): void {
  const last = decisions.get("last");
  if (last?.reused !== false) figures.notes.push(`${name}: a step that is not pure was not done`);
  for (const step of pureSteps) {
    const decision = decisions.get(step);
    const named = expected[step];
    const say = (what: string): void => void figures.notes.push(`${name}: ${step} ${what}`);
    if (decision === undefined) say("was not decided");
    else if (named !== undefined && decision.reused) {
      figures.falseReuse++;
      say(`was reused, although ${named.join(", ")} changed`);
    } else if (named === undefined && !decision.reused) {
      figures.falseMiss++;
      say(`ran, and names ${decision.named.join(", ")}`);
    } else if (named !== undefined && decision.named.join() !== named.join()) {
      figures.wrongWhy++;
      say(`names ${decision.named.join(", ")}, not ${named.join(", ")}`);
    }
  }
}

export function isFlawless({ falseReuse, falseMiss, wrongWhy, wrongOutput, notes }: CorpusFigures): boolean {
  return falseReuse + falseMiss + wrongWhy + wrongOutput + notes.length === 0;
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { rounds: { type: "string", default: "12" } } });
  const { notes, ...figures } = await runCorpus(Number(values.rounds));
  process.stdout.write(`${JSON.stringify(figures)}\n${notes.map((note) => `${note}\n`).join("")}`);
  process.exitCode = isFlawless({ ...figures, notes }) ? 0 : 1;
}
