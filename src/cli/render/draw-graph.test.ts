import { describe, expect, test } from "vitest";
import { type DrawnGraph, drawGraph } from "./draw-graph.ts";

const options = { paint: (_tone: string, text: string): string => text, width: null };
const hostile: DrawnGraph = {
  nodes: [
    { id: 'a"]; evil [label="x', kind: "artifact", label: 'x"]; evil -> b; <script>`#\\\n' },
    { id: "b", kind: "odd", label: "b" },
  ],
  edges: [
    { from: 'a"]; evil [label="x', to: "b", kind: "used" },
    { from: "b", to: "gone", kind: "used" },
  ],
};

describe("a label or id that is syntax", () => {
  test("stays a label in DOT", () => {
    expect(drawGraph(hostile, "dot", options).split("\n")).toEqual([
      "digraph lily {",
      "  rankdir=LR;",
      String.raw`  n0 [label="x\"]; evil -> b; <script>${"`"}#\\\\n", shape=note];`,
      '  n1 [label="b", shape=ellipse];',
      '  n0 -> n1 [label="used"];',
      '  n1 -> "gone" [label="used"];',
      "}",
    ]);
  });

  test("stays a label in Mermaid", () => {
    expect(drawGraph(hostile, "mermaid", options).split("\n")).toEqual([
      "flowchart LR",
      '  n0("x#34;]; evil -#62; b; #60;script#62;#96;#35;#92;#92;n")',
      '  n1["b"]',
      '  n0 -->|"used"| n1',
      '  n1 -->|"used"| unknown',
    ]);
  });
});

test("a graph without edges lists its nodes, and an empty one says so", () => {
  expect(drawGraph({ nodes: hostile.nodes.slice(1), edges: [] }, "table", options)).toBe("NODE\nodd b");
  expect(drawGraph({ nodes: [], edges: [] }, "table", options)).toBe("the graph is empty");
});
