import { buildCommand } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parseText } from "../parse-values.ts";
import { runArgument } from "../positionals.ts";
import { adapt } from "../stricli-context.ts";

export const runReportRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-report.ts")).runReport),
  parameters: {
    flags: {
      out: { kind: "parsed", parse: parseText, brief: "File to write; default: report-ID.html in the working directory", placeholder: "FILE", optional: true },
      force: { kind: "boolean", brief: "Replace the file when it exists", default: false, withNegated: false },
    },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs(
    "Write a page about a run that checks itself",
    "Writes one HTML file that needs no network: the story of the run, timeline, graph, gates, side effects, rollback guidance and the record\nitself, which the page checks again when it is opened. Works for every run, also one that goes on, failed, or whose record is damaged.",
    [
      ["lily run report latest", "writes report-ID.html here, ID being the first part of the run's id"],
      ["lily run report latest --out review.html", "to send to somebody"],
      ["lily run report 0197a --json", "path and size, for a program"],
    ],
  ),
});
