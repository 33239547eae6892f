import type { EventBody } from "../contracts/event.ts";

/** What an effect found, as events to record. The runner signs, dates and appends them as one batch. */
export interface Delivery {
  readonly bodies: readonly EventBody[];
  /** Asked when the delivery is taken: true when the run went on so that it says nothing any more, and is dropped whole. */
  readonly isStale?: () => boolean;
}

/** Something being performed: a step attempt or a gate. */
export interface Effect {
  /** Resolves once nothing of it runs any more (E6). Rejects on faults of Lily itself only. */
  readonly done: Promise<Delivery>;
  /** Asks it to end; `done` resolves afterwards. Idempotent. */
  end(): void;
}
