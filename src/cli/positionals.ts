/** Positional arguments that several commands share. */
import { proposeRuns } from "./propose-runs.ts";
import { parseText } from "./parse-values.ts";

export const runArgument = { brief: "Run id, a unique prefix of one, or latest", placeholder: "RUN", parse: parseText, proposeCompletions: proposeRuns };
export const fileArgument = { brief: "Workflow document, YAML or JSON", placeholder: "FILE", parse: parseText } as const;
export const artifactArgument = { brief: "Artifact id, a unique prefix of one, or a digest", placeholder: "ARTIFACT", parse: parseText } as const;
