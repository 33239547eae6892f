import { buildCommand } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parseCount, parseFilePair, parseNote, parsePair, parseText } from "../parse-values.ts";
import { artifactArgument, runArgument } from "../positionals.ts";
import { adapt } from "../stricli-context.ts";

const reasonFlag = { kind: "parsed", parse: parseNote, brief: "Why; recorded", placeholder: "TEXT" } as const;
const unblockFlag = { kind: "parsed", parse: parseNote, brief: "Why a blocked run may go on; recorded", placeholder: "REASON", optional: true } as const;
const parallelFlag = {
  kind: "parsed",
  parse: parseCount,
  brief: "Steps at once; default: as the run was started",
  placeholder: "N",
  optional: true,
} as const;
const fromFlag = {
  kind: "parsed",
  parse: parseText,
  brief: "Step to do again, with all that needs it; repeat for more",
  placeholder: "STEP",
  variadic: true,
} as const;

export const runRerunRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-rerun.ts")).runRerun),
  parameters: {
    flags: { from: fromFlag, reason: reasonFlag, unblock: unblockFlag, parallel: parallelFlag },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs(
    "Do steps of a run again",
    "The steps and all that needs them are done again as new attempts of the same run; what comes before them stays as it is.\nEvery earlier attempt, its logs, outputs and verdicts, stays readable. The plan and its code must be what they were.\nExits as lily run start does; 3 when the run does not rest, or is INCOMPLETE.",
    [
      ["lily run rerun latest --from clean --reason 'the source was mended'", "the step and its dependents"],
      ["lily run rerun 0197a --from fetch --from rates --reason 'new prices' --unblock 'looked at'", "two steps of a blocked run"],
    ],
  ),
});

export const artifactReplaceRoute = buildCommand({
  loader: async () => adapt((await import("../commands/artifact-replace.ts")).artifactReplace),
  parameters: {
    flags: {
      reason: reasonFlag,
      run: { kind: "parsed", parse: parseText, brief: "Run that stands on it, when several do", placeholder: "RUN", optional: true },
      unblock: unblockFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        { ...artifactArgument, brief: "Id, or a unique prefix, of a current output or input of a run" },
        { brief: "File to put in its place, or the id of an artifact", placeholder: "FILE", parse: parseText },
      ],
    },
  },
  docs: commandDocs(
    "Put another artifact in the place of one that a run stands on",
    "What was made from the original is done again; the step that made it keeps the replacement, and its gates judge it again.\nThe replacement must fit the schema of what it replaces. Original and replacement both stay in the record.\nA command that reads the file where it lies, and not by reference, finds there what you put there.",
    [
      ["lily artifact replace art_3f2a mended.json --reason 'a wrong unit in row 7'", "an output that a person mended"],
      ["lily artifact replace art_3f2a art_90bc --reason 'the newer table' --run 0197a", "by an artifact that is kept already"],
    ],
  ),
});

export const runGatesRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-gates.ts")).runGates),
  parameters: {
    flags: {
      judgeOnly: { kind: "boolean", brief: "The dry run: judge on what is stored, change nothing", default: false, withNegated: false },
      gate: { kind: "parsed", parse: parseText, brief: "Only this gate", placeholder: "GATE", optional: true },
      step: { kind: "parsed", parse: parseText, brief: "Only gates of this step", placeholder: "STEP", optional: true },
    },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs(
    "Judge the gates of a run again, as a dry run",
    "Judges gates on what a run has stored: in a fresh folder, in a sandbox where there is one. No step runs and no state changes;\nthe verdicts are recorded, marked as a dry run, and count for nothing. A gate whose inputs do not exist is skipped, and says why.\nExits 1 when a required gate that was judged did not pass.",
    [
      ["lily run gates latest --judge-only", "every gate of a run that rests"],
      ["lily run gates 0197a --judge-only --step clean --gate rows", "one gate"],
    ],
  ),
});

const repeated = { kind: "parsed", variadic: true, optional: true } as const;

export const runForkRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-fork.ts")).runFork),
  parameters: {
    flags: {
      from: fromFlag,
      reason: reasonFlag,
      file: { kind: "parsed", parse: parseText, brief: "Go on with another workflow; kept steps must be the same in it", placeholder: "FILE", optional: true },
      param: { ...repeated, parse: parsePair, brief: "Parameter of that workflow; repeat for more", placeholder: "name=value" },
      input: { ...repeated, parse: parseFilePair, brief: "Input of that workflow; repeat for more", placeholder: "name=FILE" },
      parallel: { ...parallelFlag, brief: "Steps at once; default: the number of processors" },
      title: { kind: "parsed", parse: parseNote, brief: "Title of the new run", placeholder: "TEXT", optional: true },
    },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs(
    "Start a new run that shares the beginning of another",
    "Shares the events before the first that did the step or what needs it: what had succeeded in them stands in, everything else is done.\nThe new record proves what it shares; lily record verify compares it with the run it comes from. That run is only read:\nit may have failed, or be INCOMPLETE when the security state is OPERATIONAL again. Exits as lily run start does.",
    [
      ["lily run fork latest --from report --reason 'another layout'", "the same plan, done again from report on"],
      ["lily run fork 0197a --from report --file mended.yaml --reason 'a mended step'", "with a workflow whose later steps differ"],
    ],
  ),
});
