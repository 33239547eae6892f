import { describe, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { systemIds, uuidV7 } from "./id-source.ts";

describe("systemClock", () => {
  test("monotonic time does not go back, and sleep lasts at least as long as asked", async () => {
    const start = systemClock.monotonicMs();
    await systemClock.sleep(5);
    expect(systemClock.monotonicMs() - start).toBeGreaterThanOrEqual(5);
    expect(systemClock.nowMs()).toBeGreaterThan(Date.UTC(2026, 0));
  });

  test("sleep ends at once when the signal aborts, before or while it sleeps, and never rejects", async () => {
    await systemClock.sleep(1e12, AbortSignal.abort());
    const abort = new AbortController();
    const sleeping = systemClock.sleep(1e12, abort.signal);
    abort.abort();
    await sleeping;
    await systemClock.sleep(0);
    await systemClock.sleep(-1);
  });

  test("nextTurn lets ready work go first", async () => {
    const order: string[] = [];
    const turn = systemClock.nextTurn().then(() => order.push("turn"));
    await Promise.resolve().then(() => order.push("ready"));
    await turn;
    expect(order).toEqual(["ready", "turn"]);
  });
});

describe("systemIds", () => {
  const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

  test("run ids are lowercase UUIDv7 and differ", () => {
    const ids = Array.from({ length: 1000 }, () => systemIds.runId());
    for (const id of ids) expect(id).toMatch(pattern);
    expect(new Set(ids).size).toBe(1000);
  });

  test("the own UUIDv7 holds the time", () => {
    const id = uuidV7(0x0123456789ab);
    expect(id).toMatch(pattern);
    expect(id.startsWith("01234567-89ab-7")).toBe(true);
  });

  test("random hex has two digits a byte", () => {
    expect(systemIds.randomHex(8)).toMatch(/^[0-9a-f]{16}$/);
  });
});
