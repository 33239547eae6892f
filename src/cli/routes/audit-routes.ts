import { buildCommand, buildRouteMap } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parseCount, parseText } from "../parse-values.ts";
import { runArgument } from "../positionals.ts";
import { adapt } from "../stricli-context.ts";

const rollbackPlanRoute = buildCommand({
  loader: async () => adapt((await import("../commands/rollback-plan.ts")).rollbackPlan),
  parameters: { positional: { kind: "tuple", parameters: [runArgument] } },
  docs: commandDocs(
    "Show what a person may undo of a run, and how",
    "Says whether a rollback by hand is possible, with the hints of the workflow, the steps that cannot be undone and a checklist.\nLily executes none of it. Exits 0 whatever the guidance says.",
    [
      ["lily rollback plan latest", "guidance for the newest run"],
      ["lily rollback plan 0197a --json", "as rollback_scaffold.v1, for a program"],
    ],
  ),
});

const rollbackConfirmRoute = buildCommand({
  loader: async () => adapt((await import("../commands/rollback-confirm.ts")).rollbackConfirm),
  parameters: { positional: { kind: "tuple", parameters: [runArgument] } },
  docs: commandDocs(
    "Ask a person to confirm the guidance; executes nothing",
    "Shows the guidance and asks. Only yes, typed in full, confirms: at the prompt, or as the first line of standard input.\nThe answer is all there is: nothing is executed and nothing is recorded. Exits 0 when confirmed, 3 when not.",
    [
      ["lily rollback confirm latest", "asks on the terminal"],
      ["echo yes | lily rollback confirm latest --json", "for a program that asked a person itself"],
    ],
  ),
});

export const rollbackRoutes = buildRouteMap({
  routes: { plan: rollbackPlanRoute, confirm: rollbackConfirmRoute },
  docs: { brief: "Guidance for undoing a run by hand; never executed" },
});

const runSummaryRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-summary.ts")).runSummary),
  parameters: {
    flags: {
      all: { kind: "boolean", brief: "A table of runs, newest first, in place of one run", default: false, withNegated: false },
      workflow: { kind: "parsed", parse: parseText, brief: "The table for runs of this workflow", placeholder: "ID", optional: true },
      limit: { kind: "parsed", parse: parseCount, brief: "At most this many in the table", placeholder: "N", default: "20" },
    },
    positional: { kind: "tuple", parameters: [{ ...runArgument, optional: true }] },
  },
  docs: commandDocs(
    "Summarise a run for an operator, or the trend of many",
    "Outcome, counts of steps, attempts and gates, security before and after, side effects, and the digest of the execution record.",
    [
      ["lily run summary latest", "one run"],
      ["lily run summary --workflow weather", "how outcome, duration, attempts and gate metrics went, run by run"],
      ["lily run summary --all --limit 50 --json", "the newest runs, for a program"],
    ],
  ),
});

const runIrreversibleRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-irreversible.ts")).runIrreversible),
  parameters: { positional: { kind: "tuple", parameters: [runArgument] } },
  docs: commandDocs(
    "List what a run did that cannot be undone",
    "Completed steps with an effect that is irreversible, or of which nobody knows, as declared in the workflow or observed.",
    [["lily run irreversible latest", "the newest run"]],
  ),
});

const runDiffRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-diff.ts")).runDiff),
  parameters: { positional: { kind: "tuple", parameters: [runArgument, { ...runArgument, brief: "The run to compare it with" }] } },
  docs: commandDocs(
    "Compare two runs: what differed, and from which step on",
    "Compares plan, inputs, environment, outcome, gates and the content of every output. Times, ids and durations never count.\nExits 0 when the runs are the same, 1 when they differ.",
    [
      ["lily run diff 0197a latest", "what changed since then"],
      ["lily run diff 0197a 0197b --json", "for a program"],
    ],
  ),
});

const runReproduceRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-reproduce.ts")).runReproduce),
  parameters: {
    flags: {
      times: { kind: "parsed", parse: parseCount, brief: "How often to do it again", placeholder: "N", default: "1" },
      parallel: { kind: "parsed", parse: parseCount, brief: "Steps at once; default: the number of processors", placeholder: "N", optional: true },
    },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs(
    "Do a run again and compare the results",
    "Runs the same plan on the stored inputs, as new runs and without reuse, and says which steps gave the same results.\nCode that is not what the plan bound is refused and named. Exits 0 when all is reproducible, 1 when something differs.\nA new run that was stopped is not compared: it shows nothing. Exits 3 when an escalation stopped it, 130 when it was canceled.",
    [
      ["lily run reproduce latest", "once"],
      ["lily run reproduce 0197a --times 5 --json", "often enough to see what varies"],
    ],
  ),
});

/** Named again here, because a command is loaded when it runs. */
const exportFormats = ["chrome-trace", "provenance-json", "dot", "mermaid", "execution-record"] as const;

const runExportRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-export.ts")).runExport),
  parameters: {
    flags: {
      format: { kind: "enum", values: exportFormats, brief: "What to write" },
      out: { kind: "parsed", parse: parseText, brief: "File to write; default: standard output", placeholder: "FILE", optional: true },
      force: { kind: "boolean", brief: "Replace the file when it exists", default: false, withNegated: false },
    },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs(
    "Write a run in the form of another tool",
    "chrome-trace opens in Perfetto, provenance-json is PROV-JSON, dot and mermaid draw who made what from what, execution-record is the\nexecution_record.v1 of the run.",
    [
      ["lily run export latest --format chrome-trace --out trace.json", "open it at ui.perfetto.dev"],
      ["lily run export latest --format execution-record --out record.json", "for an archive"],
      ["lily run export latest --format dot", "for Graphviz"],
    ],
  ),
});

/** Commands of the group `run` that look at what was recorded; `reproduce` alone runs anything. */
export const auditRunRoutes = {
  summary: runSummaryRoute,
  irreversible: runIrreversibleRoute,
  diff: runDiffRoute,
  export: runExportRoute,
  reproduce: runReproduceRoute,
} as const;
