import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { currentOwner, isOwnerAlive } from "./owner-liveness.ts";
import { processEntry } from "./process-table.ts";

describe.skipIf(process.platform !== "linux")("isOwnerAlive", () => {
  const here = currentOwner();

  test("this process is alive", () => {
    expect(isOwnerAlive(here)).toBe(true);
  });

  test("a process is alive until it has ended", async () => {
    const child = spawn("sleep", ["600"], { stdio: "ignore" });
    const pid = child.pid ?? 0;
    const owner = { ...here, pid, startTime: processEntry(pid)?.startTime ?? "" };
    expect(isOwnerAlive(owner)).toBe(true);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(isOwnerAlive(owner)).toBe(false);
  });

  test("a reused pid or an earlier boot is dead", () => {
    expect(isOwnerAlive({ ...here, startTime: "1" })).toBe(false);
    expect(isOwnerAlive({ ...here, bootId: "another" })).toBe(false);
  });

  test("another host, or anything unknown, counts as alive", () => {
    expect(isOwnerAlive({ ...here, host: "elsewhere", pid: 1, startTime: "1" })).toBe(true);
    expect(isOwnerAlive({ ...here, bootId: "unknown" })).toBe(true);
    expect(isOwnerAlive({ ...here, startTime: "unknown" })).toBe(true);
  });
});
