import { buildCommand, buildRouteMap } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parseIndex, parseText } from "../parse-values.ts";
import { runArgument } from "../positionals.ts";
import { adapt } from "../stricli-context.ts";

export const recordRoutes = buildRouteMap({
  routes: {
    show: buildCommand({
      loader: async () => adapt((await import("../commands/record-show.ts")).recordShow),
      parameters: {
        flags: {
          kind: { kind: "parsed", parse: parseText, brief: "Only events of this kind", placeholder: "KIND", optional: true },
          from: { kind: "parsed", parse: parseIndex, brief: "From this sequence number on", placeholder: "SEQ", optional: true },
          jsonl: { kind: "boolean", brief: "The lines of the record, byte for byte", default: false, withNegated: false },
        },
        positional: { kind: "tuple", parameters: [runArgument] },
      },
      docs: commandDocs("Print the events of a run", "Prints the record: the truth about the run, in order.", [
        ["lily record show latest", "one line an event"],
        ["lily record show latest --kind GATE_FAILED --json", "some of them, as one document"],
      ]),
    }),
    verify: buildCommand({
      loader: async () => adapt((await import("../commands/record-verify.ts")).recordVerify),
      parameters: {
        flags: {
          all: { kind: "boolean", brief: "Every record of the workspace", default: false, withNegated: false },
          key: {
            kind: "parsed",
            parse: parseText,
            brief: "Verifier key to trust instead of the key on this machine, or a file that holds it",
            placeholder: "KEY",
            optional: true,
          },
          checkpoint: {
            kind: "parsed",
            parse: parseText,
            brief: "Signed note kept elsewhere, which the log must hold",
            placeholder: "NOTEFILE",
            optional: true,
          },
        },
        positional: { kind: "tuple", parameters: [{ ...runArgument, optional: true }] },
      },
      docs: commandDocs(
        "Prove that a record was not altered",
        "Recomputes every hash and compares with the signed checkpoints.\nExits 0 when anchored, 5 when consistent but not anchored or behind its anchor, 4 when corrupt.\nThe bytes of artifacts and the log files are checked by lily doctor.",
        [
          ["lily record verify latest", "one run"],
          ["lily record verify --all --key lily.vkey --checkpoint checkpoint.txt", "with a key and a note kept elsewhere"],
          ["lily record verify --all --json", "the whole workspace, for a program"],
        ],
      ),
    }),
  },
  docs: { brief: "Read and verify the record of a run" },
});

export const logRoutes = buildRouteMap({
  routes: {
    checkpoint: buildCommand({
      loader: async () => adapt((await import("../commands/log-checkpoint.ts")).logCheckpoint),
      parameters: {},
      docs: commandDocs(
        "Sign a checkpoint over the sealed runs",
        "Cuts a checkpoint over the workspace log and prints the signed note. Keep copies elsewhere, with the\nverifier key that it prints on stderr (with --json as verifier_key): they show later cuts.",
        [["lily log checkpoint > checkpoint.txt", "a note to keep outside the workspace"]],
      ),
    }),
  },
  docs: { brief: "The workspace log that anchors records" },
});
