import { describe, expect, test } from "vitest";
import { securityControlConformance } from "../../testkit/security-monitor-conformance.ts";
import { createMemorySecurityMonitor } from "./security-monitor.ts";

describe("security state in memory", () => {
  securityControlConformance(async () => {
    const control = createMemorySecurityMonitor();
    return { control, again: () => control };
  });

  test("tells whoever attends that the state was set, until they leave", async () => {
    const monitor = createMemorySecurityMonitor("DEGRADED");
    let told = 0;
    const leave = monitor.attend?.(() => told++);
    await monitor.set("LOCKDOWN", "r", "user:ada");
    expect([told, monitor.attending]).toEqual([1, 1]);
    leave?.();
    await monitor.set("OPERATIONAL", "r", "user:ada");
    expect([told, monitor.attending]).toEqual([1, 0]);
  });
});
