import { describe, expect, test } from "vitest";
import type { JsonObject } from "../base/json-value.ts";
import { checkWorkflow, type CheckWorkflowOptions } from "./check-workflow.ts";

async function messages(policy: JsonObject, more: JsonObject = {}, options: CheckWorkflowOptions = {}): Promise<readonly string[]> {
  const step = { run: ["true"], ...more };
  const { problems } = await checkWorkflow({ workflow: "w", version: 1, policy, steps: { a: step } }, options);
  return problems.map(({ code, path, message }) => `${code} ${path ?? ""}: ${message}`);
}

describe("the texts of a policy", () => {
  test("a policy with every member is sound", async () => {
    const policy = {
      tools: ["node", "/usr/bin/git", "./tools/my tool"],
      write: { allow: ["out/**", "logs/"], deny: ["out/keep/**", "./secret/", ".lily/"] },
      network: "deny",
      sandbox: "prefer",
      attempts_max: 5,
      diff_max: "10 MiB",
      env_allow: ["AWS_*", "TZ"],
      timeout_max: "10m",
      retry_max: 3,
      unblock_by: ["user:ada"],
      security: "operational",
    };
    expect(await messages(policy)).toEqual([]);
  });

  test.each([
    [{ diff_max: -1 }, "diff_max"],
    [{ diff_max: "10 elephants" }, "diff_max"],
    [{ diff_max: 1.5 }, "diff_max"],
    [{ timeout_max: "soon" }, "timeout_max"],
    [{ timeout_max: "0s" }, "timeout_max"],
    [{ timeout_max: "999999h" }, "timeout_max"],
    [{ retry_max: -1 }, "retry_max"],
    [{ retry_max: 101 }, "retry_max"],
    [{ env_allow: ["*"] }, "env_allow"],
    [{ env_allow: ["A*B"] }, "env_allow"],
    [{ env_allow: ["9X"] }, "env_allow"],
    [{ unblock_by: ["ada"] }, "unblock_by"],
    [{ unblock_by: ["user:"] }, "unblock_by"],
    [{ unblock_by: ["user:a b"] }, "unblock_by"],
    [{ security: "paranoid" }, "security"],
    [{ tools: ["-c"] }, "tools"],
    [{ tools: ["${params.x}"] }, "tools"],
    [{ tools: ["a\0b"] }, "tools"],
    [{ tools: ["node --version"] }, "tools"],
    [{ tools: ["bin/"] }, "tools"],
    [{ tools: ["./bin/.."] }, "tools"],
    [{ tools: [".."] }, "tools"],
    [{ write: { allow: ["../out/**"] } }, "write"],
    [{ write: { allow: [".lily/"] } }, "write"],
    [{ write: { deny: ["a//b"] } }, "write"],
    [{ write: { deny: ["a//"] } }, "write"],
    [{ write: { deny: ["/"] } }, "write"],
    [{ write: { deny: ["../x"] } }, "write"],
    [{ write: { deny: ["/etc/**"] } }, "write"],
    [{ writes: {} }, "writes"],
  ])("%j is refused by name", async (policy, member) => {
    const found = await messages(policy);
    expect(found.length).toBeGreaterThan(0);
    expect(found.every((message) => message.includes(member))).toBe(true);
  });
});

describe("what steps ask for", () => {
  const layers = [{ origin: "lily.yaml", policy: { env_allow: ["AWS_*", "TZ"] } }];

  test.each([
    [{ env: { TZ: "UTC" } }, 0],
    [{ env_from: ["AWS_PROFILE"] }, 0],
    [{ env_from: ["AWS_*"] }, 0],
    [{ secrets: ["AWS_SECRET"] }, 0],
    [{ env: { LD_PRELOAD: "evil.so" } }, 1],
    [{ env: { NODE_OPTIONS: "--require ./x.js" } }, 1],
    [{ env_from: ["A*"] }, 1],
    [{ secrets: ["DB_URL"] }, 1],
    [{ gates: [{ id: "g", run: ["true"], env: { LD_PRELOAD: "x" } }] }, 1],
  ])("%j gives %i problems under env_allow of lily.yaml", async (more, count) => {
    const found = await messages({}, more, { policyLayers: layers });
    expect(found.length).toBe(count);
    expect(found.every((message) => message.startsWith("POLICY_VIOLATION") && message.includes("lily.yaml"))).toBe(true);
  });

  test("each layer has to cover a name, and the message says which does not", async () => {
    const [message] = await messages({ env_allow: ["TZ"] }, { secrets: ["AWS_SECRET"] }, { policyLayers: layers });
    expect(message).toContain("env_allow of this document");
    expect(await messages({ env_allow: ["AWS_SECRET"] }, { secrets: ["AWS_SECRET"] }, { policyLayers: layers })).toEqual([]);
  });
});
