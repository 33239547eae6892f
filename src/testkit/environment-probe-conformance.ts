import { expect, it } from "vitest";
import { canonicalJson } from "../base/canonical-json.ts";
import type { EnvironmentProbe } from "../ports/environment-probe.ts";

/** Variables that the caller of the probe has; the suite looks for the secret one in what the probe says. */
export const probeVariables = { PATH: "/usr/bin:/bin", HOME: "/home/ada", AWS_REGION: "eu", AWS_PROFILE: "p", AWSX: "x", LILY_SECRET: "hunter2pass" } as const;

export interface EnvironmentProbeBed {
  /** A probe whose caller has exactly `probeVariables`. */
  readonly probe: EnvironmentProbe;
  /** Absolute folder that exists. */
  readonly sourceDir: string;
  /** Absolute path of an executable. */
  readonly tool: string;
}

/** What every EnvironmentProbe promises. `open` makes a fresh bed for each case. */
export function environmentProbeConformance(open: () => Promise<EnvironmentProbeBed>): void {
  const at = "2026-01-01T00:00:00.000Z";

  it("a snapshot is canonical JSON with runtime, platform, kernel and the time it was asked for", async () => {
    const { probe, sourceDir } = await open();
    const snapshot = await probe.snapshot({ sourceDir, tools: [], at });
    expect(snapshot).toMatchObject({
      runtime: { name: expect.any(String), version: expect.any(String) },
      platform: { os: expect.any(String), arch: expect.any(String) },
      kernel_version: expect.any(String),
      tools: [],
      timestamp: at,
    });
    expect(canonicalJson(snapshot)).not.toBe("");
  });

  it("S4: a snapshot holds no value of the environment", async () => {
    const { probe, sourceDir, tool } = await open();
    expect(canonicalJson(await probe.snapshot({ sourceDir, tools: [tool], at }))).not.toContain(probeVariables.LILY_SECRET);
  });

  it("names each tool once with its digest, and leaves out what is not there", async () => {
    const { probe, sourceDir, tool } = await open();
    const { tools } = await probe.snapshot({ sourceDir, tools: [tool, tool, "lily-no-such-tool"], at });
    expect(tools).toEqual([expect.objectContaining({ path: tool, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })]);
  });

  it("a source folder that is not there keeps nobody from running", async () => {
    const { probe } = await open();
    expect(await probe.snapshot({ sourceDir: "/nonexistent/folder", tools: ["x"], at })).toMatchObject({ timestamp: at });
  });

  it("selects variables by exact name and by beginning, and no others", async () => {
    const { probe } = await open();
    expect(probe.select(["AWS_*"])).toEqual({ AWS_REGION: "eu", AWS_PROFILE: "p" });
    expect(probe.select(["AWS_REGION", "AWS_REGION", "NOPE", "aws_*"])).toEqual({ AWS_REGION: "eu" });
    expect(probe.select(["AWS"])).toEqual({});
    expect(probe.select([])).toEqual({});
  });

  it("gives steps PATH and HOME and nothing else", async () => {
    expect((await open()).probe.base()).toEqual({ PATH: probeVariables.PATH, HOME: probeVariables.HOME });
  });

  it("owner and principal stay the same while the process lives", async () => {
    const { probe } = await open();
    expect(probe.owner()).toEqual(probe.owner());
    expect(probe.owner().pid).toBeGreaterThan(0);
    expect(probe.principal()).toMatch(/^[a-z]+:./);
    expect(probe.principal()).toBe(probe.principal());
  });
}
