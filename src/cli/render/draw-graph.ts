/** Draws a graph of labelled nodes: as a table of edges, DOT (Graphviz), Mermaid or JSON. Labels are untrusted and are escaped for each. */
import { jsonText } from "./json-text.ts";
import { plainText } from "./plain-text.ts";
import { table, type TableOptions } from "./table.ts";

export type GraphFormat = "table" | "dot" | "mermaid" | "json";

export interface DrawnNode {
  readonly id: string;
  readonly kind: string;
  readonly label: string;
}

export interface DrawnGraph {
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly kind: string }[];
}

export function drawGraph(graph: DrawnGraph, format: GraphFormat, options: TableOptions): string {
  switch (format) {
    case "table":
      return edgeTable(graph, options);
    case "dot":
      return dotText(graph);
    case "mermaid":
      return mermaidText(graph);
    case "json":
      return jsonText(graph);
  }
}

function edgeTable(graph: DrawnGraph, options: TableOptions): string {
  const names = new Map(graph.nodes.map((node) => [node.id, `${node.kind} ${node.label}`]));
  if (graph.edges.length === 0)
    return graph.nodes.length === 0
      ? "the graph is empty"
      : table(
          ["NODE"],
          [...names.values()].map((name) => [name]),
          options,
        );
  return table(
    ["FROM", "", "TO"],
    graph.edges.map((edge) => [names.get(edge.from) ?? edge.from, edge.kind, names.get(edge.to) ?? edge.to]),
    options,
  );
}

const dotShapes: Readonly<Record<string, string>> = { step: "box", gate: "diamond", input: "folder", artifact: "note", run: "component" };

function dotText(graph: DrawnGraph): string {
  const ids = shortIds(graph);
  const nodes = graph.nodes.map((node) => `  ${ids.get(node.id) ?? ""} [label=${dotString(node.label)}, shape=${dotShapes[node.kind] ?? "ellipse"}];`);
  const edges = graph.edges.map(
    (edge) => `  ${ids.get(edge.from) ?? dotString(edge.from)} -> ${ids.get(edge.to) ?? dotString(edge.to)} [label=${dotString(edge.kind)}];`,
  );
  return ["digraph lily {", "  rankdir=LR;", ...nodes, ...edges, "}"].join("\n");
}

function dotString(text: string): string {
  return `"${plainText(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

const mermaidBrackets: Readonly<Record<string, readonly [string, string]>> = {
  step: ["[", "]"],
  gate: ["{", "}"],
  input: ["[/", "/]"],
  artifact: ["(", ")"],
  run: ["[[", "]]"],
};

function mermaidText(graph: DrawnGraph): string {
  const ids = shortIds(graph);
  const nodes = graph.nodes.map((node) => {
    const [open, close] = mermaidBrackets[node.kind] ?? ["[", "]"];
    return `  ${ids.get(node.id) ?? ""}${open}${mermaidString(node.label)}${close}`;
  });
  const edges = graph.edges.map((edge) => `  ${ids.get(edge.from) ?? "unknown"} -->|${mermaidString(edge.kind)}| ${ids.get(edge.to) ?? "unknown"}`);
  return ["flowchart LR", ...nodes, ...edges].join("\n");
}

/** Mermaid has no escapes but entities. */
function mermaidString(text: string): string {
  return `"${plainText(text).replace(/[#"<>&\\`]/g, (char) => `#${char.charCodeAt(0)};`)}"`;
}

/** Own names n0, n1, ... so that no id of a document can be syntax. */
function shortIds(graph: DrawnGraph): ReadonlyMap<string, string> {
  return new Map(graph.nodes.map((node, i) => [node.id, `n${i}`]));
}
