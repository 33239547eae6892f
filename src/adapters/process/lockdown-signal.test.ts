import process from "node:process";
import { describe, expect, test } from "vitest";
import type { SecurityControl, SecurityReading } from "../../ports/security-monitor.ts";
import { LockdownSignal } from "./lockdown-signal.ts";

const operational: SecurityReading = { state: "OPERATIONAL", boundary: "here", reason: null };

function control(): { readonly control: SecurityControl; readonly calls: unknown[] } {
  const calls: unknown[] = [];
  const made: SecurityControl = {
    read: async () => operational,
    set: async (...args) => void calls.push(args),
    attend: () => {
      calls.push("attend");
      return () => void calls.push("leave");
    },
  };
  return { control: made, calls };
}

const listeners = (): number => process.listenerCount("SIGUSR2");
const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Resolves when the signal was delivered. */
async function signalHeard(told: () => number): Promise<void> {
  const before = told();
  process.kill(process.pid, "SIGUSR2");
  while (told() === before) await nextTurn();
}

describe("SIGUSR2", () => {
  test("S1: is LOCKDOWN from then on, also for who asks later, whatever the inner state is", async () => {
    const signal = new LockdownSignal();
    const over = signal.over(control().control);
    let told = 0;
    const leave = over.attend?.(() => told++);
    expect(await over.read()).toEqual(operational);
    await signalHeard(() => told);
    expect(await over.read()).toMatchObject({ state: "LOCKDOWN", reason: expect.stringContaining("SIGUSR2") });
    leave?.();
    expect(await signal.over(control().control).read()).toMatchObject({ state: "LOCKDOWN" });
    expect(await new LockdownSignal().over(control().control).read()).toEqual(operational);
  });

  test("is listened to only while somebody attends, and everybody who does is told", async () => {
    const before = listeners();
    const signal = new LockdownSignal();
    const over = signal.over(control().control);
    const told = { shared: 0, own: 0 };
    const onChange = (): void => void told.shared++;
    const leaves = [over.attend?.(onChange), over.attend?.(onChange), over.attend?.(() => void told.own++)];
    expect(listeners()).toBe(before + 1);
    leaves[0]?.();
    await signalHeard(() => told.own);
    expect(told).toEqual({ shared: 1, own: 1 });
    for (const leave of leaves) leave?.();
    expect(listeners()).toBe(before);
  });

  test("setting and attending reach the inner state", async () => {
    const { control: inner, calls } = control();
    const over = new LockdownSignal().over(inner);
    await over.set("DEGRADED", "r", "user:ada");
    over.attend?.(() => {})();
    expect(calls).toEqual([["DEGRADED", "r", "user:ada"], "attend", "leave"]);
    const { attend: _, ...silent } = control().control;
    new LockdownSignal().over(silent).attend?.(() => {})();
  });
});
