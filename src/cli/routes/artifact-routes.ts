import { buildCommand, buildRouteMap } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parseCount, parseText } from "../parse-values.ts";
import { artifactArgument, runArgument } from "../positionals.ts";
import { artifactReplaceRoute } from "./replay-routes.ts";
import { adapt } from "../stricli-context.ts";

const textFlag = (brief: string, placeholder: string) => ({ kind: "parsed", parse: parseText, brief, placeholder, optional: true }) as const;

const put = buildCommand({
  loader: async () => adapt((await import("../commands/artifact-put.ts")).artifactPut),
  parameters: {
    flags: {
      type: textFlag("Type of the artifact", "TYPE"),
      name: textFlag("Name of the artifact; default: the file's", "NAME"),
      run: textFlag("Run that it belongs to", "RUN"),
      schema: textFlag("Schema that its content must fit; makes it structured", "NAME.vN"),
      mediaType: textFlag("Media type of the bytes", "TYPE"),
    },
    positional: { kind: "tuple", parameters: [{ brief: "File to keep", placeholder: "FILE", parse: parseText }] },
  },
  docs: commandDocs("Keep a file as an artifact", "Stores the bytes under their SHA-256 and prints the artifact's id.", [
    ["lily artifact put model.bin --type model", "prints art_…"],
    ["lily artifact put report.json --schema weather_report.v1", "refused when it does not fit"],
  ]),
});

const get = buildCommand({
  loader: async () => adapt((await import("../commands/artifact-get.ts")).artifactGet),
  parameters: {
    flags: { output: textFlag("Write here in place of stdout; an existing file is refused", "FILE") },
    positional: { kind: "tuple", parameters: [artifactArgument] },
  },
  docs: commandDocs("Get the verified bytes of an artifact", "The bytes are verified against their digest before the first one is written.", [
    ["lily artifact get art_3f2a --output model.bin", "to a file"],
    ["lily artifact get sha256:… | jq .", "to a pipe"],
  ]),
});

const list = buildCommand({
  loader: async () => adapt((await import("../commands/artifact-list.ts")).artifactList),
  parameters: {
    flags: {
      run: textFlag("Only of this run", "RUN"),
      type: textFlag("Only of this type", "TYPE"),
      name: textFlag("Only with this name", "NAME"),
      producer: textFlag("Only of this producer", "ID"),
      digest: textFlag("Only with this digest", "DIGEST"),
      limit: { kind: "parsed", parse: parseCount, brief: "At most this many", placeholder: "N", default: "100" },
    },
  },
  docs: commandDocs("List artifacts", "Lists artifacts of the workspace.", [
    ["lily artifact list --run latest", "what the newest run took and made"],
    ["lily artifact list --type gate_result.v1 --json", "by type, for a program"],
  ]),
});

const show = buildCommand({
  loader: async () => adapt((await import("../commands/artifact-show.ts")).artifactShow),
  parameters: { positional: { kind: "tuple", parameters: [artifactArgument] } },
  docs: commandDocs("Show what an artifact is and where it came from", "Shows digest, type, producer and inputs of one artifact.", [
    ["lily artifact show art_3f2a", "by a prefix of its id"],
  ]),
});

const graph = buildCommand({
  loader: async () => adapt((await import("../commands/artifact-graph.ts")).artifactGraph),
  parameters: {
    flags: { format: { kind: "enum", values: ["table", "dot", "mermaid", "json"], brief: "How to draw it", default: "table" } },
    positional: { kind: "tuple", parameters: [runArgument] },
  },
  docs: commandDocs("Draw who made what from what in a run", "The provenance graph of a run: inputs, steps, artifacts and gates.", [
    ["lily artifact graph latest", "as a table"],
    ["lily artifact graph latest --format dot | dot -Tsvg > graph.svg", "as a picture, with Graphviz"],
    ["lily artifact graph latest --format mermaid", "for a Markdown page"],
  ]),
});

export const artifactRoutes = buildRouteMap({
  routes: { put, get, list, show, graph, replace: artifactReplaceRoute },
  docs: { brief: "Keep, get and trace artifacts" },
});
