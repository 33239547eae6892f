import type { PlanDocument, PlanExecutor } from "../../contracts/plan-document.ts";
import { plainText } from "./plain-text.ts";
import { table, type TableOptions } from "./table.ts";

/** A plan as people read it: identity, steps, what it binds. */
export function planText(plan: PlanDocument, planHash: string, options: TableOptions): string {
  const head = [`${plainText(plan.workflow)}${plan.title === null ? "" : `: ${plainText(plan.title)}`}`, `  plan    ${plainText(planHash)}`];
  const params = Object.entries(plan.params);
  if (params.length > 0) head.push(`  params  ${params.map(([name, value]) => `${plainText(name)} = ${plainText(JSON.stringify(value))}`).join(", ")}`);
  head.push(`  binds   ${plan.code.length} code files, ${plan.modules.length} modules, ${plan.schemas.length} schemas`);
  const rows = plan.steps.map((step) => [
    step.id,
    step.needs.join(" ") || "-",
    step.gates.map((gate) => gate.id).join(" ") || "-",
    executorText(step.executor),
  ]);
  return `${head.join("\n")}\n\n${table(["STEP", "NEEDS", "GATES", "RUNS"], rows, options)}`;
}

function executorText(executor: PlanExecutor): string {
  switch (executor.kind) {
    case "process":
      return executor.argv.join(" ");
    case "shell":
      return `sh: ${executor.text}`;
    case "module":
      return `module ${executor.module}`;
  }
}
