import { describe, expect, test } from "vitest";
import { parseRunId } from "../contracts/ids.ts";
import type { LeaseStore } from "../ports/lease-store.ts";
import { createFakeClock } from "../testkit/fake-clock.ts";
import { keepLease, leaseTtlMs } from "./lease-keeper.ts";

const run = parseRunId("run-a");

/** What a keeper asks of a store, with answers that a test sets. */
function bed(answers: { readonly renew?: boolean; readonly stop?: { readonly by: string; readonly reason: string } | null; readonly broken?: boolean }) {
  const told: string[] = [];
  const leases: LeaseStore = {
    acquire: async () => ({ outcome: "granted", token: 1 }),
    renew: async () => {
      if (answers.broken === true) throw new Error("the store is gone");
      told.push("renewed");
      return answers.renew ?? true;
    },
    release: async () => {},
    holder: async () => null,
    requestStop: async () => {},
    stopRequest: async () => answers.stop ?? null,
    clearStop: async () => {},
  };
  const clock = createFakeClock();
  const keeper = keepLease({
    leases,
    clock,
    run,
    token: 1,
    onLost: () => void told.push("lost"),
    onStop: (by, reason) => void told.push(`stop ${by} ${reason}`),
    onFault: (cause) => void told.push(`fault ${String(cause)}`),
  });
  return { clock, keeper, told };
}

describe("the lease keeper", () => {
  test("renews at a third of the lease's time, and stops when it is told to", async () => {
    const { clock, keeper, told } = bed({});
    await clock.advance(leaseTtlMs);
    expect(told.filter((one) => one === "renewed").length).toBeGreaterThanOrEqual(2);
    await keeper.stop();
    expect(clock.sleeping).toBe(0);
  });

  test("L3: a lost lease is told once, and nothing is asked afterwards", async () => {
    const { clock, keeper, told } = bed({ renew: false });
    await clock.advance(leaseTtlMs * 2);
    expect(told).toEqual(["renewed", "lost"]);
    await keeper.stop();
  });

  test("another process's stop request is told once", async () => {
    const { clock, keeper, told } = bed({ stop: { by: "user:ada", reason: "enough" } });
    await clock.advance(2_000);
    expect(told).toEqual(["stop user:ada enough"]);
    await keeper.stop();
  });

  test("a store that cannot be asked is a fault, not a lost lease", async () => {
    const { clock, keeper, told } = bed({ broken: true });
    await clock.advance(leaseTtlMs);
    expect(told).toEqual(["fault Error: the store is gone"]);
    await keeper.stop();
  });
});
