import { durationText } from "../../base/duration.ts";
import type { GateView, RunView, StepView } from "../../contracts/run-view.ts";
import { plainText } from "./plain-text.ts";
import { spanText } from "./span-text.ts";
import { statusTone, stepMark } from "./step-marks.ts";
import { type Cell, table, type TableOptions } from "./table.ts";

/** Output artifacts that are listed of one step; `lily artifact list` has the rest. */
const outputsMax = 20;

/** A run as people read it: head, what people did, steps, outputs, gates, routes. */
export function runViewText(view: RunView, options: TableOptions): string {
  const parts = [headText(view, options)];
  if (view.acts !== undefined) {
    const rows = view.acts.map(({ at, by, act, target, reason }) => [at, by, act, target ?? "the run", reason]);
    parts.push(table(["WHEN", "WHO", "DID", "TO", "REASON"], rows, options));
  }
  if (view.steps.length > 0) parts.push(table(["STEP", "STATUS", "ATTEMPTS", "TIME", "WHY"], view.steps.map(stepRow), options));
  const outputs = view.steps.flatMap(outputRows);
  if (outputs.length > 0) parts.push(table(["STEP", "OUTPUT ARTIFACT"], outputs, options));
  if (view.gates.length > 0) parts.push(table(["GATE", "VERDICT", "STEP", "ATTEMPT", "REASON"], view.gates.map(gateRow), options));
  if (view.routes.length > 0) {
    const rows = view.routes.map((route) => [route.route_id ?? "built-in rule", route.action, route.target ?? "-", route.reason]);
    parts.push(table(["ROUTE", "ACTION", "TARGET", "REASON"], rows, options));
  }
  return parts.join("\n\n");
}

function headText(view: RunView, { paint }: TableOptions): string {
  const rows: readonly (readonly [string, string | null])[] = [
    ["title", view.title],
    ["workflow", view.workflow],
    ["reason", view.reason],
    ["created", `${view.created_at}${spanText(view.created_at, view.finished_at)}`],
    ["plan", view.plan_hash],
    ["record", `${view.record.events} events, ${view.record.sealed ? "sealed" : "not sealed"}, head ${view.record.head ?? "none"}`],
    ["folder", view.run_dir],
    ["fork of", view.forked_from === undefined ? null : `${view.forked_from.run_id}, its first ${view.forked_from.events} events`],
    [
      "inputs",
      Object.entries(view.inputs)
        .map(([name, id]) => `${name} = ${id}`)
        .join(", ") || null,
    ],
  ];
  const lines = rows.flatMap(([name, value]) => (value === null ? [] : [`  ${paint("dim", name.padEnd(9))} ${plainText(value)}`]));
  return [`run ${plainText(view.run_id)} ${paint(statusTone(view.status), view.status)}`, ...lines].join("\n");
}

function stepRow(step: StepView): readonly (Cell | string)[] {
  const attempt = step.attempts.at(-1);
  const time = attempt?.duration_ms === undefined || attempt.duration_ms === null ? "-" : durationText(attempt.duration_ms);
  const why = whyText(step);
  return [step.step_id, { text: step.status, tone: stepMark(step.status).tone }, String(step.attempts.length), time, why];
}

/** Verdicts of what is reused are those of the run that did it: a result with a required gate that failed is never reused. */
function whyText({ attempts, reused_from: from }: StepView): string {
  if (from !== undefined)
    return `reused from run ${from.run_id} attempt ${from.attempt}, where its required gates passed; every verdict, optional ones too: lily run show ${from.run_id}`;
  const error = attempts.at(-1)?.error ?? null;
  return error === null ? "" : `${error.code}: ${error.reason}`;
}

function outputRows({ step_id, produced_artifact_ids: ids }: StepView): readonly (readonly string[])[] {
  const rows = ids.slice(0, outputsMax).map((id) => [step_id, id]);
  return ids.length > outputsMax ? [...rows, [step_id, `... and ${ids.length - outputsMax} more`]] : rows;
}

function gateRow(gate: GateView): readonly (Cell | string)[] {
  const verdict = `${gate.status}${gate.required ? "" : " (optional)"}${gate.dry_run === true ? " (dry run)" : ""}${gate.replaced === true ? " (again, on a replacement)" : ""}`;
  return [gate.gate_id, { text: verdict, tone: statusTone(gate.status) }, gate.step_id ?? "run", String(gate.attempt), gate.reason ?? ""];
}
