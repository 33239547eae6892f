/** Whether what a fork claims to share holds: its proof by itself, and against the record of the run it comes from where that is here. */
import { canonicalJson } from "../base/canonical-json.ts";
import { isLilyError } from "../base/lily-error.ts";
import { type Digest, parseDigest } from "../base/digest.ts";
import { type ForkProof, forkProofSchema } from "../artifacts/builtin-schemas.ts";
import type { EventOf, LedgerEvent } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import { parseRunId, runStream } from "../contracts/ids.ts";
import type { VerifyView } from "../contracts/run-view.ts";
import { keptResult, succeededInOrder } from "../graph/fork-prefix.ts";
import { claimProblems, type ForkProofFacts, sourceProblems } from "../ledger/fork-proof.ts";
import { committedPlan } from "../runtime/resume-run.ts";
import type { KernelCore } from "./core.ts";
import { forkSource } from "./fork-run.ts";

type Claim = EventData["RUN_FORKED"];

/** The view of a record that is sound in itself; of a fork, corrupt when its claim does not hold. */
export async function withForkClaim(core: KernelCore, view: VerifyView): Promise<VerifyView> {
  const runId = parseRunId(view.run_id);
  const ledger = await core.ledger();
  const events: LedgerEvent[] = [];
  for await (const event of ledger.readStream(runStream(runId))) events.push(event);
  const claim = events.find((event) => event.kind === "RUN_FORKED");
  if (claim?.kind !== "RUN_FORKED") return view;
  const { problems, note } = await compare(core, events, claim.data);
  if (problems.length > 0) return { ...view, result: "corrupt", anchor: null, problems: [...view.problems, ...problems.map((one) => `fork: ${one}`)] };
  return { ...view, notes: [...(view.notes ?? []), note] };
}

async function compare(
  core: KernelCore,
  events: readonly LedgerEvent[],
  claim: Claim,
): Promise<{ readonly problems: readonly string[]; readonly note: string }> {
  const { from, prefix } = claim;
  const shares = `a fork of run ${from.run_id}, of whose ${from.events} events it shares the first ${prefix.events}`;
  const own = await ownProblems(core, events, claim);
  if (own.length > 0) return { problems: own, note: "" };
  const { size } = await (await core.ledger()).head(runStream(from.run_id));
  if (size === 0) return { problems: [], note: `${shares}; that run is not in this workspace, so only its proof was checked` };
  try {
    const problems = await problemsAgainstSource(core, events, claim);
    return { problems, note: `${shares}; compared with the record of that run` };
  } catch (thrown) {
    if (!isLilyError(thrown)) throw thrown;
    return { problems: [`the record of run ${from.run_id}, which it shares, cannot be used: ${thrown.code}: ${thrown.message}`], note: "" };
  }
}

async function ownProblems(core: KernelCore, events: readonly LedgerEvent[], claim: Claim): Promise<readonly string[]> {
  const stored = events.find((event) => event.kind === "ARTIFACT_STORED" && event.data.artifact.artifact_id === claim.proof_artifact_id);
  if (stored?.kind !== "ARTIFACT_STORED") return ["its proof is not in the record"];
  const { artifact, inline } = stored.data;
  const store = await core.artifactStore();
  try {
    const proof = forkProofSchema.safeParse(store.payloadOf(artifact, await store.readArtifact(artifact, inline)));
    return proof.success ? claimProblems(claim, factsOf(proof.data)) : ["its proof is no fork_proof.v1"];
  } catch (thrown) {
    if (!isLilyError(thrown)) throw thrown;
    return [`its proof cannot be read: ${thrown.code}: ${thrown.message}`];
  }
}

function factsOf({ prefix_root, root, consistency, ...counts }: ForkProof): ForkProofFacts {
  return { ...counts, prefix_root: parseDigest(prefix_root), root: parseDigest(root), consistency: consistency.map(parseDigest) };
}

async function problemsAgainstSource(core: KernelCore, events: readonly LedgerEvent[], claim: Claim): Promise<readonly string[]> {
  const { from, prefix } = claim;
  const shared: LedgerEvent[] = [];
  for await (const event of (await core.ledger()).readStream(runStream(from.run_id))) {
    if (shared.length === from.events) break;
    shared.push(event);
  }
  const hashes: readonly Digest[] = shared.map((event) => event.hash);
  const wrong = sourceProblems(claim, hashes);
  if (wrong.length > 0) return wrong;
  const committed = await committedPlan(await core.artifactStore(), shared);
  if (committed === null) return [`run ${from.run_id} has no plan`];
  const source = forkSource(from.run_id, committed.plan, shared, claim.step_ids);
  if (source.prefixEvents !== prefix.events)
    return [`it shares ${prefix.events} events of run ${from.run_id}; before ${claim.step_ids.join(", ")} there are ${source.prefixEvents}`];
  const kept = new Map(
    succeededInOrder(source.state).map((step) => [step.plan.id, keptResult(from.run_id, shared.slice(0, prefix.events), source.state, step)]),
  );
  const problems: string[] = [];
  for (const { data } of reusesOf(events)) {
    const expected = kept.get(data.step_id);
    if (expected === undefined || expected === null) problems.push(`step ${data.step_id} had not succeeded in the events that it shares`);
    else if (textOf(expected) !== textOf(data)) problems.push(`what stands in for step ${data.step_id} is not what run ${from.run_id} has`);
    kept.delete(data.step_id);
  }
  for (const id of kept.keys()) problems.push(`step ${id} had succeeded in the events that it shares, and was not kept`);
  return problems;
}

function reusesOf(events: readonly LedgerEvent[]): readonly EventOf<"STEP_REUSED">[] {
  return events.flatMap((event) => (event.kind === "STEP_REUSED" && event.data.cause === "fork" ? [event] : []));
}

function textOf({ from, outputs, artifacts }: Pick<EventData["STEP_REUSED"], "from" | "outputs" | "artifacts">): string {
  return canonicalJson({ from: { ...from }, outputs: { ...outputs }, artifacts: [...artifacts] });
}
