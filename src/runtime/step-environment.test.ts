import { describe, expect, test } from "vitest";
import type { PlanEnvironment } from "../contracts/plan-document.ts";
import type { EnvironmentProbe } from "../ports/environment-probe.ts";
import { stepEnvironment } from "./step-environment.ts";

const caller: Readonly<Record<string, string>> = {
  PATH: "/bin",
  HOME: "/home/ada",
  TOKEN: "t0p",
  EMPTY: "",
  AWS_REGION: "eu",
  AWS_PROFILE: "dev",
  OTHER: "no",
};

/** Only what a step's environment is made of. */
const probe: EnvironmentProbe = {
  snapshot: async () => ({}),
  machine: async () => ({ os: "memory", arch: "none", runtime: "memory 1", lockfiles: [] }),
  owner: () => ({ host: "h", bootId: "b", pid: 1, startTime: "0" }),
  principal: () => "user:ada",
  base: () => ({ PATH: "/bin", HOME: "/home/ada" }),
  select: (patterns) =>
    Object.fromEntries(
      Object.entries(caller).filter(([name]) => patterns.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern))),
    ),
};

const named = (more: Partial<PlanEnvironment>): PlanEnvironment => ({ env: {}, env_from: [], secrets: [], ...more });
const lookup = (): string => "";

describe("the environment of a step", () => {
  test("S4: holds PATH, HOME and what the step names, nothing else of the caller", () => {
    expect(stepEnvironment(probe, named({}), lookup)).toEqual({ env: { PATH: "/bin", HOME: "/home/ada" }, redact: [] });
    expect(stepEnvironment(probe, named({ env: { TZ: "UTC" }, env_from: ["AWS_*"] }), lookup).env).toEqual({
      PATH: "/bin",
      HOME: "/home/ada",
      AWS_REGION: "eu",
      AWS_PROFILE: "dev",
      TZ: "UTC",
    });
  });

  test("S4: a secret is redacted, whatever else has its name, and an empty one hides nothing", () => {
    expect(stepEnvironment(probe, named({ env: { TOKEN: "shown" }, secrets: ["TOKEN", "EMPTY"] }), lookup)).toEqual({
      env: { PATH: "/bin", HOME: "/home/ada", TOKEN: "t0p", EMPTY: "" },
      redact: ["t0p"],
    });
  });

  test("a secret that the caller does not have is named", () => {
    expect(() => stepEnvironment(probe, named({ secrets: ["MISSING", "TOKEN"] }), lookup)).toThrow(/secret MISSING is not set/);
  });
});
