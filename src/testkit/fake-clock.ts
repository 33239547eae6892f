import type { Clock } from "../ports/clock.ts";

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves both times on and wakes sleepers in the order of their times, one at a time, letting each do its work. */
  advance(byMs: number): Promise<void>;
  /** Wall time jumps, as when a machine's clock is set; sleepers and monotonic time do not notice. */
  jumpTo(nowMs: number): void;
  /** How many sleep. */
  readonly sleeping: number;
}

interface Sleeper {
  readonly atMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Starts at 2026-01-01T00:00:00Z unless told otherwise. With `autoAdvance`, a sleep moves time to its end by itself. */
export function createFakeClock(options: { readonly nowMs?: number; readonly autoAdvance?: boolean } = {}): FakeClock {
  let wallMs = options.nowMs ?? Date.UTC(2026, 0, 1);
  let monotonicMs = 0;
  let order = 0;
  const sleepers = new Set<Sleeper>();

  const passTo = (atMs: number): void => {
    const byMs = Math.max(0, atMs - monotonicMs);
    monotonicMs += byMs;
    wallMs += byMs;
  };
  const nextDue = (endMs: number): Sleeper | null => {
    let next: Sleeper | null = null;
    for (const sleeper of sleepers) {
      if (sleeper.atMs <= endMs && (next === null || sleeper.atMs < next.atMs || (sleeper.atMs === next.atMs && sleeper.order < next.order))) next = sleeper;
    }
    return next;
  };
  const advance = async (byMs: number): Promise<void> => {
    const endMs = monotonicMs + byMs;
    for (let next = nextDue(endMs); next !== null; next = nextDue(endMs)) {
      sleepers.delete(next);
      passTo(next.atMs);
      next.wake();
      await turn();
    }
    passTo(endMs);
  };
  const sleep = (delayMs: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted === true || delayMs <= 0) return resolve();
      const sleeper: Sleeper = { atMs: monotonicMs + delayMs, order: order++, wake: resolve };
      sleepers.add(sleeper);
      signal?.addEventListener(
        "abort",
        () => {
          sleepers.delete(sleeper);
          resolve();
        },
        { once: true },
      );
      if (options.autoAdvance === true) void turn().then(() => (sleepers.has(sleeper) ? advance(sleeper.atMs - monotonicMs) : undefined));
    });

  return {
    nowMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    sleep,
    nextTurn: turn,
    advance,
    jumpTo: (nowMs) => {
      wallMs = nowMs;
    },
    get sleeping() {
      return sleepers.size;
    },
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
