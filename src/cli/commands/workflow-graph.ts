import { resolve } from "node:path";
import type { PlanDocument } from "../../contracts/plan-document.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { pairsObject } from "../parse-values.ts";
import { type DrawnGraph, drawGraph, type GraphFormat } from "../render/draw-graph.ts";
import { paintFor } from "../render/paint.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

export interface WorkflowGraphFlags {
  readonly param?: readonly (readonly [string, string])[];
  readonly format: GraphFormat;
}

export async function workflowGraph(cli: CliContext, flags: WorkflowGraphFlags, file: string): Promise<number> {
  const params = pairsObject("--param", flags.param ?? []);
  return await withKernel(cli, async (kernel) => {
    const { plan } = await kernel.workflows.plan({ file: resolve(cli.cwd, file) }, { params });
    const graph = planGraph(plan);
    answer(cli, graph, () => drawGraph(graph, flags.format, { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) }));
    return 0;
  });
}

/** Steps, their gates, what needs what, and where routes lead. */
export function planGraph(plan: PlanDocument): DrawnGraph {
  const steps = plan.steps.map((step) => ({ id: `step/${step.id}`, kind: "step", label: step.title ?? step.id }));
  const stepGates = plan.steps.flatMap((step) => step.gates.map((gate) => ({ step: step.id, gate })));
  const gates = [...stepGates.map(({ gate }) => gate), ...plan.gates].map((gate) => ({
    id: `gate/${gate.id}`,
    kind: "gate",
    label: gate.required ? gate.id : `${gate.id} (optional)`,
  }));
  return {
    nodes: [...steps, ...gates],
    edges: [
      ...plan.steps.flatMap((step) => step.needs.map((need) => ({ from: `step/${need}`, to: `step/${step.id}`, kind: "then" }))),
      ...stepGates.map(({ step, gate }) => ({ from: `step/${step}`, to: `gate/${gate.id}`, kind: "judged by" })),
      ...plan.routes.flatMap((route) => {
        const from = route.when.gate === null ? (route.when.step === null ? null : `step/${route.when.step}`) : `gate/${route.when.gate}`;
        return from === null || route.do.kind !== "goto" ? [] : [{ from, to: `step/${route.do.target}`, kind: `route ${route.id}` }];
      }),
    ],
  };
}
