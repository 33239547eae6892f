import { resolve } from "node:path";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { pairsObject } from "../parse-values.ts";
import { paintFor } from "../render/paint.ts";
import { planText } from "../render/plan-text.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

export interface WorkflowPlanFlags {
  readonly param?: readonly (readonly [string, string])[];
}

export async function workflowPlan(cli: CliContext, flags: WorkflowPlanFlags, file: string): Promise<number> {
  const params = pairsObject("--param", flags.param ?? []);
  return await withKernel(cli, async (kernel) => {
    const { plan, plan_hash } = await kernel.workflows.plan({ file: resolve(cli.cwd, file) }, { params });
    answer(cli, { plan_hash, plan }, () => planText(plan, plan_hash, { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) }));
    return 0;
  });
}
