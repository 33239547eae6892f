import { isLilyError } from "../base/lily-error.ts";
import type { EventDraft, EventOf, LedgerEvent } from "../contracts/event.ts";
import type { EventKind } from "../contracts/events.ts";
import type { Clock } from "../ports/clock.ts";
import type { StreamHead } from "../ports/journal.ts";
import type { QueuedStreamWriter } from "./stream-writer.ts";

/** The workspace stream as it is before an append. */
export interface WorkspaceView {
  readonly head: StreamHead;
  /** The newest event of a kind, null when there is none. */
  newest<K extends EventKind>(kind: K): EventOf<K> | null;
}

/** Drafts for the workspace stream, or null when nothing is to be recorded. May be called more than once; must have no effect. */
export type WorkspaceBuild = (view: WorkspaceView) => readonly EventDraft[] | null | Promise<readonly EventDraft[] | null>;

type OpenWriter = (options: { readonly token: number; readonly onEvent: (event: LedgerEvent) => void }) => Promise<QueuedStreamWriter>;

const triesMax = 64;

/** Appends to the one stream that processes share without a lease: the head decides who was first, the others read again. */
export class WorkspaceWriter {
  readonly #open: OpenWriter;
  readonly #clock: Clock;
  #writer: QueuedStreamWriter | null = null;
  #newest = new Map<EventKind, LedgerEvent>();
  #reports: EventDraft[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(open: OpenWriter, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  append(build: WorkspaceBuild): Promise<readonly LedgerEvent[]> {
    const done = this.#turn.then(() => this.#append(build));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Something found while opening that the next append records, too. */
  report(draft: EventDraft): void {
    this.#reports.push(draft);
  }

  async #append(build: WorkspaceBuild): Promise<readonly LedgerEvent[]> {
    for (let tries = 1; ; tries++) {
      const writer = this.#writer ?? (await this.#reopened());
      this.#writer = writer;
      try {
        await this.#record(writer, this.#reports);
        this.#reports = [];
        const drafts = await build(this.#view(writer));
        return drafts === null ? [] : await this.#record(writer, drafts);
      } catch (thrown) {
        this.#writer = null;
        if (!isLilyError(thrown, "LEDGER_HEAD_MOVED") || tries >= triesMax) throw thrown;
        await this.#clock.nextTurn();
      }
    }
  }

  async #reopened(): Promise<QueuedStreamWriter> {
    this.#newest = new Map();
    return this.#open({ token: 0, onEvent: (event) => void this.#newest.set(event.kind, event) });
  }

  async #record(writer: QueuedStreamWriter, drafts: readonly EventDraft[]): Promise<readonly LedgerEvent[]> {
    if (drafts.length === 0) return [];
    const events = await writer.append(drafts);
    for (const event of events) this.#newest.set(event.kind, event);
    return events;
  }

  #view(writer: QueuedStreamWriter): WorkspaceView {
    return {
      head: writer.head,
      newest: <K extends EventKind>(kind: K) => {
        const event = this.#newest.get(kind);
        return event !== undefined && isOfKind(event, kind) ? event : null;
      },
    };
  }
}

function isOfKind<K extends EventKind>(event: LedgerEvent, kind: K): event is EventOf<K> {
  return event.kind === kind;
}
