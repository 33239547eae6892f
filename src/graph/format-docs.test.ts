import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../base/canonical-json.ts";
import { parseJson } from "../base/parse-json.ts";
import { checkWorkflow } from "./check-workflow.ts";
import { compilePlan } from "./compile-plan.ts";
import { memoryFileTree } from "./memory-file-tree.test-support.ts";
import { resolveText } from "./resolve-template.ts";

function blockOf(file: string, language: string): string {
  const text = readFileSync(join(import.meta.dirname, "../../docs/formats", file), "utf8");
  const match = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\`\`\`$`, "m").exec(text);
  if (match?.[1] === undefined) throw new Error(`docs/formats/${file} has no block ${language}`);
  return match[1];
}

describe("the format pages", () => {
  test("the workflow of workflow.md has no problems", async () => {
    const bytes = new TextEncoder().encode(blockOf("workflow.md", "yaml workflow"));
    expect((await checkWorkflow(bytes, { modules: ["weather.summarise"], schemas: ["weather_table.v1"] })).problems).toEqual([]);
  });

  test("references resolve as workflow.md says", () => {
    const lines = blockOf("workflow.md", "template").trim().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const [text = "", expected] = line.split(" -> ");
      expect(resolveText(text, () => 2015)).toBe(expected);
    }
  });

  test("the plan and its digest in plan.md are those of its workflow", async () => {
    const { document } = await checkWorkflow(new TextEncoder().encode(blockOf("plan.md", "yaml workflow")));
    if (document === null) throw new Error("the example is valid");
    const { plan, planHash } = await compilePlan({ document, tree: memoryFileTree({ "hello.mjs": 'print("hello")' }) });
    const text = blockOf("plan.md", "json plan").trimEnd();
    expect(canonicalJson(parseJson(text))).toBe(text);
    expect(parseJson(text)).toEqual(plan);
    const digest = createHash("sha256").update(`lily/plan/v1\n${text}`).digest("hex");
    expect(planHash).toBe(`sha256:${digest}`);
    expect(blockOf("plan.md", "text plan_hash").trim()).toBe(planHash);
  });
});
