import { buildCommand, buildRouteMap } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parseCount, parseFilePair, parseNote, parsePair, parsePlanHash, parseText } from "../parse-values.ts";
import { fileArgument, runArgument } from "../positionals.ts";
import { runForkRoute, runGatesRoute, runRerunRoute } from "./replay-routes.ts";
import { proposeRuns } from "../propose-runs.ts";
import { auditRunRoutes } from "./audit-routes.ts";
import { adapt } from "../stricli-context.ts";
import { runReportRoute } from "./report-routes.ts";
import { runWhyRoute } from "./why-routes.ts";
import { runStatuses } from "../../contracts/run-view.ts";

const parallelFlag = {
  kind: "parsed",
  parse: parseCount,
  brief: "Steps at once; default: the number of processors",
  placeholder: "N",
  optional: true,
} as const;

export const runNewRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-new.ts")).runNew),
  parameters: {
    flags: {
      workOrder: { kind: "parsed", parse: parseText, brief: "File that says what was ordered; kept as an artifact", placeholder: "FILE", optional: true },
      title: { kind: "parsed", parse: parseNote, brief: "Title of the run", placeholder: "TEXT", optional: true },
    },
  },
  docs: commandDocs("Create a run without starting it", "Creates identity and manifest only. Continue it with lily run start FILE --run RUN.", [
    ["lily run new --title 'nightly load'", "prints the id of the new run"],
    ["lily run new --work-order order.json", "attaches the order before the manifest names it"],
  ]),
});

export const runStartRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-start.ts")).runStart),
  parameters: {
    flags: {
      param: {
        kind: "parsed",
        parse: parsePair,
        brief: "Parameter of the workflow; repeat for more",
        placeholder: "name=value",
        variadic: true,
        optional: true,
      },
      input: {
        kind: "parsed",
        parse: parseFilePair,
        brief: "Input file in place of the document's; repeat for more",
        placeholder: "name=FILE",
        variadic: true,
        optional: true,
      },
      parallel: parallelFlag,
      run: {
        kind: "parsed",
        parse: parseText,
        proposeCompletions: proposeRuns,
        brief: "Continue a run made by lily run new",
        placeholder: "RUN",
        optional: true,
      },
      planHash: { kind: "parsed", parse: parsePlanHash, brief: "Refuse when the plan has another digest", placeholder: "DIGEST", optional: true },
      title: { kind: "parsed", parse: parseNote, brief: "Title of the run", placeholder: "TEXT", optional: true },
      noReuse: { kind: "boolean", brief: "Do every step, also pure ones whose inputs did not change", default: false, withNegated: false },
    },
    positional: { kind: "tuple", parameters: [fileArgument] },
  },
  docs: commandDocs(
    "Run a workflow",
    "Compiles the plan, captures environment and source, runs the steps and judges the gates.\nExits 0 when the run succeeded, 1 when it failed, 3 when an escalation of the security state left it INCOMPLETE or it was\nrefused, 75 when it waits for a person, 130 when it was canceled.",
    [
      ["lily run start weather.yaml", "runs with the document's defaults"],
      ["lily run start weather.yaml --param year=2014 --input csv=data/other.csv", "other parameters and input"],
      ["lily run start weather.yaml --json > run.json", "one JSON document on stdout, progress on stderr"],
    ],
  ),
});

export const runListRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-list.ts")).runList),
  parameters: {
    flags: {
      status: { kind: "enum", values: runStatuses, brief: "Only runs with this status", optional: true },
      limit: { kind: "parsed", parse: parseCount, brief: "At most this many, newest first", placeholder: "N", default: "50" },
    },
  },
  docs: commandDocs("List runs, newest first", "Lists the runs of the workspace.", [
    ["lily run list", "the last 50 runs"],
    ["lily run list --status failed --limit 5 --json", "the last failures, for a program"],
  ]),
});

export const runShowRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-show.ts")).runShow),
  parameters: { positional: { kind: "tuple", parameters: [runArgument] } },
  docs: commandDocs("Show a run: steps, gates, routes, record", "Shows what the record of a run says. Always exits 0 when the run exists.", [
    ["lily run show latest", "the newest run"],
    ["lily run show 0197a --json", "by a prefix of its id"],
  ]),
});

export const runWatchRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-watch.ts")).runWatch),
  parameters: {
    flags: { jsonl: { kind: "boolean", brief: "One event a line as it happens, in place of one document", default: false, withNegated: false } },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs(
    "Follow a run until it rests",
    "Follows a run that any process leads. Ctrl-C stops watching; the run goes on. Exits as lily run start does.",
    [
      ["lily run watch latest", "a live table on a terminal, plain lines elsewhere"],
      ["lily run watch latest --jsonl", "each event as one line of JSON"],
    ],
  ),
});

export const runLogsRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-logs.ts")).runLogs),
  parameters: {
    flags: {
      step: { kind: "parsed", parse: parseText, brief: "Only this step", placeholder: "STEP", optional: true },
      gate: { kind: "parsed", parse: parseText, brief: "Only this gate; with --step, both", placeholder: "GATE", optional: true },
      attempt: { kind: "parsed", parse: parseCount, brief: "Only this attempt", placeholder: "N", optional: true },
      stdout: { kind: "boolean", brief: "Only standard output", default: false, withNegated: false },
      stderr: { kind: "boolean", brief: "Only standard error", default: false, withNegated: false },
      raw: { kind: "boolean", brief: "Bytes as they were written: no headings, control characters not escaped", default: false, withNegated: false },
    },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs("Print the logs of a run", "Prints what the attempts of a run wrote. Control characters are shown as escapes unless --raw is given.", [
    ["lily run logs latest", "every log of the newest run"],
    ["lily run logs latest --step clean --attempt 2 --stderr", "one stream of one attempt"],
    ["lily run logs latest --gate rows", "why a gate failed"],
    ["lily run logs latest --json", "paths and sizes only"],
  ]),
});

export const runResumeRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-resume.ts")).runResume),
  parameters: {
    flags: {
      unblock: { kind: "parsed", parse: parseNote, brief: "Why a blocked run may go on; recorded", placeholder: "REASON", optional: true },
      parallel: parallelFlag,
    },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs(
    "Continue a run after a crash, or a blocked one",
    "Folds the record, marks what was in flight as interrupted and continues by the retry policy.",
    [
      ["lily run resume latest", "after a crash or a full disk"],
      ["lily run resume 0197a --unblock 'checked by hand'", "after an escalation"],
    ],
  ),
});

export const runCancelRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-cancel.ts")).runCancel),
  parameters: {
    flags: { reason: { kind: "parsed", parse: parseNote, brief: "Recorded with the request", placeholder: "TEXT", default: "canceled from the command line" } },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs("Cancel a run", "Ends the processes of the run first, then records RUN_CANCELED. Exits 3 when the run had already ended otherwise.", [
    ["lily run cancel latest --reason 'wrong input'", "also when another process leads the run"],
  ]),
});

export const runRoutes = buildRouteMap({
  routes: {
    new: runNewRoute,
    start: runStartRoute,
    list: runListRoute,
    show: runShowRoute,
    watch: runWatchRoute,
    logs: runLogsRoute,
    why: runWhyRoute,
    report: runReportRoute,
    resume: runResumeRoute,
    rerun: runRerunRoute,
    fork: runForkRoute,
    gates: runGatesRoute,
    cancel: runCancelRoute,
    ...auditRunRoutes,
  },
  docs: { brief: "Start, follow, inspect, resume and cancel runs" },
});
