/**
 * Reads what a report needs of a run: the bytes of its record as they are (also when they are damaged), the documents that it names, the
 * proofs that lead to checkpoints, and which logs are there. Writes nothing and judges nothing: the page does, in the reader's browser.
 */
import { isLilyError } from "../base/lily-error.ts";
import { decodeUtf8 } from "../base/parse-json.ts";
import { kernelVersion } from "../base/version.ts";
import { type ReportPage, reportDocument } from "../audit/report-document.ts";
import type { ReportLeaf } from "../audit/report-anchor.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import { type RunId, runStream, workspaceStream } from "../contracts/ids.ts";
import { committedBytes } from "../ledger/committed-bytes.ts";
import { logLeafHash } from "../ledger/checkpoint.ts";
import { inclusionProof, type NodeHash } from "../ledger/merkle-tree.ts";
import type { KernelCore } from "./core.ts";
import type { RunReport } from "./kernel.ts";

/** A plan of 10,000 steps has some 6 MB. */
const documentBytesMax = 16 * 1024 * 1024;
/** Newest checkpoints that the page can be compared with, and the first. */
const proofsMax = 8;

export async function reportRun(core: KernelCore, runText: string, options: { readonly linkFrom?: string }): Promise<RunReport> {
  const runId = await core.findRun(runText);
  const { record, problems } = await recordBytes(core, runId);
  const log = await anchorParts(core, runId);
  const { compressor } = core.parts;
  const page = await reportDocument({
    record,
    documents: (events) => namedDocuments(core, events),
    leaves: log.leaves,
    note: log.note,
    problems: [...problems, ...log.problems],
    logHref: await logHrefs(core, runId, options.linkFrom),
    kernelVersion,
    gzip: compressor === undefined ? null : (bytes) => compressor.gzip(bytes),
  });
  return viewOf(runId, page);
}

function viewOf(runId: RunId, { html, run, problem, script }: ReportPage): RunReport {
  return {
    run_id: runId,
    html,
    status: run.status,
    events: run.events.length,
    sealed: run.isSealed,
    problem: problem === null ? null : { event: problem.event, kind: problem.kind, message: problem.message },
    script,
  };
}

/** What was committed, from file and journal, as far as it is there. */
async function recordBytes(core: KernelCore, runId: RunId): Promise<{ readonly record: Uint8Array; readonly problems: readonly string[] }> {
  const stream = runStream(runId);
  const ledger = await core.ledger();
  const pieces: Uint8Array[] = [];
  const problems: string[] = [];
  const head = await core.parts.authority.journal.head(stream);
  try {
    if (head !== null) for await (const piece of committedBytes(ledger, head, 0)) pieces.push(piece.slice());
  } catch (thrown) {
    if (!isLilyError(thrown, "LEDGER_DAMAGED")) throw thrown;
    problems.push(thrown.message);
  }
  const record = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    record.set(piece, at);
    at += piece.length;
  }
  return { record, problems };
}

/** The plan, the environment and the whys that are too large to ride in the record. What is missing or damaged is left out, and not shown. */
async function namedDocuments(core: KernelCore, events: readonly LedgerEvent[]): Promise<readonly string[]> {
  const stored = new Map<string, { readonly artifact: ArtifactRef; readonly isInline: boolean }>();
  const wanted = new Set<string>();
  for (const event of events) {
    if (event.kind === "ARTIFACT_STORED")
      stored.set(event.data.artifact.artifact_id, { artifact: event.data.artifact, isInline: event.data.inline !== undefined });
    else if (event.kind === "PLAN_COMMITTED" || event.kind === "ENVIRONMENT_CAPTURED") wanted.add(event.data.artifact_id);
    else if ("why_artifact_id" in event.data && event.data.why_artifact_id !== undefined) wanted.add(event.data.why_artifact_id);
  }
  const store = await core.artifactStore();
  const texts: string[] = [];
  let left = documentBytesMax;
  for (const id of wanted) {
    const found = stored.get(id);
    if (found === undefined || found.isInline || found.artifact.size > left) continue;
    try {
      texts.push(decodeUtf8(await store.readArtifact(found.artifact, undefined)));
      left -= found.artifact.size;
    } catch (thrown) {
      if (!isLilyError(thrown)) throw thrown;
    }
  }
  return texts;
}

interface AnchorParts {
  readonly leaves: readonly ReportLeaf[];
  readonly note: string | null;
  readonly problems: readonly string[];
}

/** Proofs from each leaf of the run to recorded checkpoints. They prove nothing without a key that the reader brings. */
async function anchorParts(core: KernelCore, runId: RunId): Promise<AnchorParts> {
  const stream = runStream(runId);
  const all = await core.parts.authority.journal.leaves(0);
  const own = all.flatMap((leaf, index) => (leaf.stream === stream ? [{ leaf, index }] : []));
  if (own.length === 0) return { leaves: [], note: null, problems: [] };
  const sizes: number[] = [];
  let note: string | null = null;
  try {
    for await (const event of (await core.ledger()).readStream(workspaceStream)) {
      if (event.kind !== "CHECKPOINT_CUT") continue;
      sizes.push(event.data.size);
      note = event.data.note;
    }
  } catch (thrown) {
    if (!isLilyError(thrown)) throw thrown;
    return { leaves: [], note: null, problems: [`the record of the workspace cannot be read, so there is no proof: ${thrown.message}`] };
  }
  const hashes = all.map(logLeafHash);
  const leaves = own.map(({ leaf, index }): ReportLeaf => {
    const covering = sizes.filter((size) => size > index && size <= hashes.length);
    const chosen = [...new Set([...covering.slice(0, 1), ...covering.slice(-proofsMax)])];
    return {
      size: leaf.size,
      head: leaf.head,
      proofs: chosen.map((size) => ({ index, size, nodes: inclusionProof(hashes.slice(0, size), index).map(hexText) })),
    };
  });
  return { leaves, note, problems: [] };
}

function hexText(node: NodeHash): string {
  return Array.from(node, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Addresses of logs relative to the folder that the page will lie in. */
async function logHrefs(core: KernelCore, runId: RunId, linkFrom: string | undefined): Promise<(path: string) => string | null> {
  if (linkFrom === undefined) return () => null;
  const { folders } = core.parts;
  const there = (await folders.logs(runId)).map(({ path }) => path);
  const base = relativeAddress(linkFrom, folders.runDir(runId));
  const exact = new Set(there);
  return (path) => {
    const found = exact.has(path) ? path : judgedAgain(there, path);
    return found === null ? null : `${base}/${found.split("/").map(encodeURIComponent).join("/")}`;
  };
}

/** A gate that a crash cut off has its last logs in `ATTEMPT-TRY`. */
function judgedAgain(there: readonly string[], path: string): string | null {
  const cut = path.lastIndexOf("/");
  const [folder, name] = [path.slice(0, cut), path.slice(cut)];
  return there.findLast((one) => one.startsWith(`${folder}-`) && one.endsWith(name)) ?? null;
}

/** From one absolute folder to another, as a link has it. */
export function relativeAddress(from: string, to: string): string {
  const parts = (path: string): readonly string[] =>
    path
      .replaceAll("\\", "/")
      .split("/")
      .filter((part) => part !== "");
  const [source, target] = [parts(from), parts(to)];
  let same = 0;
  while (same < source.length && same < target.length && source[same] === target[same]) same++;
  const up = source.slice(same).map(() => "..");
  return ["." as string, ...up, ...target.slice(same).map(encodeURIComponent)].join("/");
}
