/** A plan as text for people and tools: a table, Graphviz DOT, Mermaid, or JSON. Step order is the order in which they could run one by one. */
import { unreachable } from "../base/assert.ts";
import type { PlanDocument, PlanExecutor, PlanGate, PlanRoute, PlanStep } from "../contracts/plan-document.ts";
import { stepOrder } from "./step-order.ts";

export const pictureFormats = ["table", "dot", "mermaid", "json"] as const;
export type PictureFormat = (typeof pictureFormats)[number];

const commandLengthMax = 60;

export function workflowPicture(plan: PlanDocument, format: PictureFormat): string {
  switch (format) {
    case "table":
      return tableText(plan);
    case "dot":
      return dotText(plan);
    case "mermaid":
      return mermaidText(plan);
    case "json":
      return `${JSON.stringify(pictureOf(plan), null, 2)}\n`;
    default:
      return unreachable(format);
  }
}

function orderedSteps(plan: PlanDocument): readonly PlanStep[] {
  const order = stepOrder(plan.steps);
  const byId = new Map(plan.steps.map((step) => [step.id, step]));
  return order.kind === "ordered" ? order.ids.flatMap((id) => byId.get(id) ?? []) : plan.steps;
}

function tableText(plan: PlanDocument): string {
  const rows = orderedSteps(plan).map((step, index) => [
    String(index + 1),
    step.id,
    commandText(step.executor),
    listText(step.needs),
    listText(Object.keys(step.outputs)),
    listText(step.gates.map(gateText)),
  ]);
  const header = ["#", "step", "runs", "needs", "outputs", "gates"];
  const widths = header.map((title, column) => [header, ...rows].reduce((width, row) => Math.max(width, (row[column] ?? title).length), 0));
  const lines = [header, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  if (plan.gates.length > 0) lines.push("", `gates of the run: ${plan.gates.map(gateText).join(", ")}`);
  if (plan.routes.length > 0) lines.push("", ...plan.routes.map((route) => `route ${route.id}: ${routeText(route)}`));
  return `${lines.join("\n")}\n`;
}

function routeText(route: PlanRoute): string {
  const { step, gate, status, violation } = route.when;
  const when = [step === null ? "" : `step ${step}`, gate === null ? "" : `gate ${gate}`, status ?? "", violation === true ? "violation" : ""].filter(
    (part) => part !== "",
  );
  const action = route.do;
  const does = action.kind === "goto" ? `goto ${action.target}, at most ${action.max}` : action.kind === "retry" ? `retry, at most ${action.max}` : action.kind;
  return `when ${when.length === 0 ? "anything fails" : when.join(" ")}: ${does}`;
}

function dotText(plan: PlanDocument): string {
  const lines = [`digraph "${plan.workflow}" {`, "  rankdir=LR;", "  node [shape=box, fontname=Helvetica];"];
  for (const step of plan.steps) lines.push(`  "${step.id}" [label="${labelParts(step).join("\\n")}"];`);
  for (const step of plan.steps) for (const need of step.needs) lines.push(`  "${need}" -> "${step.id}";`);
  for (const { from, to, label } of jumps(plan)) lines.push(`  "${from}" -> "${to}" [style=dashed, constraint=false, label="${label}"];`);
  return `${[...lines, "}"].join("\n")}\n`;
}

function mermaidText(plan: PlanDocument): string {
  const names = new Map(plan.steps.map((step, index) => [step.id, `s${index}`]));
  const nameOf = (id: string) => names.get(id) ?? "unknown";
  const lines = ["flowchart LR"];
  for (const step of plan.steps) lines.push(`  ${nameOf(step.id)}["${labelParts(step).join("<br/>")}"]`);
  for (const step of plan.steps) for (const need of step.needs) lines.push(`  ${nameOf(need)} --> ${nameOf(step.id)}`);
  for (const { from, to, label } of jumps(plan)) lines.push(`  ${nameOf(from)} -. ${label} .-> ${nameOf(to)}`);
  return `${lines.join("\n")}\n`;
}

/** Identifiers only: nothing in a label needs quoting in any of the formats. */
function labelParts(step: PlanStep): readonly string[] {
  return [step.id, ...step.gates.map((gate) => `gate ${gate.id}`)];
}

/** `goto` routes whose condition names where they start. */
function jumps(plan: PlanDocument): readonly { readonly from: string; readonly to: string; readonly label: string }[] {
  const owners = new Map(plan.steps.flatMap((step) => step.gates.map((gate) => [gate.id, step.id] as const)));
  return plan.routes.flatMap(({ id, when, do: action }) => {
    const from = when.step ?? (when.gate === null ? undefined : owners.get(when.gate));
    return action.kind === "goto" && from !== undefined ? [{ from, to: action.target, label: id }] : [];
  });
}

function pictureOf(plan: PlanDocument) {
  const steps = orderedSteps(plan);
  return {
    workflow: plan.workflow,
    title: plan.title,
    steps: steps.map(({ id, executor, needs, outputs, gates }) => ({
      id,
      executor: executor.kind,
      needs,
      outputs: Object.keys(outputs),
      gates: gates.map((gate) => gate.id),
    })),
    edges: [
      ...steps.flatMap((step) => step.needs.map((need) => ({ from: need, to: step.id, kind: "needs", route: null }))),
      ...jumps(plan).map(({ from, to, label }) => ({ from, to, kind: "goto", route: label })),
    ],
    gates: plan.gates.map((gate) => gate.id),
  };
}

function commandText(executor: PlanExecutor): string {
  const text =
    executor.kind === "process" ? executor.argv.map(argText).join(" ") : executor.kind === "shell" ? `sh: ${executor.text}` : `module ${executor.module}`;
  const safe = text.replace(/\p{C}/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
  return safe.length > commandLengthMax ? `${safe.slice(0, commandLengthMax - 3)}...` : safe;
}

function argText(item: string): string {
  return /^[\w./:=@%+,${}-]+$/.test(item) ? item : JSON.stringify(item);
}

function gateText(gate: PlanGate): string {
  return gate.required ? gate.id : `${gate.id} (optional)`;
}

function listText(items: readonly string[]): string {
  return items.length === 0 ? "-" : items.join(", ");
}
