/** What a comparison of two runs says, for people. */
import { durationText } from "../../base/duration.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { plainText } from "./plain-text.ts";
import { type Cell, table, type TableOptions } from "./table.ts";

export type RunComparison = Awaited<ReturnType<Kernel["audit"]["diff"]>>;
export type Reproduction = Awaited<ReturnType<Kernel["runs"]["reproduce"]>>;
type ComparedStep = RunComparison["steps"][number];

export function comparisonText(diff: RunComparison, options: TableOptions): string {
  const parts = [headText(diff, options)];
  if (diff.changes.length > 0) parts.push(table(["DIFFERS", "NAME", "A", "B"], diff.changes.map(changeRow), options));
  if (diff.steps.length > 0) parts.push(table(["STEP", "VERDICT", "A", "B", "TIME A", "TIME B", "WHY"], diff.steps.map(stepRow), options));
  const gates = diff.gates.filter((gate) => gate.a !== gate.b || gate.metrics.length > 0);
  if (gates.length > 0)
    parts.push(
      table(
        ["GATE", "A", "B", "METRICS"],
        gates.map((gate) => [gate.gate, gate.a ?? "-", gate.b ?? "-", gate.metrics.join(", ")]),
        options,
      ),
    );
  parts.push(...divergenceText(diff));
  return parts.join("\n\n");
}

function headText(diff: RunComparison, { paint }: TableOptions): string {
  const side = (name: "a" | "b"): string => {
    const { run_id, workflow, status, duration_ms, security } = diff[name];
    const time = duration_ms === null ? "" : `, ${durationText(duration_ms)}`;
    return `  ${name.toUpperCase()}  run ${plainText(run_id)} of ${plainText(workflow ?? "no plan")}: ${status}${time}, security ${security.before ?? "not recorded"} -> ${security.after ?? "not recorded"}`;
  };
  const { shared } = diff;
  const lines = [diff.same ? paint("good", "the runs are the same") : paint("warn", "the runs differ"), side("a"), side("b")];
  if (shared !== null) {
    const [fork, origin] = shared.fork === "a" ? ["A", "B"] : ["B", "A"];
    const proof = shared.proven ? "the record of the other has the same head there" : "the record of the other does not show it";
    lines.push(
      `  ${fork} was forked from ${origin} and shares its first ${shared.events} events (${proof}); begun anew: ${plainText(shared.step_ids.join(", "))}`,
    );
  }
  return lines.join("\n");
}

function changeRow(change: RunComparison["changes"][number]): readonly string[] {
  return [change.kind, change.name, change.a ?? "-", change.b ?? "-"];
}

function stepRow(step: ComparedStep): readonly (Cell | string)[] {
  const side = (one: ComparedStep["a"]): string => (one === null ? "-" : one.reused_from === null ? one.status : `reused from ${one.reused_from}`);
  const time = (one: ComparedStep["a"]): string => (one === null || one.duration_ms === null ? "-" : durationText(one.duration_ms));
  const tone = step.same ? "good" : "bad";
  return [step.step_id, { text: step.verdict.replaceAll("_", " "), tone }, side(step.a), side(step.b), time(step.a), time(step.b), step.reason ?? ""];
}

function divergenceText({ first_divergence: first, steps }: RunComparison): readonly string[] {
  if (first === null) return steps.length === 0 ? [] : ["no step diverged"];
  const why = causesText(first.causes) || "\n  nothing that was recorded differs: the step itself gives other results";
  return [`first to diverge: step ${plainText(first.step_id)}: ${plainText(first.reason)}${why}`];
}

/** What a person put in the place of an output is told as that: it is no result of the step. */
function causesText(causes: RunComparison["changes"]): string {
  const replaced = causes.filter((cause) => cause.kind === "replacement");
  const others = causes.filter((cause) => cause.kind !== "replacement");
  const lines = replaced.map(({ name, a, b }) => `output ${name} was replaced by a person: ${a ?? "the step's own"} -> ${b ?? "the step's own"}`);
  if (others.length > 0) lines.push(`what differs before it: ${others.map((cause) => `${cause.kind} ${cause.name}`).join(", ")}`);
  return lines.map((line) => `\n  ${plainText(line)}`).join("");
}

function reproductionVerdict({ reproducible, runs }: Reproduction, paint: TableOptions["paint"]): string {
  if (reproducible === false) return paint("bad", "not reproducible as it stands");
  if (reproducible === true) return paint("good", "every step that can be compared gave the same results");
  return paint("warn", runs.length === 0 ? "nothing is known: the new run was interrupted" : "no step differed, and the last run was interrupted");
}

export function reproductionText(found: Reproduction, options: TableOptions): string {
  const { paint } = options;
  const verdict = reproductionVerdict(found, paint);
  const runs = found.runs.map((run) => `  again  run ${plainText(run.run_id)}: ${run.status}`);
  const rows = found.steps.map((step): readonly (Cell | string)[] => [
    step.step_id,
    step.reproducible === null ? "nothing to compare" : { text: step.reproducible ? "reproducible" : "differs", tone: step.reproducible ? "good" : "bad" },
    step.verdicts.map((one) => one.replaceAll("_", " ")).join(", "),
    step.reason ?? "",
  ]);
  const { first_difference: first, interrupted } = found;
  const where =
    first === null
      ? []
      : [
          plainText(
            `first to differ: step ${first.step_id}${first.output === null ? "" : `, output ${first.output}`}, in run ${first.run_id}: ${first.reason}`,
          ) + causesText(first.causes),
        ];
  const changes = found.changes.length === 0 ? [] : [table(["NOT AS IT WAS", "NAME", "THEN", "NOW"], found.changes.map(changeRow), options)];
  const stopped =
    interrupted === null
      ? []
      : [
          `  again  run ${plainText(interrupted.run_id)}: ${interrupted.run_status}, not compared: what was stopped shows nothing`,
          ...(interrupted.reason === null ? [] : [`         ${plainText(interrupted.reason)}`]),
        ];
  return [
    [`run ${plainText(found.run_id)}: ${verdict}`, ...runs, ...stopped].join("\n"),
    ...(rows.length === 0 ? [] : [table(["STEP", "RESULT", "VERDICTS", "WHY"], rows, options)]),
    ...changes,
    ...where,
  ].join("\n\n");
}
