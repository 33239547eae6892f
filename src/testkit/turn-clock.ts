import type { Clock } from "../ports/clock.ts";

/** A clock that moves only when told to, or by sleeping; turns are real turns of the event loop. */
export class TurnClock implements Clock {
  #ms: number;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#ms = startMs;
  }

  nowMs(): number {
    return this.#ms;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  advance(ms: number): void {
    this.#ms += ms;
  }

  /** Time goes on at once; sleepers therefore wake in the order of their calls. */
  async sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted !== true) this.advance(Math.max(0, delayMs));
    await this.nextTurn();
  }

  nextTurn(): Promise<void> {
    return new Promise((resolve) => void setImmediate(resolve));
  }
}
