import { expect, it } from "vitest";
import type { SecurityControl } from "../ports/security-monitor.ts";

export interface SecurityControlBed {
  readonly control: SecurityControl;
  /** The same state as another process sees it. */
  again(): SecurityControl;
}

/** What every SecurityControl promises. `open` makes a fresh bed for each case, in which nobody has set a state. */
export function securityControlConformance(open: () => Promise<SecurityControlBed>): void {
  it("S1: is OPERATIONAL until somebody sets it", async () => {
    expect(await (await open()).control.read()).toMatchObject({ state: "OPERATIONAL", reason: null });
  });

  it("S1: the newest state counts, at once, with its reason and who set it, for every process", async () => {
    const { control, again } = await open();
    const other = again();
    for (const state of ["DEGRADED", "LOCKDOWN", "OPERATIONAL", "COMPROMISED"] as const) {
      await control.set(state, `because of ${state}`, "user:ada");
      for (const one of [control, other, again()]) {
        const reading = await one.read();
        expect(reading).toMatchObject({ state, reason: `because of ${state}` });
        expect(reading.boundary).toContain("user:ada");
      }
    }
  });

  it("S1: what was set a moment ago is never answered with what stood there before", async () => {
    const { control, again } = await open();
    const other = again();
    for (let count = 0; count < 200; count++) {
      const state = count % 2 === 0 ? "DEGRADED" : "LOCKDOWN";
      await control.set(state, "same", "user:ada");
      expect((await other.read()).state).toBe(state);
    }
  });

  it("of many setters at once one wins whole", async () => {
    const { control, again } = await open();
    const states = ["OPERATIONAL", "DEGRADED", "COMPROMISED", "LOCKDOWN"] as const;
    await Promise.all(states.map((state) => again().set(state, state, "user:ada")));
    const { state, reason } = await control.read();
    expect(reason).toBe(state);
  });

  it("a reason of any text and length is kept as well-formed text of at most 4096 characters", async () => {
    const { control } = await open();
    await control.set("LOCKDOWN", `\ud800 \u{1f33c} "\n\\ ${"x".repeat(10_000)}`, "user:\ud800");
    const { state, reason } = await control.read();
    expect(state).toBe("LOCKDOWN");
    expect(reason?.isWellFormed()).toBe(true);
    expect(reason?.length).toBeLessThanOrEqual(4096);
  });

  it("reading changes nothing", async () => {
    const { control, again } = await open();
    await control.set("DEGRADED", "r", "user:ada");
    const first = await control.read();
    for (let count = 0; count < 20; count++) expect(await again().read()).toEqual(first);
  });
}
