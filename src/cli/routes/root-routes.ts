import { buildCommand, buildRouteMap } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parseEnvironmentName, parseNote, parseSecretName, parseText, parseTimeout } from "../parse-values.ts";
import { adapt } from "../stricli-context.ts";
import { artifactRoutes } from "./artifact-routes.ts";
import { rollbackRoutes } from "./audit-routes.ts";
import { schemaRoutes, workflowRoutes } from "./document-routes.ts";
import { packRoutes } from "./pack-routes.ts";
import { logRoutes, recordRoutes } from "./record-routes.ts";
import { runRoutes } from "./run-routes.ts";
import { securityRoutes } from "./security-routes.ts";

const repeated = { kind: "parsed", variadic: true, optional: true } as const;

const exec = buildCommand({
  loader: async () => adapt((await import("../commands/exec.ts")).exec),
  parameters: {
    flags: {
      in: { ...repeated, parse: parseText, brief: "Files or a folder that the command reads; repeat for more", placeholder: "GLOB" },
      out: { ...repeated, parse: parseText, brief: "Files or a folder that the command must write; repeat for more", placeholder: "GLOB" },
      gate: { ...repeated, parse: parseText, brief: "Command that must exit 0 afterwards; repeat for more", placeholder: "CMD" },
      env: { ...repeated, parse: parseEnvironmentName, brief: "Variable, or pattern as AWS_*, that the command may see", placeholder: "NAME" },
      secret: { ...repeated, parse: parseSecretName, brief: "Variable that it may see and that is never stored or shown", placeholder: "NAME" },
      timeout: { kind: "parsed", parse: parseTimeout, brief: "End it after this time, as 90s or 5m", placeholder: "DURATION", optional: true },
      title: { kind: "parsed", parse: parseNote, brief: "Title of the run; default: the command", placeholder: "TEXT", optional: true },
    },
    positional: { kind: "array", parameter: { brief: "The command and its arguments, after --", placeholder: "COMMAND", parse: (word: string) => word } },
  },
  docs: {
    customUsage: ["[--in GLOB]... [--out GLOB]... [--gate CMD]... [--env NAME]... [--secret NAME]... [--timeout DURATION] [--title TEXT] -- COMMAND [ARG]..."],
    ...commandDocs(
      "Run one command with a record (try this first)",
      "Wraps a command that you already have as a run of one step: same record, same artifacts, same proof.\nIts output passes through and lily exits with its exit code: 1 when it exited 0 but a gate or an output failed, 124 when it ran\nlonger than --timeout, 127 when it could not be started, 130 when it was canceled, 128 and the signal's number when a signal ended it.\nThe command sees PATH, HOME, what --env and --secret name, and LILY_RUN (a marker by which its processes are found), nothing else.\nIts standard input is closed. The command line is recorded as it was typed, so a secret belongs into a variable named with --secret.",
      [
        ["lily exec -- make test", "the smallest run there is"],
        ["lily exec --in 'src/**' --out dist/app.js -- npm run build", "inputs and outputs are kept by digest"],
        ["lily exec --out report.json --gate 'node check.mjs report.json' -- ./report.sh", "a gate decides whether the result counts"],
      ],
    ),
  },
});

const init = buildCommand({
  loader: async () => adapt((await import("../commands/init.ts")).init),
  parameters: {
    positional: { kind: "tuple", parameters: [{ brief: "Folder; default: the working directory", placeholder: "DIR", parse: parseText, optional: true }] },
  },
  docs: commandDocs("Make a workspace here", "Writes lily.yaml (to commit) and .lily/ (ignored by git). Doing it again changes nothing.", [
    ["lily init", "in the working directory"],
  ]),
});

const doctor = buildCommand({
  loader: async () => adapt((await import("../commands/doctor.ts")).doctor),
  parameters: {
    flags: {
      rebuild: { kind: "boolean", brief: "Drop the index and build it again from the records", default: false, withNegated: false },
      recoverAuthority: { kind: "boolean", brief: "Rebuild a lost authority database from the records", default: false, withNegated: false },
      acceptRollback: {
        kind: "parsed",
        parse: parseNote,
        brief: "Go on from an older copy of the workspace; the reason is recorded",
        placeholder: "REASON",
        optional: true,
      },
    },
  },
  docs: commandDocs(
    "Check the workspace and say what to do",
    "Checks identity, authority, records, objects, logs, key and index, and explains each resolved value. Exits 4 when it finds a problem.",
    [
      ["lily doctor", "looks, changes nothing"],
      ["lily doctor --accept-rollback 'restored after a disk failure'", "an older copy runs nothing until somebody says so"],
      ["lily doctor --rebuild", "views are derived: rebuilding is always safe"],
    ],
  ),
});

const explain = buildCommand({
  loader: async () => adapt((await import("../commands/explain.ts")).explain),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ brief: "Error code or exit code; without it, all codes", placeholder: "CODE", parse: parseText, optional: true }],
    },
  },
  docs: commandDocs("Say what a code means and what to do", "Explains any error code or exit code.", [
    ["lily explain LEASE_HELD", "an error code"],
    ["lily explain 75", "an exit code"],
  ]),
});

const completion = buildCommand({
  loader: async () => adapt((await import("../commands/completion.ts")).completion),
  parameters: { positional: { kind: "tuple", parameters: [{ brief: "bash, zsh or fish", placeholder: "SHELL", parse: parseText }] } },
  docs: commandDocs("Print a completion script for a shell", "Prints a script that completes commands, flags and values.", [
    ["lily completion bash > ~/.local/share/bash-completion/completions/lily", "bash"],
    ['lily completion zsh > "${fpath[1]}/_lily"', "zsh"],
    ["lily completion fish > ~/.config/fish/completions/lily.fish", "fish"],
  ]),
});

/** Every command of the CLI. Only what parses arguments is loaded here; a command's own module comes when it runs. */
export const rootRoutes = buildRouteMap({
  routes: {
    exec,
    init,
    run: runRoutes,
    artifact: artifactRoutes,
    record: recordRoutes,
    rollback: rollbackRoutes,
    workflow: workflowRoutes,
    schema: schemaRoutes,
    pack: packRoutes,
    log: logRoutes,
    security: securityRoutes,
    doctor,
    explain,
    completion,
  },
  docs: { brief: "Runs work that must be provable" },
});
