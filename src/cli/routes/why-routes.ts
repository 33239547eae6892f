import { buildCommand } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parseText } from "../parse-values.ts";
import { runArgument } from "../positionals.ts";
import { adapt } from "../stricli-context.ts";

const stepArgument = { brief: "Id of a step of the run", placeholder: "STEP", parse: parseText } as const;

export const runWhyRoute = buildCommand({
  loader: async () => adapt((await import("../commands/run-why.ts")).runWhy),
  parameters: { positional: { kind: "tuple", parameters: [runArgument, stepArgument] } },
  docs: commandDocs(
    "Say why a step was reused, done again, skipped or denied",
    "One sentence, and the smallest set of inputs that changed since the step was last done, by name and digest. Always exits 0 when run and step exist.",
    [
      ["lily run why latest clean", "the newest run"],
      ["lily run why 0197a clean --json", "the certificate, with whole digests"],
    ],
  ),
});
