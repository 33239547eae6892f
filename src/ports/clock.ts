/** Time. The only source of it in the core; nothing is ordered by it (order is `seq`). */
export interface Clock {
  /** Wall time, milliseconds since 1970-01-01T00:00:00Z. May jump. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never goes back. For durations. */
  monotonicMs(): number;
  /** Resolves after `delayMs`, or at once when `signal` aborts (it never rejects). */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Resolves after work that is ready now has had its turn. Group commit gathers with it. */
  nextTurn(): Promise<void>;
}
