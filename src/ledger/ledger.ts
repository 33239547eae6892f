/**
 * The ledger: streams of hash-linked events over an authority store and record files.
 *
 * Owns: opening (replay of the journal over the files), readers, writers, the commit queue.
 * States: open, poisoned, closed (see commit queue).
 * Invariants
 * - L1 L4 A writer opens only on a stream whose every committed line verifies; damage before the committed end stops writing and names
 *   the place. Bytes beyond it are set aside and recorded, never cut silently.
 * - L2 L3 L5 See commit queue and stream writer.
 * Not responsible for: what events mean (folds), leases (lease store), checkpoints (workspace log).
 */
import { digestBytes } from "../base/digest.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import type { EventDraft, LedgerEvent } from "../contracts/event.ts";
import { type StreamId, workspaceStream } from "../contracts/ids.ts";
import type { AuthorityStore } from "../ports/authority-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { StreamHead } from "../ports/journal.ts";
import type { RecordFiles } from "../ports/record-files.ts";
import { chainStart, readChain } from "./chain-reader.ts";
import { CommitQueue } from "./commit-queue.ts";
import { committedBytes, type RecordParts } from "./committed-bytes.ts";
import { decodeEvent } from "./event-line.ts";
import { LineSplitter } from "./line-splitter.ts";
import { PositionCache } from "./position-cache.ts";
import { RecordFileQueue } from "./record-file-queue.ts";
import { QueuedStreamWriter, type StreamWriter } from "./stream-writer.ts";
import { type WorkspaceBuild, WorkspaceWriter } from "./workspace-writer.ts";

export type { StreamWriter } from "./stream-writer.ts";

export interface LedgerParts {
  readonly authority: AuthorityStore;
  readonly files: RecordFiles;
  readonly clock: Clock;
}

export interface WriterOptions {
  /** Lease token; 0 for a stream that no lease guards, or whose lease was never taken. */
  readonly token: number;
  /** Sees every stored event, in order, before the writer is handed out: a fold needs no second reading. */
  readonly onEvent?: (event: LedgerEvent) => void;
}

export interface Ledger extends RecordParts {
  /** The committed end of a stream; `size` 0 when it has no event. */
  head(stream: StreamId): Promise<StreamHead>;
  /**
   * Committed events from `fromSeq` (default 0) to the head at the time of the call, each link checked. Errors: LEDGER_CHAIN_BROKEN,
   * LEDGER_HASH_MISMATCH, LEDGER_LINE_INVALID, LEDGER_KIND_UNKNOWN, LEDGER_EVENT_INVALID, LEDGER_DAMAGED, naming line and offset.
   */
  readStream(stream: StreamId, options?: { readonly fromSeq?: number }): AsyncIterable<LedgerEvent>;
  /** Reads and verifies the whole stream, then hands out its writer. LEDGER_DAMAGED when it does not verify. */
  openWriter(stream: StreamId, options: WriterOptions): Promise<StreamWriter>;
  /**
   * Appends to the workspace stream, which several processes share: `build` sees its newest events and gives drafts, or null for
   * nothing to do; when another process appended first it is asked again. LEDGER_HEAD_MOVED after many tries.
   */
  appendWorkspace(build: WorkspaceBuild): Promise<readonly LedgerEvent[]>;
  /** Makes record files durable up to everything acknowledged, then trims the journal. */
  settle(): Promise<void>;
  /** Commits what waits, settles, and ends writing. Does not close the authority store or the files. */
  close(): Promise<void>;
}

/** Opens the ledger and writes what journal rows carry into the files; other live processes may be doing the same. */
export async function openLedger(parts: LedgerParts): Promise<Ledger> {
  const ledger = new StoreLedger(parts);
  await ledger.replay();
  return ledger;
}

class StoreLedger implements Ledger {
  readonly journal: AuthorityStore["journal"];
  readonly files: RecordFiles;
  readonly #fileQueue: RecordFileQueue;
  readonly #commits: CommitQueue;
  readonly #positions = new PositionCache();
  readonly #workspace: WorkspaceWriter;
  readonly #isReadOnly: boolean;

  constructor(parts: LedgerParts) {
    this.journal = parts.authority.journal;
    this.#isReadOnly = parts.authority.isReadOnly === true;
    this.files = parts.files;
    this.#fileQueue = new RecordFileQueue(this, isShared);
    this.#commits = new CommitQueue(this.journal, this.#fileQueue, parts.clock);
    this.#workspace = new WorkspaceWriter((options) => this.#open(workspaceStream, options), parts.clock);
  }

  async replay(): Promise<void> {
    // Reading takes from the journal what the files lack.
    if (this.#isReadOnly) return;
    try {
      await this.#fileQueue.replay();
    } catch (thrown) {
      // Reading still works, because rows carry what the files lack; writing will be refused by the store itself.
      if (!isLilyError(thrown, "WORKSPACE_READ_ONLY")) throw thrown;
    }
  }

  async head(stream: StreamId): Promise<StreamHead> {
    return (await this.journal.head(stream)) ?? { stream, size: 0, bytes: 0, hash: null };
  }

  async *readStream(stream: StreamId, options: { readonly fromSeq?: number } = {}): AsyncGenerator<LedgerEvent, void, void> {
    const fromSeq = options.fromSeq ?? 0;
    const head = await this.head(stream);
    const from = this.#positions.before(stream, fromSeq);
    for await (const step of readChain(this, head, from, fromSeq)) {
      for (const { event } of step.events) yield event;
      this.#positions.remember(stream, step.position);
    }
  }

  async openWriter(stream: StreamId, options: WriterOptions): Promise<StreamWriter> {
    return this.#open(stream, options);
  }

  appendWorkspace(build: WorkspaceBuild): Promise<readonly LedgerEvent[]> {
    return this.#workspace.append(build);
  }

  settle(): Promise<void> {
    return this.#commits.settle();
  }

  async close(): Promise<void> {
    // Nothing was acknowledged, so nothing is to be made durable.
    if (this.#isReadOnly) return;
    await this.#commits.close();
  }

  async #open(stream: StreamId, options: WriterOptions): Promise<QueuedStreamWriter> {
    // What an earlier leader committed but did not write must be in the file before this process trims rows behind it.
    await this.#fileQueue.replay(stream);
    // Size first: a live writer writes only what is committed, so bytes that this head does not cover are nobody's.
    const size = await this.files.size(stream);
    const head = await this.head(stream);
    const keys = await this.#indexKeys(head, options);
    if (size > head.bytes) await this.#setAside(head);
    return new QueuedStreamWriter({
      head,
      token: options.token,
      keys,
      schedule: (writer) => this.#commits.schedule(writer),
      fetch: (at, offset) => this.#fetch(at, offset),
    });
  }

  async #indexKeys(head: StreamHead, options: WriterOptions): Promise<Map<string, number>> {
    const keys = new Map<string, number>();
    for await (const step of this.#verified(head)) {
      for (const { event, offset } of step.events) {
        keys.set(event.key, offset);
        options.onEvent?.(event);
      }
    }
    return keys;
  }

  async *#verified(head: StreamHead): ReturnType<typeof readChain> {
    try {
      yield* readChain(this, head, chainStart, 0);
    } catch (thrown) {
      if (!isLilyError(thrown, ...damageCodes)) throw thrown;
      const place = this.files.displayPath(head.stream);
      throw new LilyError("LEDGER_DAMAGED", `${place} is damaged before its committed end, so nothing is written to it: ${thrown.message}`, {
        cause: thrown,
        details: thrown.details,
      });
    }
  }

  async #setAside(head: StreamHead): Promise<void> {
    const { stream } = head;
    const { name, bytes } = await this.files.setAside(stream, head.bytes);
    // The unleased stream may have grown between the size and the cut; its rows are still there, and go back at their offsets.
    await this.#fileQueue.replay(stream);
    const digest = digestBytes(bytes);
    const draft: EventDraft = {
      kind: "RECORD_RECOVERED",
      key: `RECORD_RECOVERED/${stream}/${head.bytes}/${digest}`,
      by: "system:ledger",
      data: { stream, bytes: bytes.length, digest, set_aside: name, reason: `bytes beyond the committed end ${head.bytes}` },
    };
    if (stream !== workspaceStream) await this.appendWorkspace(() => [draft]);
    else this.#workspace.report(draft);
  }

  async #fetch(head: StreamHead, offset: number): Promise<LedgerEvent> {
    const splitter = new LineSplitter(offset);
    for await (const piece of committedBytes(this, head, offset)) {
      const [line] = splitter.push(piece);
      if (line !== undefined) return decodeEvent(line.bytes);
    }
    throw new LilyError("LEDGER_DAMAGED", `${head.stream} has no line at byte ${offset}`, { details: { stream: head.stream, offset } });
  }
}

const damageCodes = ["LEDGER_CHAIN_BROKEN", "LEDGER_HASH_MISMATCH", "LEDGER_LINE_INVALID", "LEDGER_DAMAGED", "LEDGER_EVENT_INVALID"] as const;

/** Only runs have leases; any process may append to the other streams. */
function isShared(stream: StreamId): boolean {
  return !stream.startsWith("run/");
}
