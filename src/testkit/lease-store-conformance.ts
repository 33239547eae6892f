import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseRunId } from "../contracts/ids.ts";
import type { AuthoritySubject } from "./journal-conformance.ts";

const run = parseRunId("run-a");
const mine = { host: "here", bootId: "boot", pid: 7, startTime: "1" };
const theirs = { ...mine, pid: 8 };

/** What every LeaseStore must do. */
export function leaseStoreConformance(name: string, make: () => Promise<AuthoritySubject>): void {
  describe(`LeaseStore: ${name}`, () => {
    let subject: AuthoritySubject;
    beforeEach(async () => {
      subject = await make();
    });
    afterEach(() => subject.end());

    it("L3: grants a run to one owner at a time", async () => {
      const { leases } = subject.authority;
      expect(await leases.acquire(run, mine, 1_000)).toEqual({ outcome: "granted", token: 1 });
      expect(await (await subject.another()).leases.acquire(run, theirs, 1_000)).toMatchObject({ outcome: "held", owner: mine });
      for (const other of [{ host: "there" }, { bootId: "later" }, { startTime: "2" }]) {
        expect(await leases.acquire(run, { ...mine, ...other }, 1_000)).toMatchObject({ outcome: "held", owner: mine });
      }
      expect(await leases.holder(run)).toEqual({ owner: mine, token: 1 });
      expect(await leases.acquire(parseRunId("run-b"), theirs, 1_000)).toEqual({ outcome: "granted", token: 1 });
    });

    it("L3: grants the process that holds it a new token, so that one which could not give it back goes on at once", async () => {
      const { leases } = subject.authority;
      expect(await leases.acquire(run, mine, 1_000)).toEqual({ outcome: "granted", token: 1 });
      expect(await leases.acquire(run, { ...mine }, 1_000)).toEqual({ outcome: "granted", token: 2 });
      expect(await leases.renew(run, 1, 1_000)).toBe(false);
      await leases.release(run, 1);
      expect(await leases.holder(run)).toEqual({ owner: mine, token: 2 });
      expect(await leases.acquire(run, theirs, 1_000)).toMatchObject({ outcome: "held", owner: mine });
    });

    it("L3: tokens only grow, through release, expiry and death of the owner", async () => {
      const { leases } = subject.authority;
      await leases.acquire(run, mine, 1_000);
      await leases.release(run, 1);
      expect(await leases.holder(run)).toBeNull();
      expect(await leases.acquire(run, mine, 1_000)).toEqual({ outcome: "granted", token: 2 });
      subject.advance(1_001);
      expect(await leases.holder(run)).toBeNull();
      expect(await leases.acquire(run, mine, 1_000)).toEqual({ outcome: "granted", token: 3 });
      subject.endProcess(mine.pid);
      expect(await leases.holder(run)).toBeNull();
      expect(await leases.acquire(run, theirs, 1_000)).toEqual({ outcome: "granted", token: 4 });
    });

    it("renews only the newest token, and moves its expiry", async () => {
      const { leases } = subject.authority;
      await leases.acquire(run, mine, 1_000);
      subject.advance(900);
      expect(await leases.renew(run, 1, 1_000)).toBe(true);
      subject.advance(900);
      expect(await leases.holder(run)).toEqual({ owner: mine, token: 1 });
      subject.advance(200);
      await leases.acquire(run, theirs, 1_000);
      expect(await leases.renew(run, 1, 1_000)).toBe(false);
      expect(await leases.renew(parseRunId("run-b"), 1, 1_000)).toBe(false);
    });

    it("does not renew or release what was given away", async () => {
      const { leases } = subject.authority;
      await leases.acquire(run, mine, 1_000);
      await leases.release(run, 1);
      expect(await leases.renew(run, 1, 1_000)).toBe(false);
      await leases.acquire(run, theirs, 1_000);
      await leases.release(run, 1);
      expect(await leases.holder(run)).toEqual({ owner: theirs, token: 2 });
    });

    it("keeps the first stop request until it is cleared", async () => {
      const { leases } = subject.authority;
      expect(await leases.stopRequest(run)).toBeNull();
      await leases.requestStop(run, "user:ada", "first");
      await (await subject.another()).leases.requestStop(run, "user:bob", "second");
      expect(await leases.stopRequest(run)).toEqual({ by: "user:ada", reason: "first" });
      await leases.clearStop(run);
      expect(await leases.stopRequest(run)).toBeNull();
      await leases.requestStop(run, "user:bob", "third");
      expect(await leases.stopRequest(run)).toEqual({ by: "user:bob", reason: "third" });
    });
  });
}
