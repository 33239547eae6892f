/** Texts of an operator's views: summary, irreversible actions, guidance, trend. Everything that came from outside is made safe. */
import { durationText } from "../../base/duration.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { plainText } from "./plain-text.ts";
import { table, type TableOptions } from "./table.ts";

type Answer<Name extends keyof Kernel["audit"]> = Awaited<ReturnType<Kernel["audit"][Name]>>;
export type RunSummary = Answer<"summary">;
export type RollbackScaffold = Answer<"rollback">;
export type IrreversibleActions = Answer<"irreversible">;
type ExecutionRecord = Answer<"record">;
type Paint = TableOptions["paint"];

const mayBeOthers = "Something ran that Lily did not hold: there may be effects that nobody declared and nobody saw.";
const nothingIsDone = "Guidance only. Lily executes none of it.";

export function summaryText(summary: RunSummary, paint: Paint): string {
  const { steps, gates, side_effects: effects, security } = summary;
  const rows: readonly (readonly [string, string | null])[] = [
    ["title", summary.title],
    ["workflow", summary.workflow],
    ["plan", summary.plan_id],
    ["mode", summary.live_mode_state],
    ["reason", summary.completion_reason === "" ? null : summary.completion_reason],
    ["started", summary.timestamp_start],
    ["ended", summary.timestamp_end ?? "not yet"],
    ["duration", summary.duration_ms === null ? null : durationText(summary.duration_ms)],
    [
      "steps",
      `${counts({ completed: steps.completed, reused: steps.reused, failed: steps.failed, skipped: steps.skipped, pending: steps.pending })} of ${steps.planned}`,
    ],
    ["attempts", String(summary.attempts)],
    ["gates", counts(gates)],
    ["metrics", metricsText(summary.metrics)],
    ["breaches", summary.violations === 0 ? null : `${summary.violations} policy violations`],
    ["security", `${security.before ?? "not recorded"} before, ${security.after ?? "not recorded"} after: ${security.change}`],
    ["effects", `${effects.declared} declared, ${effects.observed} observed${effects.unknown ? "; there may be others that nobody saw" : ""}`],
    ["record", `${summary.record.events} events, head ${summary.record.head ?? "none"}`],
    ["digest", summary.execution_hash],
  ];
  return [`run ${plainText(summary.execution_id)} ${paint(tone(summary.status), summary.status)}`, ...lines(rows, paint)].join("\n");
}

export function irreversibleText({ execution_id, actions, unknown_effects }: IrreversibleActions, paint: Paint): string {
  const head = `run ${plainText(execution_id)}: ${actions.length === 0 ? "no completed step has an effect that is known to be irreversible" : `what completed and cannot be undone, or may not be, in ${actions.length} ${actions.length === 1 ? "step" : "steps"}`}`;
  const body = actions.flatMap((action) => [
    `  step ${paint("warn", plainText(action.step))} (${ordinal(action.step_index)}), attempt ${action.attempt}, completed ${action.completed_at}`,
    ...action.effects.map(
      (effect) =>
        `    ${effect.category}: ${plainText(effect.description)} (${effect.seen}, ${effect.reversible === false ? "irreversible" : "nobody knows whether it can be undone"})`,
    ),
  ]);
  const rest = unknown_effects ? [`  ${mayBeOthers}`] : [];
  return [head, ...body, ...rest].join("\n");
}

/** Steps are named, and counted from 1 as people count; the record says what was seen and whether there may be more. */
export function rollbackText(scaffold: RollbackScaffold, record: ExecutionRecord, paint: Paint): string {
  const names = new Map(record.step_events.map((event) => [event.step_index, event.step_name]));
  const { observed, unknown_effects: unknown } = record.side_effects;
  const seen = observed.map(({ step, category, description, reversible }) =>
    plainText(
      `step ${step}: ${category}: ${description} (${reversible === true ? "can be undone" : reversible === false ? "irreversible" : "nobody knows whether it can be undone"})`,
    ),
  );
  const { rollback_hints: hints, irreversible_steps: irreversible } = scaffold;
  const verdict = scaffold.is_rollback_possible ? paint("warn", "possible by hand") : paint("bad", "not possible");
  return [
    `rollback of run ${plainText(scaffold.execution_id)}: ${verdict}`,
    `  ${plainText(scaffold.reason)}`,
    ...section("Warnings", [...scaffold.warnings.map(plainText), ...(unknown ? [mayBeOthers] : [])]),
    ...section("Effects that were observed", seen),
    ...section(
      "Steps that completed with an irreversible or unknown effect",
      irreversible.map((index) => stepText(index, names)),
    ),
    ...section(
      "Hints, as the workflow gives them",
      hints.flatMap((hint) => hintLines(hint, names)),
    ),
    ...section(
      "Checklist",
      scaffold.manual_steps.map((line, index) => `${index + 1}. ${plainText(line)}`),
    ),
    "",
    nothingIsDone,
  ].join("\n");
}

export function trendText(summaries: readonly RunSummary[], options: TableOptions): string {
  if (summaries.length === 0) return "no run";
  const metrics = [...new Set(summaries.flatMap((summary) => Object.keys(summary.metrics)))].sort().slice(0, 6);
  const rows = summaries.map((summary) => [
    summary.timestamp_start,
    summary.execution_id,
    summary.workflow ?? "-",
    { text: summary.status, tone: tone(summary.status) },
    summary.duration_ms === null ? "-" : durationText(summary.duration_ms),
    String(summary.attempts),
    `${summary.gates.passed}/${summary.gates.passed + summary.gates.failed + summary.gates.error}`,
    ...metrics.map((name) => String(summary.metrics[name] ?? "-")),
  ]);
  return table(["STARTED", "RUN", "WORKFLOW", "STATUS", "TIME", "ATTEMPTS", "GATES", ...metrics.map(plainText)], rows, options);
}

function stepText(index: number, names: ReadonlyMap<number, string>): string {
  const name = names.get(index);
  return name === undefined || index < 0 ? ordinal(index) : `step ${plainText(name)} (${ordinal(index)})`;
}

/** -1: what belongs to no step of the plan. */
function ordinal(index: number): string {
  return index < 0 ? "the run" : `number ${index + 1} in the plan`;
}

function hintLines(hint: RollbackScaffold["rollback_hints"][number], names: ReadonlyMap<number, string>): readonly string[] {
  return [
    `${stepText(hint.step_index, names)}: ${plainText(hint.description)}`,
    ...hint.actions.map((action) => `  do       ${plainText(action)}`),
    ...Object.entries(hint.required_inputs).map(([name, value]) => `  needs    ${plainText(`${name} = ${value}`)}`),
    ...hint.risks.map((risk) => `  risk     ${plainText(risk)}`),
    ...(hint.estimated_duration === null ? [] : [`  takes    ${plainText(hint.estimated_duration)}`]),
  ];
}

function section(title: string, body: readonly string[]): readonly string[] {
  return body.length === 0 ? [] : ["", `${title}:`, ...body.map((line) => `  ${line}`)];
}

function lines(rows: readonly (readonly [string, string | null])[], paint: Paint): readonly string[] {
  return rows.flatMap(([name, value]) => (value === null ? [] : [`  ${paint("dim", name.padEnd(9))} ${plainText(value)}`]));
}

function counts(of: Readonly<Record<string, number>>): string {
  const parts = Object.entries(of).flatMap(([name, count]) => (count === 0 ? [] : [`${count} ${name}`]));
  return parts.length === 0 ? "0" : parts.join(", ");
}

function metricsText(metrics: Readonly<Record<string, number>>): string | null {
  const parts = Object.entries(metrics).map(([name, value]) => `${name} = ${value}`);
  return parts.length === 0 ? null : parts.join(", ");
}

function tone(status: RunSummary["status"]): "good" | "bad" | "warn" | "dim" {
  switch (status) {
    case "COMPLETED":
      return "good";
    case "FAILED":
    case "INCOMPLETE":
      return "bad";
    case "COMPLETED_PARTIAL":
      return "warn";
    case "STARTED":
      return "dim";
  }
}
