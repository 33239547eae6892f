import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../ports/clock.ts";

/** Time of this machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep,
  nextTurn: () => new Promise((resolve) => void setImmediate(resolve)),
};

// Timers of Node hold 31 bits of milliseconds; longer sleeps are slept in parts.
const timerMsMax = 2 ** 31 - 1;

async function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  const endMs = performance.now() + delayMs;
  for (let restMs = delayMs; restMs > 0 && signal?.aborted !== true; restMs = endMs - performance.now()) {
    await delay(Math.min(restMs, timerMsMax), undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}
