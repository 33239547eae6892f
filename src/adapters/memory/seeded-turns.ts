import type { Clock } from "../../ports/clock.ts";

/** Pauses and choices from a seed: the same seed gives the same hostile order. */
export class SeededTurns {
  readonly #clock: Clock;
  #state: number;

  constructor(clock: Clock, seed: number) {
    this.#clock = clock;
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, not including, `below` (mulberry32). */
  next(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  /** Lets others run for none to three turns. */
  async pause(): Promise<void> {
    for (let turns = this.next(4); turns > 0; turns--) await this.#clock.nextTurn();
  }
}
