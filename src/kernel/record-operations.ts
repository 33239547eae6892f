import { isLilyError } from "../base/lily-error.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import { type RunId, runOfStream, runStream, type StreamId } from "../contracts/ids.ts";
import type { VerifyView } from "../contracts/run-view.ts";
import { isFork } from "../ledger/fork-proof.ts";
import { encodeLine, eventDataText } from "../ledger/event-line.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RecordProblem } from "../ledger/verify-record.ts";
import { parseVerifierKey, verifierKeyText } from "../ledger/signed-note.ts";
import { verifyStream } from "../ledger/verify-stream.ts";
import { anchorOf, leafSizes, loadTrustedLog, type TrustedLog } from "../ledger/workspace-log.ts";
import { cutWorkspaceCheckpoint } from "./checkpoints.ts";
import type { KernelCore } from "./core.ts";
import type { Records, VerifyOptions } from "./kernel.ts";

export function recordOperations(core: KernelCore): Records {
  return {
    verify: async (run, options = {}) => {
      const runId = await core.findRun(run);
      return verifyRun(core, await trustedLog(core, options), runId);
    },
    verifyAll: (options = {}) => verifyAll(core, options),
    show: (run, options = {}) => show(core, run, options),
    lines: (run, options = {}) => lines(core, run, options),
    checkpoint: () => checkpoint(core),
  };
}

/** A key that cannot be used verifies nothing, so whatever it would have anchored is unanchored; the records are still looked at. */
async function trustedLog(core: KernelCore, options: VerifyOptions): Promise<TrustedLog> {
  const { authority, trust, verifier } = core.parts;
  const given = options.key === undefined ? {} : { given: { keys: [parseVerifierKey(options.key)], label: "given key" } };
  const kept = options.checkpoint === undefined ? {} : { keptNote: options.checkpoint };
  const parts = { ledger: await core.ledger(), authority, trust, verifier, ...given, ...kept };
  if (options.key !== undefined || options.checkpoint !== undefined) return loadTrustedLog(parts);
  try {
    return await loadTrustedLog(parts);
  } catch (thrown) {
    if (!isLilyError(thrown, "KEY_INVALID")) throw thrown;
    return { state: "sound", anchor: null, covered: [], problems: [`${thrown.code}: ${thrown.message}`] };
  }
}

async function verifyRun(core: KernelCore, log: TrustedLog, runId: RunId): Promise<VerifyView> {
  const stream = runStream(runId);
  const ledger = await core.ledger();
  const facts = await verifyStream(ledger, stream, { headsAt: leafSizes(log, stream) });
  const foreign = facts.problems.length === 0 ? await foreignOrigin(core, ledger, stream) : null;
  const view = { run_id: runId, ...anchorOf(log, stream, foreign === null ? facts : { ...facts, problems: [foreign] }) };
  if (view.result === "corrupt" || !(await isFork(ledger.readStream(stream)))) return view;
  return (await import("./verify-fork.ts")).withForkClaim(core, view);
}

/** The first event binds the record to its workspace; one of another workspace, or an identity that was swapped, does not belong here. */
async function foreignOrigin(core: KernelCore, ledger: Ledger, stream: StreamId): Promise<RecordProblem | null> {
  for await (const event of ledger.readStream(stream)) {
    if (event.kind === "RUN_CREATED" && event.data.workspace_id === core.workspaceId) return null;
    const named = event.kind === "RUN_CREATED" ? `names workspace ${event.data.workspace_id}` : `is ${event.kind}, not RUN_CREATED`;
    return { line: 1, offset: 0, code: "WORKSPACE_INVALID", message: `the first event ${named}; this workspace is ${core.workspaceId}` };
  }
  return null;
}

async function verifyAll(core: KernelCore, options: VerifyOptions): Promise<readonly VerifyView[]> {
  const log = await trustedLog(core, options);
  const { heads } = await core.parts.authority.journal.changedSince(0);
  const views: VerifyView[] = [];
  for (const { stream } of heads) {
    const runId = runOfStream(stream);
    if (runId !== null) views.push(await verifyRun(core, log, runId));
  }
  return views;
}

/** The note, with the public key that checks it: both are to be kept elsewhere. */
async function checkpoint(core: KernelCore): ReturnType<Records["checkpoint"]> {
  const cut = await cutWorkspaceCheckpoint(core);
  const signer = await core.parts.trust.signer(core.workspaceId);
  if (cut === null || signer === null) return null;
  const { note, size, root, key_name } = cut;
  return { note, size, root, key_name, verifier_key: verifierKeyText({ name: signer.keyName, publicKey: signer.publicKey }) };
}

type ShowOptions = NonNullable<Parameters<Records["show"]>[1]>;

async function* show(core: KernelCore, run: string, options: ShowOptions): AsyncGenerator<LedgerEvent, void, void> {
  const ledger = await core.ledger();
  const stream = runStream(await core.findRun(run));
  for await (const event of ledger.readStream(stream, { fromSeq: options.fromSeq ?? 0 })) {
    if (options.kind === undefined || event.kind === options.kind) yield event;
  }
}

/** Reading checked that each line is the one canonical form of its event, so encoding gives back its bytes. */
async function* lines(core: KernelCore, run: string, options: ShowOptions): AsyncGenerator<string, void, void> {
  for await (const event of show(core, run, options)) yield encodeLine(event, eventDataText(event)).line;
}
