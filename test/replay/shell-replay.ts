/**
 * Random workflows through the real run shell and the real ledger over memory adapters: run, then steps again, replacements, dry runs and a
 * fork, in any order, with the power cut anywhere.
 */
import { canonicalJson } from "../../src/base/canonical-json.ts";
import type { EventBody, EventDraft, LedgerEvent } from "../../src/contracts/event.ts";
import { parseRunId, type RunId, runStream } from "../../src/contracts/ids.ts";
import type { PlanDocument } from "../../src/contracts/plan-document.ts";
import { applyEvent } from "../../src/graph/apply-event.ts";
import { isReplaceable, isRested } from "../../src/graph/apply-person.ts";
import { keptResult, succeededInOrder } from "../../src/graph/fork-prefix.ts";
import type { RunState } from "../../src/graph/run-state.ts";
import { forkSource } from "../../src/kernel/fork-run.ts";
import { claimProblems, proveFork, sourceProblems } from "../../src/ledger/fork-proof.ts";
import type { StreamWriter } from "../../src/ledger/ledger.ts";
import { verifyStream } from "../../src/ledger/verify-stream.ts";
import { foldRun, resumeBodies } from "../../src/runtime/resume-run.ts";
import { RunShell, sealBody } from "../../src/runtime/run-shell.ts";
import { allEvents, MemoryWorkspace } from "../../src/testkit/memory-workspace.ts";
import { beginBodies, quiet, RandomPerformer, randomArtifact } from "../fault/shell-run.ts";
import { Random } from "../sim/random.ts";
import { randomPlan } from "../sim/random-plan.ts";
import { RunWatcher } from "../sim/run-watcher.ts";
import { stateText } from "../sim/state-text.ts";

export interface Replayed {
  readonly cuts: number;
  /** By kind of request. */
  readonly requests: Readonly<Record<string, number>>;
}

const livesMax = 12;
const at = "2026-01-01T00:00:00.000Z";

/** Throws an Error naming the invariant. */
export async function replaySeed(seed: number): Promise<Replayed> {
  const replay = new Replay(seed);
  await replay.live(parseRunId("run-a"), (random) => beginBodies(random));
  await replay.fork(parseRunId("run-a"), parseRunId("run-b"));
  return { cuts: replay.cuts, requests: replay.requests };
}

class Replay {
  cuts = 0;
  readonly requests: Record<string, number> = {};
  readonly #random: Random;
  readonly #plan: PlanDocument;
  readonly #workspace: MemoryWorkspace;
  #token = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#plan = randomPlan(this.#random);
    this.#workspace = new MemoryWorkspace(seed);
  }

  /** One process after another leads the run; each may be cut off. The last one lets it come to rest. */
  async live(runId: RunId, begin: (random: Random) => readonly EventBody[]): Promise<readonly LedgerEvent[]> {
    let seen: readonly LedgerEvent[] = [];
    for (let life = 0; life < livesMax || !(await this.#isSealed(runId)); life++) {
      const cut = life < livesMax && this.#random.chance(0.3);
      await this.#lead(runId, begin, cut);
      const events = await this.#events(runId);
      if (JSON.stringify(events.slice(0, seen.length)) !== JSON.stringify(seen)) throw new Error("L2: what was recorded is not what it was");
      seen = events;
    }
    await this.#check(runId, seen);
    return seen;
  }

  async fork(sourceId: RunId, runId: RunId): Promise<void> {
    const events = await this.#events(sourceId);
    const stepId = this.#random.pick(this.#plan.steps).id;
    const source = forkSource(sourceId, this.#plan, events, [stepId]);
    const hashes = events.map((event) => event.hash);
    const proof = proveFork(sourceId, hashes, source.prefixEvents);
    const [head, prefixHead] = [hashes.at(-1), hashes[source.prefixEvents - 1]];
    if (head === undefined || prefixHead === undefined) throw new Error("B5: there is nothing to share");
    const claim = {
      from: { run_id: sourceId, events: proof.events, head, root: proof.root },
      prefix: { events: proof.prefix_events, head: prefixHead, root: proof.prefix_root },
      step_ids: [stepId],
      proof_artifact_id: randomArtifact(this.#random).artifact_id,
      reason: "again",
    };
    const kept = succeededInOrder(source.state);
    const reused = kept.flatMap((step): readonly EventBody[] => {
      const result = keptResult(sourceId, events.slice(0, source.prefixEvents), source.state, step);
      if (result === null) throw new Error(`B5: ${step.plan.id} succeeded without an event`);
      const stored = result.artifacts.flatMap((id) => source.state.artifacts.get(id)?.ref ?? []);
      const data = { step_id: step.plan.id, attempt: 0, cause: "fork" as const, ...result, why_artifact_id: claim.proof_artifact_id };
      return [...stored.map(storedBody), { kind: "STEP_REUSED", key: `STEP_REUSED/${step.plan.id}/fork`, data }];
    });
    const forked = await this.live(runId, (random) => {
      const [created, planned, started] = beginBodies(random);
      if (created === undefined || planned === undefined || started === undefined) throw new Error("a run begins with three events");
      return [created, planned, { kind: "RUN_FORKED", key: "RUN_FORKED", data: claim }, started, ...reused];
    });
    const problems = [
      ...claimProblems(claim, proof),
      ...sourceProblems(
        claim,
        (await this.#events(sourceId)).map((event) => event.hash),
      ),
    ];
    if (problems.length > 0) throw new Error(`B5: ${problems.join("; ")}`);
    const redone = new Set(forked.flatMap((event) => (event.kind === "STEP_STARTED" && event.data.cause === "ready" ? [event.data.step_id] : [])));
    const asked = forked.some((event) => event.kind === "RERUN_REQUESTED" || event.kind === "ARTIFACT_REPLACED" || event.kind === "ROUTE_TAKEN");
    for (const step of asked ? [] : kept) if (redone.has(step.plan.id)) throw new Error(`B5: ${step.plan.id} was kept and done again`);
    this.requests["fork"] = (this.requests["fork"] ?? 0) + 1;
  }

  async #lead(runId: RunId, begin: (random: Random) => readonly EventBody[], cut: boolean): Promise<void> {
    const random = this.#random;
    const { ledger } = await this.#workspace.open();
    const writer = await ledger.openWriter(runStream(runId), { token: 0 });
    const events = await allEvents(ledger.readStream(runStream(runId)));
    const state = foldRun(this.#plan, runId, events);
    this.#token++;
    const first = events.length === 0 ? begin(random) : this.#next(state);
    if (first === null) return;
    const isDry = first.every((body) => body.kind.startsWith("GATE_"));
    const shell = new RunShell({
      state,
      writer,
      clock: this.#workspace.clock,
      principal: "user:ada",
      performer: new RandomPerformer(this.#workspace, random),
      onEvents: () => {},
      security: quiet,
    });
    if (!isDry) shell.deliver(first);
    const fate = (isDry ? judgeDry(state, writer, first) : shell.drive()).then(
      () => true,
      (thrown: unknown) => {
        if (!cut) throw thrown;
        return false;
      },
    );
    if (cut) {
      for (let turns = random.below(60); turns > 0; turns--) await this.#workspace.clock.nextTurn();
      this.#workspace.powerCut((below) => random.below(below));
      this.cuts++;
    }
    const ended = await fate;
    if (cut || !ended) return;
    await ledger.settle();
    const folded = foldRun(this.#plan, runId, await allEvents(ledger.readStream(runStream(runId))));
    if (sameText(folded) !== sameText(state)) throw new Error(`L6: the record folds to another state:\n${stateText(folded)}\n${stateText(state)}`);
  }

  /** What a process does with a run that is there: resumes it, or what a person asks of it. */
  #next(state: RunState): readonly EventBody[] | null {
    const random = this.#random;
    if (state.phase === "running") return resumeBodies(state, this.#token, { unblock: null });
    if (!state.sealed) return [];
    if (random.chance(0.25)) return this.#count("judge", dryBodies(state, this.#token, random));
    if (state.phase === "blocked") return this.#count("unblock", resumeBodies(state, this.#token, { unblock: "go on" }));
    if (!isRested(state.phase)) return null;
    const reopened: EventBody = { kind: "RUN_REOPENED", key: `RUN_REOPENED/${this.#token}`, data: { reason: "again" } };
    const step = random.pick(state.steps);
    const original = step.outputs.get("o")?.[0];
    if (original === undefined || !isReplaceable(step) || random.chance(0.5)) {
      const data = { step_ids: [step.plan.id], reason: "again" };
      return this.#count("rerun", [reopened, { kind: "RERUN_REQUESTED", key: `RERUN_REQUESTED/${this.#token}`, data }]);
    }
    const artifact = randomArtifact(random);
    const data = {
      original_artifact_id: original,
      replacement_artifact_id: artifact.artifact_id,
      artifact_id: artifact.artifact_id,
      step_id: step.plan.id,
      name: "o",
      reason: "mended",
    };
    return this.#count("replace", [reopened, storedBody(artifact), { kind: "ARTIFACT_REPLACED", key: `ARTIFACT_REPLACED/${this.#token}`, data }]);
  }

  #count(kind: string, bodies: readonly EventBody[]): readonly EventBody[] | null {
    if (bodies.length === 0) return null;
    this.requests[kind] = (this.requests[kind] ?? 0) + 1;
    return bodies;
  }

  async #isSealed(runId: RunId): Promise<boolean> {
    return foldRun(this.#plan, runId, await this.#events(runId)).sealed;
  }

  async #events(runId: RunId): Promise<readonly LedgerEvent[]> {
    const { ledger } = await this.#workspace.open();
    return allEvents(ledger.readStream(runStream(runId)));
  }

  async #check(runId: RunId, events: readonly LedgerEvent[]): Promise<void> {
    const watcher = new RunWatcher(this.#plan, { limited: true });
    for (const event of events) watcher.see(event);
    const { ledger } = await this.#workspace.open();
    await ledger.settle();
    const { problems } = await verifyStream(ledger, runStream(runId));
    if (problems.length > 0) throw new Error(`L1: ${problems.map((problem) => problem.message).join("; ")}`);
  }
}

/** Refs that came from a record have their members in another order. */
function sameText(state: RunState): string {
  return canonicalJson(JSON.parse(stateText(state)), { fractions: true });
}

function storedBody(artifact: ReturnType<typeof randomArtifact>): EventBody {
  return { kind: "ARTIFACT_STORED", key: `ARTIFACT_STORED/${artifact.artifact_id}`, data: { artifact } };
}

function dryBodies(state: RunState, token: number, random: Random): readonly EventBody[] {
  const result = randomArtifact(random).artifact_id;
  return state.steps.flatMap((step) =>
    step.plan.gates.map((gate): EventBody => {
      const kind = random.pick(["GATE_PASSED", "GATE_FAILED", "GATE_ERROR"] as const);
      const owner = { gate_id: gate.id, step_id: step.plan.id, attempt: step.attempt, required: gate.required };
      const data = { ...owner, dry_run: true, reason: null, result_artifact_id: result, log_artifact_ids: [], duration_ms: 1 };
      return { kind, key: `${kind}/${gate.id}/${step.plan.id}/${step.attempt}-dry${token}`, data };
    }),
  );
}

/** As the kernel does it: verdicts and seal in one batch. */
async function judgeDry(state: RunState, writer: StreamWriter, verdicts: readonly EventBody[]): Promise<void> {
  const before = stateText({ ...state, events: 0 });
  const drafts: EventDraft[] = [];
  const add = (body: EventBody): void => {
    applyEvent(state, { ...body, at });
    drafts.push({ ...body, by: "user:ada", at });
  };
  for (const body of verdicts) add(body);
  add(sealBody(state));
  if (stateText({ ...state, events: 0 }) !== before) throw new Error("E5: a dry run changed the state");
  await writer.append(drafts, { leaf: "seal" });
}
