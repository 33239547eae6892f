import { describe, expect, test } from "vitest";
import { createMemorySecurityMonitor } from "../adapters/memory/security-monitor.ts";
import type { SecurityMonitor, SecurityReading } from "../ports/security-monitor.ts";
import { createFakeClock, type FakeClock } from "../testkit/fake-clock.ts";
import { type Escalation, readSecurity, snapshotBody, unknownReading, watchSecurity, worseReading } from "./security-watch.ts";

const operational: SecurityReading = { state: "OPERATIONAL", boundary: "memory", reason: null };

async function readLate(monitor: SecurityMonitor, clock: FakeClock): Promise<SecurityReading> {
  const reading = readSecurity(monitor, clock);
  // What answers at once needs no timer; what does not has one by now.
  await clock.nextTurn();
  await clock.advance(1_000);
  return reading;
}

describe("one reading", () => {
  test("S1: no port reads UNKNOWN", async () => {
    expect(await readSecurity(null, createFakeClock())).toEqual({ state: "UNKNOWN", boundary: "unknown", reason: null });
  });

  test.each(["fail", "throw", "hang"] as const)("S1: a monitor that does %s reads as LOCKDOWN", async (how) => {
    const monitor = createMemorySecurityMonitor();
    monitor.break(how);
    const clock = createFakeClock();
    expect(await readLate(monitor, clock)).toMatchObject({ state: "LOCKDOWN", reason: expect.stringMatching(/failed|did not answer/) });
    expect(clock.sleeping).toBe(0);
  });

  test("S1: one that hangs is waited for a second and no longer", async () => {
    const monitor = createMemorySecurityMonitor();
    monitor.break("hang");
    const clock = createFakeClock();
    let answered = false;
    const reading = readSecurity(monitor, clock).then(() => {
      answered = true;
    });
    await clock.nextTurn();
    await clock.advance(999);
    expect(answered).toBe(false);
    await clock.advance(1);
    await reading;
    expect(answered).toBe(true);
  });

  const nonsense: readonly unknown[] = [
    null,
    undefined,
    "OPERATIONAL",
    7,
    {},
    [],
    { state: "FINE" },
    { state: "UNKNOWN" },
    { state: "constructor" },
    { state: 0 },
  ];
  test.each(nonsense)("S1: the answer %j is no state, and reads as LOCKDOWN", async (answer) => {
    const monitor = createMemorySecurityMonitor();
    monitor.break({ answer });
    expect(await readSecurity(monitor, createFakeClock())).toMatchObject({ state: "LOCKDOWN" });
  });

  test("words of a monitor are bounded, and what are no words is not passed on", async () => {
    const monitor = createMemorySecurityMonitor();
    monitor.break({ answer: { state: "DEGRADED", boundary: "b".repeat(9_000), reason: `\ud800${"r".repeat(9_000)}` } });
    const reading = await readSecurity(monitor, createFakeClock());
    expect([reading.boundary.length, reading.reason?.length, reading.reason?.isWellFormed()]).toEqual([4096, 4096, true]);
    monitor.break({ answer: { state: "DEGRADED", boundary: 1, reason: {} } });
    expect(await readSecurity(monitor, createFakeClock())).toEqual({ state: "DEGRADED", boundary: "unknown", reason: null });
  });
});

describe("watching", () => {
  function watching(monitor: SecurityMonitor | null, first: SecurityReading = operational) {
    const clock = createFakeClock();
    const rises: Escalation[] = [];
    return { clock, rises, watch: watchSecurity(monitor, clock, first, (escalation) => rises.push(escalation)) };
  }

  test("S1: looks by itself at least every 250 ms, and tells a rise once", async () => {
    const monitor = createMemorySecurityMonitor();
    monitor.attend = undefined as never;
    const { clock, rises, watch } = watching(monitor);
    await clock.advance(1_000);
    expect(monitor.looks).toBeGreaterThanOrEqual(4);
    await monitor.set("DEGRADED", "odd", "user:ada");
    await clock.advance(250);
    await monitor.set("LOCKDOWN", "worse", "user:ada");
    await clock.advance(1_000);
    expect(rises).toMatchObject([{ from: "OPERATIONAL", reading: { state: "DEGRADED", reason: "odd" } }]);
    expect(watch.latest()).toMatchObject({ state: "LOCKDOWN" });
    await watch.stop();
  });

  test("S1: a monitor that hangs is a rise, not a reason to wait", async () => {
    const monitor = createMemorySecurityMonitor();
    const { clock, rises, watch } = watching(monitor);
    monitor.break("hang");
    await clock.advance(1_250);
    expect(rises).toMatchObject([{ reading: { state: "LOCKDOWN" } }]);
    const stopped = watch.stop();
    await clock.advance(1_000);
    await stopped;
  });

  test("a monitor that tells of a change is looked at without waiting", async () => {
    const monitor = createMemorySecurityMonitor();
    const { clock, rises, watch } = watching(monitor);
    await monitor.set("COMPROMISED", "r", "user:ada");
    await clock.nextTurn();
    expect(rises).toMatchObject([{ reading: { state: "COMPROMISED" } }]);
    expect(monitor.attending).toBe(1);
    await watch.stop();
    expect([monitor.attending, clock.sleeping]).toEqual([0, 0]);
  });

  test("a fall is no rise, and neither is what was so from the start", async () => {
    const monitor = createMemorySecurityMonitor("DEGRADED");
    const { clock, rises, watch } = watching(monitor, { ...operational, state: "DEGRADED" });
    await clock.advance(300);
    await monitor.set("OPERATIONAL", "r", "user:ada");
    await clock.advance(300);
    expect(rises).toEqual([]);
    await watch.stop();
  });

  test("UNKNOWN to OPERATIONAL is no rise; without a monitor nothing is looked at", async () => {
    const { clock, rises, watch } = watching(createMemorySecurityMonitor(), unknownReading);
    await clock.advance(300);
    expect(rises).toEqual([]);
    await watch.stop();
    const none = watching(null, unknownReading);
    expect(await none.watch.look()).toEqual(unknownReading);
    expect(none.clock.sleeping).toBe(0);
    await none.watch.stop();
  });

  test("after the end nothing is told any more", async () => {
    const monitor = createMemorySecurityMonitor();
    const { rises, watch } = watching(monitor);
    await watch.stop();
    await monitor.set("LOCKDOWN", "r", "user:ada");
    await watch.look();
    expect(rises).toEqual([]);
  });

  test("a slow answer to an earlier look does not replace a newer one", async () => {
    const answers: ((reading: SecurityReading) => void)[] = [];
    const { watch } = watching({ read: () => new Promise((resolve) => answers.push(resolve)) });
    const [early, late] = [watch.look(), watch.look()];
    answers[1]?.({ ...operational, reason: "new" });
    await late;
    answers[0]?.({ ...operational, reason: "old" });
    await early;
    expect(watch.latest().reason).toBe("new");
    void watch.stop();
  });
});

test("the worse of two readings is the one of the higher rank, the first when they are alike", () => {
  const degraded = { ...operational, state: "DEGRADED" } as const;
  expect([worseReading(operational, degraded), worseReading(degraded, operational), worseReading(degraded, { ...degraded, reason: "b" })]).toEqual([
    degraded,
    degraded,
    degraded,
  ]);
});

test("a snapshot says when it was taken, and its key is its own", () => {
  expect(snapshotBody("pre", operational, null, 3)).toEqual({
    kind: "SECURITY_SNAPSHOT",
    key: "SECURITY_SNAPSHOT/pre/3",
    data: { phase: "pre", security_state: "OPERATIONAL", boundary_state: "memory", context: "Pre-execution" },
  });
  expect(snapshotBody("post", operational, "failed", 4).data).toMatchObject({ context: "Post-execution (failed)" });
});
