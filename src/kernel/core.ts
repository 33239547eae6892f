/**
 * Owns: the parts of one open kernel and what is built over them on first use: the ledger, the artifact store, the fresh index.
 * States: open -> closed. What a command does not need is never loaded, so that `run list` starts fast.
 * Not responsible for: what an operation means (the files beside this one).
 */
import { isLilyError, LilyError } from "../base/lily-error.ts";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";
import { type RunId, runOfStream, runStream, workspaceStream } from "../contracts/ids.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { StreamHead } from "../ports/journal.ts";
import type { RunIndex } from "../ports/run-index.ts";
import { UnsettledCode } from "../runtime/unsettled-code.ts";
import type { KernelParts } from "./kernel-parts.ts";

const catchUpEventsMax = 20_000;

export class KernelCore {
  readonly parts: KernelParts;
  readonly unsettled = new UnsettledCode();
  #ledger: Promise<Ledger> | null = null;
  #artifacts: Promise<ArtifactStore> | null = null;
  #closed = false;

  constructor(parts: KernelParts) {
    this.parts = parts;
  }

  get workspaceId(): string {
    return this.parts.authority.identity.workspaceId;
  }

  ledger(): Promise<Ledger> {
    if (this.#closed) throw new LilyError("LEDGER_POISONED", "the kernel is closed");
    const { authority, files, clock } = this.parts;
    this.#ledger ??= import("../ledger/ledger.ts").then(async ({ openLedger }) => {
      const ledger = await openLedger({ authority, files, clock });
      await this.#requireIdentity(ledger);
      return ledger;
    });
    return this.#ledger;
  }

  /** The workspace's own record says which workspace it is; an authority that says otherwise was swapped or belongs elsewhere. */
  async #requireIdentity(ledger: Ledger): Promise<void> {
    const recorded = await recordedIdentity(ledger);
    if (recorded === null || recorded === this.workspaceId) return;
    throw new LilyError("WORKSPACE_INVALID", `the authority database says workspace ${this.workspaceId}, and the workspace's record says ${recorded}`, {
      details: { authority: this.workspaceId, record: recorded },
    });
  }

  artifactStore(): Promise<ArtifactStore> {
    const { objects, clock } = this.parts;
    this.#artifacts ??= import("../artifacts/artifact-store.ts").then(({ createArtifactStore }) => createArtifactStore({ objects, clock }));
    return this.#artifacts;
  }

  /** The index, brought up to the committed truth. Reads only what changed since it was used last. */
  async freshIndex(): Promise<RunIndex> {
    const { index, authority } = this.parts;
    const cursor = await index.cursor();
    const { heads, change } = await authority.journal.changedSince(cursor);
    if (change < cursor) return this.#refillIndex(index);
    if (heads.length === 0) return index;
    const ledger = await this.ledger();
    for (const head of heads) await this.#catchUp(index, ledger, head);
    await index.apply([], change);
    return index;
  }

  /**
   * The index as far as records can be read, for finding and listing: one damaged record does not hide the others. What is left of it shows as
   * it was folded last; verification and doctor name it. The cursor stays, so that it is read again the next time.
   */
  async readableIndex(): Promise<RunIndex> {
    try {
      return await this.freshIndex();
    } catch (thrown) {
      if (!isRecordDamage(thrown)) throw thrown;
    }
    const { index, authority } = this.parts;
    const { heads } = await authority.journal.changedSince(await index.cursor());
    const ledger = await this.ledger();
    for (const head of heads) {
      await this.#catchUp(index, ledger, head).catch((thrown: unknown) => {
        if (!isRecordDamage(thrown)) throw thrown;
      });
    }
    return index;
  }

  /** The authority was restored or rebuilt: the index tells of another history, and is derived. */
  async #refillIndex(index: RunIndex): Promise<RunIndex> {
    await index.clear();
    return this.freshIndex();
  }

  async #catchUp(index: RunIndex, ledger: Ledger, head: StreamHead): Promise<void> {
    const cursor = await index.cursor();
    let batch: LedgerEvent[] = [];
    for await (const event of ledger.readStream(head.stream, { fromSeq: await index.folded(head.stream) })) {
      batch.push(event);
      if (batch.length < catchUpEventsMax) continue;
      await index.apply([{ head, events: batch }], cursor);
      batch = [];
    }
    if (batch.length > 0) await index.apply([{ head, events: batch }], cursor);
  }

  /** The run that `text` names: an id, a unique prefix of one, or `latest`. RUN_NOT_FOUND, RUN_AMBIGUOUS. */
  async findRun(text: string): Promise<RunId> {
    const { journal } = this.parts.authority;
    if (text !== "latest" && /^[a-z0-9][a-z0-9._-]{0,127}$/.test(text)) {
      const exact = runOfStream(runStream(text as RunId));
      if (exact !== null && (await journal.head(runStream(exact))) !== null) return exact;
    }
    const index = await this.readableIndex();
    const rows = text === "latest" ? await index.runs({ limit: 1 }) : await index.runs({ idPrefix: text, limit: 3 });
    const [first, second] = rows;
    if (first === undefined)
      throw new LilyError("RUN_NOT_FOUND", text === "latest" ? "this workspace has no run yet" : `no run has the id ${text}`, { details: { run: text } });
    if (second !== undefined && text !== "latest") {
      throw new LilyError("RUN_AMBIGUOUS", `${text} begins more than one run id: ${rows.map((row) => row.run_id).join(", ")}`, { details: { run: text } });
    }
    return first.run_id;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const ledger = this.#ledger;
    this.#closed = true;
    try {
      if (ledger !== null) await (await ledger).close();
    } finally {
      await this.parts.index.close();
      await this.parts.files.close();
      await this.parts.authority.close();
    }
  }
}

/** True when a record cannot be read whole, and that is about this record alone. */
function isRecordDamage(thrown: unknown): boolean {
  return isLilyError(thrown) && thrown.code.startsWith("LEDGER_") && thrown.entry.exit === 4;
}

/** Null when the record does not say: it is empty, or damaged, which verification and whoever writes to it report. */
async function recordedIdentity(ledger: Ledger): Promise<string | null> {
  try {
    for await (const event of ledger.readStream(workspaceStream)) return event.kind === "WORKSPACE_CREATED" ? event.data.workspace_id : null;
    return null;
  } catch (thrown) {
    if (isLilyError(thrown)) return null;
    throw thrown;
  }
}
