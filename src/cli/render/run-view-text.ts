import { durationText } from "../../base/duration.ts";
import type { GateView, RunView, StepView } from "../../contracts/run-view.ts";
import { plainText } from "./plain-text.ts";
import { spanText } from "./span-text.ts";
import { statusTone, stepMark } from "./step-marks.ts";
import { type Cell, table, type TableOptions } from "./table.ts";

/** A run as people read it: head, steps, gates, routes. */
export function runViewText(view: RunView, options: TableOptions): string {
  const parts = [headText(view, options)];
  if (view.steps.length > 0) parts.push(table(["STEP", "STATUS", "ATTEMPTS", "TIME", "WHY"], view.steps.map(stepRow), options));
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
  const why = attempt?.error === undefined || attempt.error === null ? "" : `${attempt.error.code}: ${attempt.error.reason}`;
  return [step.step_id, { text: step.status, tone: stepMark(step.status).tone }, String(step.attempts.length), time, why];
}

function gateRow(gate: GateView): readonly (Cell | string)[] {
  const verdict = `${gate.status}${gate.required ? "" : " (optional)"}${gate.dry_run === true ? " (dry run)" : ""}`;
  return [gate.gate_id, { text: verdict, tone: statusTone(gate.status) }, gate.step_id ?? "run", String(gate.attempt), gate.reason ?? ""];
}
