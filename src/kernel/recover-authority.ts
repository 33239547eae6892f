/**
 * Builds the authority again from what records tell, when the database is lost (design: truth is not view).
 *
 * What records tell: identity, every event that had reached its file, heads, tokens, leaves of the workspace log. What they cannot tell is
 * said in the findings: events that were acknowledged but still only in the journal, leases, stop requests. Tokens go past the highest
 * seen, so no earlier leader's write is ever accepted again (L3). The recovery itself is recorded.
 */
import { digestBytes } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import { parseStreamId, runOfStream, type RunId, type StreamId, workspaceStream } from "../contracts/ids.ts";
import type { EventOf, LedgerEvent } from "../contracts/event.ts";
import { decodeEvent } from "../ledger/event-line.ts";
import { openLedger } from "../ledger/ledger.ts";
import { LineSplitter } from "../ledger/line-splitter.ts";
import type { AuthorityStore, WorkspaceIdentity } from "../ports/authority-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { LogLeaf } from "../ports/journal.ts";
import type { LeaseOwner } from "../ports/lease-store.ts";
import type { RecordFiles } from "../ports/record-files.ts";

const pieceBytes = 1024 * 1024;
const leaseMs = 1_000;

/** What the good part of one record file holds. */
interface ReadRecord {
  readonly stream: StreamId;
  readonly bytes: Uint8Array;
  readonly events: readonly LedgerEvent[];
  /** Bytes behind the last good line. */
  readonly badBytes: number;
  readonly problem: string | null;
}

export interface RecoverParts {
  readonly files: RecordFiles;
  readonly clock: Clock;
  readonly owner: LeaseOwner;
  readonly principal: string;
  /** Makes the new, empty authority store once the identity is known. */
  readonly create: (identity: WorkspaceIdentity) => Promise<AuthorityStore>;
}

export interface RecoverReport {
  readonly workspaceId: string;
  readonly findings: readonly string[];
}

/** Throws WORKSPACE_INVALID when no record says which workspace this is. */
export async function recoverAuthority(parts: RecoverParts): Promise<RecoverReport> {
  const records: ReadRecord[] = [];
  for (const stream of await parts.files.list()) records.push(await readRecord(parts.files, stream));
  const authority = await parts.create(identityOf(records));
  try {
    const findings: string[] = [];
    const recovered: EventOf<"RECORD_RECOVERED">["data"][] = [];
    for (const record of records) recovered.push(...(await restore(parts, authority, record, findings)));
    await restoreLeaves(authority, records, findings);
    await recordRecovery(parts, authority, records, recovered);
    findings.push(
      "events that were acknowledged but had not reached their record file are not known; checkpoints and copies elsewhere tell whether there were any",
    );
    findings.push("who led a run, and stop requests, are not known; every run can be resumed");
    return { workspaceId: authority.identity.workspaceId, findings };
  } finally {
    await authority.close();
  }
}

async function readRecord(files: RecordFiles, stream: StreamId): Promise<ReadRecord> {
  const size = await files.size(stream);
  const splitter = new LineSplitter(0);
  const events: LedgerEvent[] = [];
  const pieces: Uint8Array[] = [];
  let good = 0;
  let problem: string | null = null;
  for (let offset = 0; offset < size && problem === null; offset += pieceBytes) {
    const piece = await files.read(stream, offset, Math.min(pieceBytes, size - offset));
    pieces.push(piece);
    for (const line of splitter.push(piece)) {
      try {
        const event = decodeEvent(line.bytes);
        if (event.seq !== events.length || event.prev !== (events.at(-1)?.hash ?? null) || event.stream !== stream)
          throw new LilyError("LEDGER_CHAIN_BROKEN", `line ${events.length + 1} does not follow the one before it`);
        events.push(event);
        good = line.offset + line.bytes.length;
      } catch (thrown) {
        if (!(thrown instanceof LilyError)) throw thrown;
        problem = thrown.message;
        break;
      }
    }
  }
  const bytes = joined(pieces).subarray(0, good);
  return { stream, bytes, events, badBytes: size - good, problem };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function identityOf(records: readonly ReadRecord[]): WorkspaceIdentity {
  const own = records.find((record) => record.stream === workspaceStream)?.events[0];
  const first = own ?? records.map((record) => record.events[0]).find((event) => event !== undefined);
  if (first?.kind !== "WORKSPACE_CREATED" && first?.kind !== "RUN_CREATED") {
    throw new LilyError("WORKSPACE_INVALID", "no record names the workspace, so its authority cannot be built again");
  }
  return { workspaceId: first.data.workspace_id, format: 1, kernelVersion: first.data.kernel_version, createdAt: first.at };
}

async function restore(
  parts: RecoverParts,
  authority: AuthorityStore,
  record: ReadRecord,
  findings: string[],
): Promise<readonly EventOf<"RECORD_RECOVERED">["data"][]> {
  const { stream, bytes, events, badBytes } = record;
  const last = events.at(-1);
  const runId = runOfStream(stream);
  if (last !== undefined) {
    const append = { stream, token: 0, fromSeq: 0, prev: null, offset: 0, bytes, count: events.length, hash: last.hash };
    const [outcome] = await authority.journal.commit([{ appends: [append], leaves: [] }]);
    if (outcome?.outcome !== "committed") throw new LilyError("AUTHORITY_DAMAGED", `the record of ${stream} was refused by the new authority store`);
    await parts.files.sync([stream]);
    await authority.journal.trim(stream, bytes.length);
    if (runId !== null) await raiseToken(authority, parts.owner, runId, Math.max(...tokensOf(events)));
  }
  findings.push(
    `${stream}: ${events.length} events recovered${badBytes === 0 ? "" : `; ${badBytes} bytes behind them set aside (${record.problem ?? "an unfinished line"})`}`,
  );
  if (badBytes === 0) return [];
  const { name, bytes: bad } = await parts.files.setAside(stream, bytes.length);
  return [{ stream, bytes: bad.length, digest: digestBytes(bad), set_aside: name, reason: "found while the authority was recovered" }];
}

function tokensOf(events: readonly LedgerEvent[]): readonly number[] {
  return [0, ...new Set(events.map((event) => event.token))];
}

/** Takes and gives back the lease until its token is past every token of the record. */
async function raiseToken(authority: AuthorityStore, owner: LeaseOwner, run: RunId, seen: number): Promise<void> {
  for (let token = 0; token <= seen; ) {
    const grant = await authority.leases.acquire(run, owner, leaseMs);
    if (grant.outcome === "held") throw new LilyError("LEASE_HELD", `run ${run} is led while the authority is recovered`);
    token = grant.token;
    await authority.leases.release(run, token);
  }
}

/** Leaves in the order that checkpoints state; sealed heads that no checkpoint covers yet follow by time. */
async function restoreLeaves(authority: AuthorityStore, records: readonly ReadRecord[], findings: string[]): Promise<void> {
  const leaves: LogLeaf[] = [];
  const known = new Set<string>();
  const add = (leaf: LogLeaf): void => {
    const name = `${leaf.stream} ${leaf.size}`;
    if (known.has(name)) return;
    known.add(name);
    leaves.push(leaf);
  };
  const workspace = records.find((record) => record.stream === workspaceStream)?.events ?? [];
  for (const event of workspace) {
    if (event.kind !== "CHECKPOINT_CUT") continue;
    for (const leaf of event.data.leaves) add({ stream: parseStreamId(leaf.stream), size: leaf.size, head: leaf.head });
  }
  const checkpointed = leaves.length;
  const seals = records.flatMap((record) => record.events.filter((event) => event.kind === "RUN_SEALED"));
  seals.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  for (const event of seals) add({ stream: event.stream, size: event.seq + 1, head: event.hash });
  if (leaves.length > 0) await authority.journal.commit([{ appends: [], leaves }]);
  findings.push(`workspace log: ${checkpointed} leaves from checkpoints, ${leaves.length - checkpointed} from later seals`);
}

async function recordRecovery(
  parts: RecoverParts,
  authority: AuthorityStore,
  records: readonly ReadRecord[],
  recovered: readonly EventOf<"RECORD_RECOVERED">["data"][],
): Promise<void> {
  const ledger = await openLedger({ authority, files: parts.files, clock: parts.clock });
  const total = records.reduce((sum, record) => sum + record.events.length, 0);
  const summary = {
    stream: "authority",
    bytes: 0,
    digest: digestBytes(""),
    set_aside: "quarantine",
    reason: `authority rebuilt from ${records.length} records with ${total} events`,
  };
  await ledger.appendWorkspace(() =>
    [...recovered, summary].map((data) => ({
      kind: "RECORD_RECOVERED" as const,
      key: `RECORD_RECOVERED/${data.stream}/${data.digest}/${total}`,
      by: parts.principal,
      data,
    })),
  );
  await ledger.close();
}
