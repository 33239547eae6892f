import { describe, expect, test } from "vitest";
import { clockConformance } from "./clock-conformance.ts";
import { createFakeClock } from "./fake-clock.ts";
import { createFakeIds } from "./fake-ids.ts";
import { idSourceConformance } from "./id-source-conformance.ts";

describe("fake clock", () => {
  describe("that a test moves", () => {
    clockConformance(async () => {
      const clock = createFakeClock();
      return { clock, pass: (byMs) => clock.advance(byMs) };
    });
  });
  describe("that sleeping moves", () => {
    clockConformance(async () => ({ clock: createFakeClock({ autoAdvance: true }), pass: async () => undefined }));
  });

  test("stands still until it is moved, and wakes sleepers in the order of their times", async () => {
    const clock = createFakeClock({ nowMs: 1000 });
    const woken: string[] = [];
    const sleeps = [
      ["b", 20],
      ["a", 10],
      ["c", 20],
      ["late", 31],
    ] as const;
    for (const [name, delayMs] of sleeps) void clock.sleep(delayMs).then(() => woken.push(`${name}@${clock.monotonicMs()}`));
    await clock.nextTurn();
    expect(woken).toEqual([]);
    await clock.advance(30);
    expect(woken).toEqual(["a@10", "b@20", "c@20"]);
    expect([clock.nowMs(), clock.monotonicMs(), clock.sleeping]).toEqual([1030, 30, 1]);
  });

  test("wall time may jump without waking anybody", async () => {
    const clock = createFakeClock();
    void clock.sleep(10);
    clock.jumpTo(5);
    expect([clock.nowMs(), clock.monotonicMs(), clock.sleeping]).toEqual([5, 0, 1]);
  });

  test("an aborted sleep ends at once", async () => {
    const clock = createFakeClock();
    const abort = new AbortController();
    const sleeping = clock.sleep(1e9, abort.signal);
    abort.abort();
    await sleeping;
    await clock.sleep(5, abort.signal);
    await clock.sleep(0);
    expect(clock.sleeping).toBe(0);
  });

  test("with autoAdvance a sleep moves time to its end", async () => {
    const clock = createFakeClock({ autoAdvance: true });
    await clock.sleep(60_000);
    expect(clock.monotonicMs()).toBe(60_000);
  });
});

describe("fake ids", () => {
  idSourceConformance(async () => createFakeIds(7));

  test("repeat for the same seed, differ for another, and sort by age", () => {
    const [a, b, other] = [createFakeIds(7), createFakeIds(7), createFakeIds(8)];
    const ids = Array.from({ length: 50 }, () => a.runId());
    expect(Array.from({ length: 50 }, () => b.runId())).toEqual(ids);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(50);
    expect(a.randomHex(4)).toBe(b.randomHex(4));
    expect(other.randomHex(8)).not.toBe(createFakeIds(7).randomHex(8));
  });
});
