import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { checkWorkflow } from "../../src/graph/check-workflow.ts";
import { composePolicy } from "../../src/graph/compose-policy.ts";
import { parseWorkspaceConfig } from "../../src/graph/workspace-config.ts";

const page = readFileSync(new URL("../../docs/howto/limit-what-runs-do.md", import.meta.url), "utf8");
const [config = "", routes = ""] = [...page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text]) => text);

test("the policy of the page is one that lily.yaml takes, and means what the page says", () => {
  const parsed = parseWorkspaceConfig(new TextEncoder().encode(config));
  expect(parsed.problems).toEqual([]);
  expect(composePolicy([{ origin: "lily.yaml", policy: parsed.config?.policy ?? {} }])).toEqual({
    tools: [["node", "git"]],
    write: { allow: [["out/**"]], deny: ["out/approved/**"] },
    network: "deny",
    sandbox: "prefer",
    attempts_max: 10,
    diff_bytes_max: 10_000_000,
    timeout_max_ms: 600_000,
    retry_max: 3,
    env_allow: [["AWS_*", "TZ"]],
  });
});

test("the route of the page is one that a workflow takes", async () => {
  const { problems } = await checkWorkflow({ workflow: "w", version: 1, steps: { a: { run: ["x"] } }, ...parse(routes) });
  expect(problems).toEqual([]);
});
