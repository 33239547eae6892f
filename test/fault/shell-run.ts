/** One random workflow through the real run shell and the real ledger, over memory adapters. */
import { taggedDigest } from "../../src/base/digest.ts";
import { type ArtifactRef, artifactIdSchema } from "../../src/contracts/artifact-ref.ts";
import type { EventBody } from "../../src/contracts/event.ts";
import type { EventData } from "../../src/contracts/events.ts";
import { type ArtifactId, parseRunId, runStream } from "../../src/contracts/ids.ts";
import type { PlanDocument, PlanGate } from "../../src/contracts/plan-document.ts";
import type { StepState } from "../../src/graph/run-state.ts";
import type { Effect } from "../../src/runtime/effect.ts";
import { foldRun, resumeBodies } from "../../src/runtime/resume-run.ts";
import { type Performer, RunShell, type StartVerdict } from "../../src/runtime/run-shell.ts";
import { type SecurityWatch, unknownReading } from "../../src/runtime/security-watch.ts";
import { allEvents, MemoryWorkspace } from "../../src/testkit/memory-workspace.ts";
import { Random } from "../sim/random.ts";
import { randomPlan } from "../sim/random-plan.ts";
import { RunWatcher } from "../sim/run-watcher.ts";
import { stateText } from "../sim/state-text.ts";

/** An artifact of its own. */
export function randomArtifact(random: Random): ArtifactRef {
  const hex = Array.from({ length: 8 }, () => random.below(65_536).toString(16).padStart(4, "0")).join("");
  return { ...whyArtifact, artifact_id: artifactIdSchema.parse(`art_${hex}`), artifact_type: "file", artifact_name: "o", digest: taggedDigest("event", hex) };
}

const runId = parseRunId("run-a");
const stream = runStream(runId);
const artifactId = artifactIdSchema.parse(`art_${"0".repeat(32)}`);

/** Throws an Error naming the invariant; answers how often the power was cut. */
export async function shellRun(seed: number): Promise<number> {
  const random = new Random(seed);
  const plan = randomPlan(random);
  const workspace = new MemoryWorkspace(seed);
  let cuts = 0;
  for (let life = 0; ; life++) {
    const cut = random.chance(0.25) && life < 3;
    const ended = await lead(workspace, plan, random, life, cut);
    if (!cut || ended) break;
    cuts++;
  }
  const { ledger } = await workspace.open();
  const watcher = new RunWatcher(plan, { limited: true });
  for (const event of await allEvents(ledger.readStream(stream))) watcher.see(event);
  return cuts;
}

/** True when the run came to rest; false when the power went first. */
async function lead(workspace: MemoryWorkspace, plan: PlanDocument, random: Random, life: number, cut: boolean): Promise<boolean> {
  const { ledger } = await workspace.open();
  const writer = await ledger.openWriter(stream, { token: 0 });
  const events = await allEvents(ledger.readStream(stream));
  const state = foldRun(plan, runId, events);
  if (state.sealed) return true;
  const clock = workspace.clock;
  const shell = new RunShell({
    state,
    writer,
    clock,
    principal: "user:ada",
    performer: new RandomPerformer(workspace, random),
    onEvents: () => {},
    security: quiet,
  });
  shell.deliver(state.phase === "running" ? resumeBodies(state, life + 1, { unblock: null }) : events.length === 0 ? beginBodies(random) : []);
  if (random.chance(0.1)) shell.deliver([{ kind: "CANCEL_REQUESTED", key: "CANCEL_REQUESTED/told", data: { reason: "enough" } }]);
  const driven = shell.drive();
  if (cut) {
    const fate = driven.then(
      () => true,
      () => false,
    );
    for (let turns = random.below(60); turns > 0; turns--) await clock.nextTurn();
    workspace.powerCut((below) => random.below(below));
    return (await fate) && state.sealed;
  }
  await driven;
  await ledger.settle();
  const folded = foldRun(plan, runId, await allEvents(ledger.readStream(stream)));
  if (stateText(folded) !== stateText(state)) throw new Error(`L6: the record folds to another state:\n${stateText(folded)}\n${stateText(state)}`);
  return true;
}

/** What a run records before its first step. */
export function beginBodies(random: Random): readonly EventBody[] {
  return [
    { kind: "RUN_CREATED", key: "RUN_CREATED", data: { workspace_id: "ws", format: 1, kernel_version: "0", kind: "workflow" } },
    {
      kind: "PLAN_COMMITTED",
      key: "PLAN_COMMITTED",
      data: { plan_hash: taggedDigest("plan", "random"), artifact_id: artifactId, workflow: "w", source_dir: "s" },
    },
    { kind: "RUN_STARTED", key: "RUN_STARTED", data: { inputs: {}, parallel: 1 + random.below(4) } },
  ];
}

export const quiet: SecurityWatch = { latest: () => unknownReading, look: async () => unknownReading, stop: async () => {} };
const whyArtifact: ArtifactRef = {
  artifact_id: artifactId,
  run_id: runId,
  artifact_type: "why.v1",
  storage_kind: "json",
  digest: taggedDigest("plan", "why"),
  size: 1,
  media_type: "application/json",
  producer_id: "kernel",
  producer_kind: "system",
  created_at: "2026-01-01T00:00:00.000Z",
  inputs: [],
};

/** Performs nothing: each attempt and gate ends at random after a few turns. An attempt that completes puts out one artifact. */
export class RandomPerformer implements Performer {
  readonly #workspace: MemoryWorkspace;
  readonly #random: Random;

  constructor(workspace: MemoryWorkspace, random: Random) {
    this.#workspace = workspace;
    this.#random = random;
  }

  startStep(step: StepState, attempt: number): Effect {
    const shared = { step_id: step.plan.id, attempt, logs: [], duration_ms: 1 };
    const artifact = randomArtifact(this.#random);
    const stored: EventBody = { kind: "ARTIFACT_STORED", key: `ARTIFACT_STORED/${artifact.artifact_id}`, data: { artifact } };
    const completed: EventBody = {
      kind: "STEP_COMPLETED",
      key: `STEP_COMPLETED/${step.plan.id}/${attempt}`,
      data: { ...shared, outputs: { o: artifact.digest }, artifacts: [artifact.artifact_id], executor: { kind: "process" } },
    };
    const failed: EventBody = {
      kind: "STEP_FAILED",
      key: `STEP_FAILED/${step.plan.id}/${attempt}`,
      data: { ...shared, outcome: "failed", code: "STEP_FAILED", reason: "random" },
    };
    return this.#effect(...(this.#random.chance(0.65) ? [stored, completed] : [failed]));
  }

  startGate(gate: PlanGate, step: StepState | null, attempt: number): Effect {
    const kind = this.#random.chance(0.75) ? "GATE_PASSED" : this.#random.pick(["GATE_FAILED", "GATE_ERROR"] as const);
    const owner = step === null ? {} : { step_id: step.plan.id };
    const data = {
      gate_id: gate.id,
      ...owner,
      attempt,
      required: gate.required,
      reason: null,
      result_artifact_id: artifactId,
      log_artifact_ids: [],
      duration_ms: 1,
    };
    const again = step === null || step.replacements === 0 ? "" : `-r${step.replacements}`;
    return this.#effect({ kind, key: `${kind}/${gate.id}/${step === null ? "run" : step.plan.id}/${attempt}${again}`, data });
  }

  inputsOf(): [] {
    return [];
  }

  isHeld(): boolean {
    return false;
  }

  beforeStart(): StartVerdict {
    return { kind: "start", bodies: [], why: null };
  }

  explainSkip(data: EventData["STEP_SKIPPED"]): { readonly body: EventBody; readonly why: ArtifactId } {
    const artifact = { ...whyArtifact, artifact_name: `why/${data.step_id}` };
    return {
      body: { kind: "ARTIFACT_STORED", key: `ARTIFACT_STORED/${data.step_id}/${data.attempt}/${this.#random.below(1e9)}`, data: { artifact } },
      why: artifactId,
    };
  }

  #effect(...bodies: readonly EventBody[]): Effect {
    return { done: this.#afterTurns(bodies), end: () => {} };
  }

  async #afterTurns(bodies: readonly EventBody[]): Promise<{ readonly bodies: readonly EventBody[] }> {
    for (let turns = this.#random.below(6); turns > 0; turns--) await this.#workspace.clock.nextTurn();
    this.#workspace.clock.advance(this.#random.below(50));
    return { bodies };
  }
}
