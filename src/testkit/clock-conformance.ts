import { expect, it } from "vitest";
import type { Clock } from "../ports/clock.ts";

export interface ClockBed {
  readonly clock: Clock;
  /** Lets this much time pass, for a clock that does not pass by itself. */
  pass(byMs: number): Promise<void>;
}

/** What every Clock promises. `open` makes a fresh bed for each case. */
export function clockConformance(open: () => Promise<ClockBed>): void {
  it("monotonic time never goes back, whatever is slept", async () => {
    const { clock, pass } = await open();
    let lastMs = clock.monotonicMs();
    for (const delayMs of [0, 2, -5, 1]) {
      const sleeping = clock.sleep(delayMs);
      await pass(Math.max(0, delayMs));
      await sleeping;
      expect(clock.monotonicMs()).toBeGreaterThanOrEqual(lastMs);
      lastMs = clock.monotonicMs();
    }
  });

  it("wall time is a time that can be written down", async () => {
    const { clock } = await open();
    expect(new Date(clock.nowMs()).toISOString()).toMatch(/^\d{4}-/);
  });

  it("a sleep lasts at least as long as asked", async () => {
    const { clock, pass } = await open();
    const startMs = clock.monotonicMs();
    const sleeping = clock.sleep(5);
    await pass(5);
    await sleeping;
    expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(5);
  });

  it("sleepers wake in the order of their times, not of their calls", async () => {
    const { clock, pass } = await open();
    const woken: number[] = [];
    const sleeps = [30, 1, 15].map((delayMs) => clock.sleep(delayMs).then(() => woken.push(delayMs)));
    await pass(30);
    await Promise.all(sleeps);
    expect(woken).toEqual([1, 15, 30]);
  });

  it.each([0, -1])("a sleep of %d ends without waiting for time", async (delayMs) => {
    const { clock } = await open();
    await clock.sleep(delayMs);
  });

  it("a sleep ends at once when its signal aborts, before or while it sleeps, and never rejects", async () => {
    const { clock } = await open();
    const startMs = clock.monotonicMs();
    await clock.sleep(1e12, AbortSignal.abort(new Error("over")));
    const abort = new AbortController();
    const sleeping = clock.sleep(1e12, abort.signal);
    abort.abort(new Error("over"));
    await sleeping;
    expect(clock.monotonicMs() - startMs).toBeLessThan(1e12);
  });

  it("a sleep longer than 31 bits of milliseconds does not end early", async () => {
    const { clock, pass } = await open();
    const startMs = clock.monotonicMs();
    const abort = new AbortController();
    let sleptMs: number | null = null;
    const long = clock.sleep(2 ** 31 + 1, abort.signal).then(() => {
      sleptMs = clock.monotonicMs() - startMs;
    });
    const short = clock.sleep(5);
    await pass(5);
    await short;
    expect(sleptMs ?? 2 ** 31 + 1).toBeGreaterThan(2 ** 31);
    abort.abort();
    await long;
  });

  it("a signal that aborts after the sleep changes nothing", async () => {
    const { clock, pass } = await open();
    const abort = new AbortController();
    const sleeping = clock.sleep(1, abort.signal);
    await pass(1);
    await sleeping;
    abort.abort();
    await clock.nextTurn();
  });

  it("nextTurn lets work that is ready go first, and wakes all who wait", async () => {
    const { clock } = await open();
    const order: string[] = [];
    const turns = Promise.all([clock.nextTurn(), clock.nextTurn()]).then(() => order.push("turn"));
    await Promise.resolve().then(() => order.push("ready"));
    await turns;
    expect(order).toEqual(["ready", "turn"]);
  });
}
