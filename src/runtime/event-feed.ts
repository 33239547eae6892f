/**
 * Owns: the durable events of one run that this process drives, for whoever follows it.
 * States: live -> ended. Invariants: L2 an event is fed only after it is durable; S3 a slow follower never holds the run up.
 */
import type { LedgerEvent } from "../contracts/event.ts";

export class EventFeed {
  readonly #queues = new Set<FollowerQueue>();
  #count: number;
  #ended = false;

  /** `count` events were recorded before the feed began. */
  constructor(count: number) {
    this.#count = count;
  }

  push(events: readonly LedgerEvent[]): void {
    this.#count += events.length;
    for (const queue of this.#queues) queue.push(events);
  }

  end(): void {
    this.#ended = true;
    for (const queue of this.#queues) queue.end();
  }

  /** Every event from the first: those before the call through `readBefore(count)`, later ones as they come. */
  async *follow(readBefore: (count: number) => AsyncIterable<LedgerEvent>): AsyncGenerator<LedgerEvent, void, void> {
    const queue = new FollowerQueue(this.#ended);
    const count = this.#count;
    this.#queues.add(queue);
    try {
      yield* readBefore(count);
      yield* queue.drain();
    } finally {
      this.#queues.delete(queue);
    }
  }
}

class FollowerQueue {
  #events: LedgerEvent[] = [];
  #ended: boolean;
  #wake: (() => void) | null = null;

  constructor(ended: boolean) {
    this.#ended = ended;
  }

  push(events: readonly LedgerEvent[]): void {
    for (const event of events) this.#events.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *drain(): AsyncGenerator<LedgerEvent, void, void> {
    for (;;) {
      const events = this.#events;
      this.#events = [];
      yield* events;
      if (this.#events.length > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }
}
