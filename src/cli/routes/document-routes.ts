import { buildCommand, buildRouteMap } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parsePair, parseText } from "../parse-values.ts";
import { fileArgument } from "../positionals.ts";
import { adapt } from "../stricli-context.ts";

const schemaArgument = { brief: "Schema id, as weather_table.v1", placeholder: "NAME.vN", parse: parseText } as const;
const paramFlag = {
  kind: "parsed",
  parse: parsePair,
  brief: "Parameter of the workflow; repeat for more",
  placeholder: "name=value",
  variadic: true,
  optional: true,
} as const;

export const schemaRoutes = buildRouteMap({
  routes: {
    list: buildCommand({
      loader: async () => adapt((await import("../commands/schema-list.ts")).schemaList),
      parameters: {},
      docs: commandDocs("List registered schemas", "Lists built-in schemas and those of lily.yaml.", [["lily schema list", "id, origin and digest of each"]]),
    }),
    show: buildCommand({
      loader: async () => adapt((await import("../commands/schema-show.ts")).schemaShow),
      parameters: { positional: { kind: "tuple", parameters: [schemaArgument] } },
      docs: commandDocs("Print a schema", "Prints the JSON Schema 2020-12 document.", [["lily schema show gate_result.v1 > gate_result.json", "export one"]]),
    }),
    check: buildCommand({
      loader: async () => adapt((await import("../commands/schema-check.ts")).schemaCheck),
      parameters: {
        positional: {
          kind: "tuple",
          parameters: [
            { ...schemaArgument, optional: true },
            { brief: "JSON file to check against it", placeholder: "FILE", parse: parseText, optional: true },
          ],
        },
      },
      docs: commandDocs(
        "Check schemas, or a file against one",
        "Without arguments: whether each registered version can still read what the one before wrote.\nWith a schema and a file: whether the file fits. Exits 2 when there are problems.",
        [
          ["lily schema check", "compatibility of every registered schema"],
          ["lily schema check weather_table.v1 out/clean.json", "one file"],
        ],
      ),
    }),
  },
  docs: { brief: "List, show and check schemas" },
});

export const workflowRoutes = buildRouteMap({
  routes: {
    check: buildCommand({
      loader: async () => adapt((await import("../commands/workflow-check.ts")).workflowCheck),
      parameters: { positional: { kind: "tuple", parameters: [fileArgument] } },
      docs: commandDocs("Check a workflow document", "Names every problem with its line. Runs nothing. Exits 2 when there are problems.", [
        ["lily workflow check weather.yaml", "before the first run, or in CI"],
      ]),
    }),
    plan: buildCommand({
      loader: async () => adapt((await import("../commands/workflow-plan.ts")).workflowPlan),
      parameters: { flags: { param: paramFlag }, positional: { kind: "tuple", parameters: [fileArgument] } },
      docs: commandDocs(
        "Compile the plan and print its digest",
        "Compiles without running. The digest covers document, parameters, policy, schemas and code.",
        [
          ["lily workflow plan weather.yaml --param year=2014", "steps and digest"],
          ["lily workflow plan weather.yaml --json", "the whole plan"],
        ],
      ),
    }),
    graph: buildCommand({
      loader: async () => adapt((await import("../commands/workflow-graph.ts")).workflowGraph),
      parameters: {
        flags: { param: paramFlag, format: { kind: "enum", values: ["mermaid", "dot", "table", "json"], brief: "How to draw it", default: "mermaid" } },
        positional: { kind: "tuple", parameters: [fileArgument] },
      },
      docs: commandDocs("Draw the steps, gates and routes of a workflow", "Draws the plan, not a run. For a run: lily artifact graph RUN.", [
        ["lily workflow graph weather.yaml --format dot | dot -Tsvg > plan.svg", "as a picture, with Graphviz"],
      ]),
    }),
  },
  docs: { brief: "Check, plan and draw workflow documents" },
});
